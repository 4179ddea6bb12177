import HTTP

/// How members' way, the node's URL, and the place it listens at fit together.
enum Reach {
  /// Where a node listens that was not told otherwise.
  static let usual = "127.0.0.1:8080"

  /// What a host is called that stands for all addresses of a machine.
  private static let anywhere: Set<String> = ["0.0.0.0", "::", "*"]

  /// `HOST:PORT`, an IPv6 address in brackets.
  static func place(_ host: String, _ port: UInt16) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// Reads `HOST:PORT`; brackets around an IPv6 address are left out of the host.
  static func split(_ place: String) -> (host: String, port: UInt16)? {
    guard let colon = place.lastIndex(of: ":"),
      let port = UInt16(place[place.index(after: colon)...])
    else { return nil }
    let host = place[..<colon]
    return (
      host.first == "[" && host.last == "]" ? String(host.dropFirst().dropLast()) : String(host),
      port
    )
  }

  /// What has to lead from the URL to the place; nil when nothing has to.
  static func notice(from url: Origin, to place: String) -> String? {
    guard let (host, port) = split(place.lowercased()), !leads(url, host, port) else { return nil }
    let means = url.scheme == "https" ? "a TLS proxy" : "a proxy"
    return "members come to \(url), and it listens at \(place): \(means) has to lead there"
  }

  // A node speaks plain HTTP only. A name may stand for any address that is not this machine's own alone.
  private static func leads(_ url: Origin, _ host: String, _ port: UInt16) -> Bool {
    guard url.scheme == "http", url.port == port else { return false }
    if host == url.host || anywhere.contains(host) { return true }
    let isOwn = Origin("http://\(self.place(host, port))")?.isLoopback ?? false
    return isOwn ? url.isLoopback && isName(url.host) : isName(url.host) && !url.isLoopback
  }

  private static func isName(_ host: String) -> Bool {
    !host.contains(":") && !host.split(separator: ".").allSatisfy { UInt8($0) != nil }
  }

  /// The place at which a node that is reached without a proxy has to listen; nil behind TLS.
  static func listen(for url: Origin) -> String? {
    guard url.scheme == "http" else { return nil }
    guard isName(url.host) else { return place(url.host, url.port) }
    return place(url.isLoopback ? "127.0.0.1" : "0.0.0.0", url.port)
  }

  /// The command that serves a new node so that its URL leads there.
  static func serveLine(_ folder: String, _ url: Origin) -> String {
    let listen = listen(for: url).flatMap { $0 == usual ? nil : " --listen \($0)" }
    return "cordee central serve --data \(Rewriting.quoted(folder))\(listen ?? "")"
  }
}
