/// One request as it is sent or as it came in; nothing is decoded behind the reader's back.
public struct Request: Sendable, Equatable {
  /// The method, upper case.
  public var method: String
  /// The path and query exactly as on the request line, percent-escapes and all.
  public var target: String
  /// `https` or `http`; on a server, how this hop was made (a proxy may have ended TLS before it).
  public var scheme: String
  /// The host and, unless it is the scheme's own, the port: what `Host` carries.
  public var authority: String
  /// Every header but `Host` and the ones that frame the body.
  public var headers: Headers
  /// The body, whole, transfer coding removed, content coding as sent.
  public var body: [UInt8]
  /// On a server, the caller whose it is by its head, as `Admission.caller` named it; never sent, and no header sets it.
  public var admitted: String?

  /// Makes a request from its parts.
  public init(
    method: String, target: String, headers: Headers = Headers(), body: [UInt8] = [],
    scheme: String = "https", authority: String = ""
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.scheme = scheme
    self.authority = authority
  }

  /// Makes a request to a place.
  public init(
    method: String, origin: Origin, target: String, headers: Headers = Headers(),
    body: [UInt8] = []
  ) {
    self.init(
      method: method, target: target, headers: headers, body: body, scheme: origin.scheme,
      authority: origin.authority)
  }

  /// The target up to the `?`, still percent-escaped.
  public var path: String {
    String(decoding: target.utf8.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
  }

  /// The decoded pairs after the `?`.
  public var query: Query {
    guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return Query() }
    return Query(target[target.utf8.index(after: mark)...])
  }
}

/// Scheme and authority of a server, as in `https://central.example:8443`.
public struct Origin: Sendable, Equatable, CustomStringConvertible {
  /// `https` or `http`.
  public let scheme: String
  /// Host in lower case and, unless it is the scheme's own, the port.
  public let authority: String
  /// The host alone, lower case, without the brackets of an IPv6 address.
  public let host: String
  /// The port to connect to.
  public let port: UInt16

  /// Reads `http://host[:port]` or `https://host[:port]`, one `/` allowed at the end.
  ///
  /// Nil for anything else: no user, path, query, fragment, or host outside letters, digits, `.`, `-`, `_`.
  public init?(_ text: String) {
    guard let colon = text.range(ofASCII: "://") else { return nil }
    let scheme = text[..<colon.lowerBound].lowercased()
    guard scheme == "https" || scheme == "http" else { return nil }
    var rest = text[colon.upperBound...]
    if rest.utf8.last == UInt8(ascii: "/") { rest = rest.dropLast() }
    guard let (host, port) = Self.split(rest.lowercased()) else { return nil }
    let own: UInt16 = scheme == "https" ? 443 : 80
    let written = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    self.scheme = scheme
    self.host = host
    self.port = port ?? own
    authority = self.port == own ? written : "\(written):\(self.port)"
  }

  /// The text it is read from.
  public var description: String { "\(scheme)://\(authority)" }

  /// Whether the host is this machine by its name or address: `localhost`, `127.…`, `::1`.
  public var isLoopback: Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    let isIPv4 = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    return host == "localhost" || host == "::1" || (isIPv4 && parts[0] == "127")
  }

  private static func split(_ text: String) -> (host: String, port: UInt16?)? {
    let host: Substring
    let tail: Substring
    if text.utf8.first == UInt8(ascii: "[") {
      guard let end = text.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      host = text[text.utf8.index(after: text.startIndex)..<end]
      tail = text[text.utf8.index(after: end)...]
      guard host.utf8.contains(UInt8(ascii: ":")), host.utf8.allSatisfy(isIPv6Byte) else {
        return nil
      }
    } else {
      let end = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
      (host, tail) = (text[..<end], text[end...])
      guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { return nil }
    }
    guard !tail.isEmpty else { return (String(host), nil) }
    let digits = tail.utf8.dropFirst()
    guard tail.utf8.first == UInt8(ascii: ":"), digits.allSatisfy(isDigit),
      let port = UInt16(tail.dropFirst()), port > 0
    else { return nil }
    return (String(host), port)
  }
}

func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isHostByte(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x61...0x7a).contains(byte) || byte == UInt8(ascii: "-")
    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
}

private func isIPv6Byte(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x61...0x66).contains(byte) || byte == UInt8(ascii: ":")
    || byte == UInt8(ascii: ".")
}

extension String {
  fileprivate func range(ofASCII mark: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].utf8.starts(with: mark.utf8) {
        return start..<utf8.index(start, offsetBy: mark.utf8.count)
      }
      start = utf8.index(after: start)
    }
    return nil
  }
}
