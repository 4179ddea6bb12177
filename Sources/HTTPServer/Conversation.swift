import CMicrohttpd
import CShims
import HTTP

#if canImport(Glibc)
  import Glibc
#endif

/// One request on its way in; only its connection's thread touches it.
final class Conversation {
  /// What is to become of the body's bytes.
  enum Intake {
    /// No header seen yet.
    case head
    /// Kept, up to a cap.
    case collecting(bytesMax: Int)
    /// Read and thrown away, so that the client can read why; up to a count.
    case draining(Fault, bytesLeft: Int)
    /// Answered; nothing more is wanted.
    case done
  }

  /// The target as it came, taken before libmicrohttpd cuts and decodes it.
  let target: RawHead.Part
  var request = Request(method: "", target: "")
  var intake = Intake.head
  /// Whether the answer is this connection's last.
  var isLast = false
  /// Whether it is answered before its body is in.
  var lingers = false

  init(target: RawHead.Part) { self.target = target }

  /// Takes a part of the body; false when the connection is to end without an answer.
  func take(_ part: UnsafeBufferPointer<UInt8>) -> Bool {
    switch intake {
    case .collecting(let bytesMax) where part.count <= bytesMax - request.body.count:
      unsafe request.body.append(contentsOf: part)
      return true
    case .collecting:
      request.body = []
      intake = .draining(.tooLarge, bytesLeft: Limits.drainedBytesMax)
      return unsafe take(part)
    case .draining(let fault, let bytesLeft):
      intake = .draining(fault, bytesLeft: bytesLeft - part.count)
      return part.count <= bytesLeft
    case .head, .done:
      return false
    }
  }
}

extension Fault {
  static let tooLarge = Fault(.tooLarge, "the body is longer than allowed here")
}

extension RawHead.Part {
  /// Nil for a null pointer.
  init?(_ bytes: UnsafePointer<CChar>?, count: Int? = nil) {
    guard let bytes = unsafe bytes else { return nil }
    let count = unsafe count ?? strlen(bytes)
    let view = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
    self.init(
      text: unsafe String(decoding: view, as: UTF8.self), start: UInt(bitPattern: bytes),
      count: count)
  }
}

extension RawHead {
  /// Collects what libmicrohttpd parsed; nil when it keeps something back.
  init?(
    _ connection: OpaquePointer, target: Part, method: UnsafePointer<CChar>?,
    version: UnsafePointer<CChar>?
  ) {
    guard let method = unsafe Part(method), let version = unsafe Part(version) else { return nil }
    var lines: [Line] = []
    unsafe withUnsafeMutablePointer(to: &lines) { lines in
      _ = unsafe MHD_get_connection_values_n(
        connection, .HEADER_KIND,
        { context, _, name, nameSize, value, valueSize in
          let lines = unsafe context?.assumingMemoryBound(to: [Line].self)
          if let name = unsafe Part(name, count: nameSize) {
            // A header without a value has no pointer, and then no place.
            let value = unsafe Part(value, count: valueSize) ?? Part(text: "", start: 0, count: 0)
            unsafe lines?.pointee.append(Line(name: name, value: value))
          }
          return .YES
        }, lines)
    }
    self.init(
      method: method, target: target, version: version, lines: lines,
      size: unsafe cordee_mhd_header_size(connection))
  }
}
