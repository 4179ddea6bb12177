package import HTTP

/// A request's line and headers as libmicrohttpd parsed them, and where each part lay in its buffer.
///
/// libmicrohttpd 0.9 takes a bare LF for a line end, joins folded lines and ends a text at a NUL, all
/// without a word. It parses in place, though, so gaps between the parts show each of these.
package struct RawHead {
  package struct Line {
    package let name: Part
    package let value: Part

    package init(name: Part, value: Part) {
      self.name = name
      self.value = value
    }
  }

  /// A text and its place, as an address that is compared and never read.
  package struct Part {
    package let text: String
    let start: UInt
    let count: Int

    package init(text: String, start: UInt, count: Int) {
      self.text = text
      self.start = start
      self.count = count
    }

    var end: UInt { start + UInt(count) }
  }

  let method: Part
  let target: Part
  let version: Part
  let lines: [Line]
  /// From the method's first byte to the end of the blank line.
  let size: Int

  package init(
    method: Part, target: Part, version: Part, lines: [Line], size: Int
  ) {
    self.method = method
    self.target = target
    self.version = version
    self.lines = lines
    self.size = size
  }

  /// Whether the parts lie as RFC 9112 §3 and §5 want: one blank, CR LF, no folding, no NUL.
  var isCleanlyLaidOut: Bool {
    guard target.start == method.end + 1, version.start == target.end + 1 else { return false }
    var lineStart = version.end + 2
    for line in lines {
      guard line.name.start == lineStart, line.value.start > line.name.end else { return false }
      lineStart = line.value.end + 2
    }
    return method.start + UInt(size) == lineStart + 2
  }
}

/// What must hold of a request before anything is made of it.
package enum FramingGuard {
  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE"]

  /// How the body will come.
  package enum Framing: Equatable {
    case length(Int)
    case chunked
  }

  /// The request without its body, and how that will come.
  package static func check(
    _ head: RawHead, checksLayout: Bool
  ) throws(Fault) -> (request: Request, framing: Framing) {
    guard head.version.text == "HTTP/1.1" else {
      throw Fault(.badRequest, "the protocol is not HTTP/1.1")
    }
    guard head.target.count <= Limits.targetBytesMax else {
      throw Fault(.targetTooLong, "the request target is too long")
    }
    guard head.size <= Limits.requestHeaderBytesMax else {
      throw Fault(.headersTooLarge, "the request's headers are too long")
    }
    guard !checksLayout || head.isCleanlyLaidOut else {
      throw Fault(.badRequest, "the request's lines are not as RFC 9112 wants them")
    }
    guard methods.contains(head.method.text) else {
      throw Fault(.badMethod, "the method is not GET, HEAD, POST, PUT or DELETE")
    }
    try checkTarget(head.target.text)
    var all = Headers()
    for line in head.lines {
      guard all.add(line.name.text, line.value.text) else {
        throw Fault(.badRequest, "a header's name or value is malformed")
      }
    }
    let framing = try framing(all)
    guard framing == .length(0) || head.method.text == "POST" || head.method.text == "PUT" else {
      throw Fault(.badRequest, "only POST and PUT bring a body")
    }
    let hosts = all.values("Host")
    guard hosts.count == 1, isAuthority(hosts[0]) else {
      throw Fault(.badRequest, "there must be one Host header, with a host and nothing else")
    }
    for name in ["Host", "Content-Length", "Transfer-Encoding"] { all.remove(name) }
    let request = Request(
      method: head.method.text, target: head.target.text, headers: all, scheme: "http",
      authority: hosts[0])
    return (request, framing)
  }

  /// RFC 9112 §6.3, without its licence to repair: two readers of one request must see one length.
  private static func framing(_ headers: Headers) throws(Fault) -> Framing {
    let lengths = headers.values("Content-Length")
    let codings = headers.values("Transfer-Encoding")
    guard lengths.count <= 1, codings.count <= 1, lengths.isEmpty || codings.isEmpty else {
      throw Fault(.badRequest, "the body's length is given more than once")
    }
    if let coding = codings.first {
      guard coding.lowercased() == "chunked" else {
        throw Fault(.badRequest, "the only transfer coding is chunked")
      }
      return .chunked
    }
    guard let length = lengths.first else { return .length(0) }
    let isNumber = (1...18).contains(length.utf8.count) && length.utf8.allSatisfy(isDigit)
    guard isNumber, let count = Int(length) else {
      throw Fault(.badRequest, "the Content-Length is not a number")
    }
    return .length(count)
  }

  /// Origin form only, with nothing that a file system or a second decoder could read otherwise.
  static func checkTarget(_ target: String) throws(Fault) {
    let bytes = Array(target.utf8)
    guard bytes.first == UInt8(ascii: "/"), bytes.allSatisfy(isTargetByte), areEscapesWhole(bytes)
    else { throw Fault(.badRequest, "the request target is malformed") }
    let lower = target.lowercased()
    let path = lower.utf8.prefix { $0 != UInt8(ascii: "?") }
    let text = String(decoding: path, as: UTF8.self)
    guard !lower.contains("%00"), !text.contains("%2f"), !text.contains("%5c") else {
      throw Fault(.badRequest, "the request target holds an escape that is not allowed")
    }
    for segment in text.split(separator: "/") {
      let plain = segment.split(separator: "%2e", omittingEmptySubsequences: false)
        .joined(separator: ".")
      guard plain != ".", plain != ".." else {
        throw Fault(.badRequest, "the request target holds a dot segment")
      }
    }
  }

  private static func isTargetByte(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "#")
  }

  private static func areEscapesWhole(_ bytes: [UInt8]) -> Bool {
    bytes.indices.allSatisfy { index in
      bytes[index] != UInt8(ascii: "%")
        || (index + 2 < bytes.count && isHex(bytes[index + 1]) && isHex(bytes[index + 2]))
    }
  }

  private static func isAuthority(_ text: String) -> Bool {
    text.utf8.last != UInt8(ascii: "/") && Origin("http://\(text)") != nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
