import CMicrohttpd
import CShims

#if canImport(Glibc)
  import Glibc
#endif

/// An IPv4 or IPv6 address, without a port; an IPv4 address within IPv6 is the IPv4 one.
public struct Address: Sendable, Hashable {
  private let bytes: [UInt8]

  /// Reads `192.0.2.1` or `2001:db8::1`; nil for anything else, names too.
  public init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &bytes) == 1 {
      self.init(bytes: Array(bytes.prefix(4)))
    } else if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
      self.init(bytes: bytes)
    } else {
      return nil
    }
  }

  /// The other side of a connection; nil for a Unix socket.
  init?(_ connection: OpaquePointer) {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = unsafe cordee_mhd_address(connection, &bytes)
    guard count > 0 else { return nil }
    self.init(bytes: Array(bytes.prefix(Int(count))))
  }

  private init(bytes: [UInt8]) {
    let mapped = [UInt8](repeating: 0, count: 10) + [255, 255]
    let isMapped = bytes.count == 16 && bytes.starts(with: mapped)
    self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
  }

  /// Whether it is this machine's own, `127.…` or `::1`.
  var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
  }
}
