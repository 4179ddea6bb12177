import HTTP
import Testing

@testable import cordee

@Suite struct ReachTests {
  @Test(arguments: [
    ("http://localhost:8080", "127.0.0.1:8080"), ("http://127.0.0.1:9000", "127.0.0.1:9000"),
    ("http://192.0.2.1:9000", "0.0.0.0:9000"), ("http://192.0.2.1:9000", "192.0.2.1:9000"),
    ("http://desk.example:9000", "192.0.2.1:9000"), ("http://desk.example:9000", "[::]:9000"),
    ("http://[2001:db8::1]:9000", "[2001:db8::1]:9000"), ("http://192.0.2.1", "0.0.0.0:80"),
  ])
  func `nothing has to lead where the node listens itself`(_ url: String, _ place: String) throws {
    let origin = try #require(Origin(url))
    #expect(Reach.notice(from: origin, to: place) == nil)
  }

  @Test(arguments: [
    ("http://192.0.2.1:9000", "127.0.0.1:8080"), ("http://192.0.2.1:9000", "0.0.0.0:8080"),
    ("http://192.0.2.1:9000", "192.0.2.2:9000"), ("http://desk.example:9000", "127.0.0.1:9000"),
    ("http://desk.example", "0.0.0.0:8080"), ("https://registry.example", "127.0.0.1:8080"),
    ("https://registry.example", "0.0.0.0:443"), ("http://localhost:8080", "192.0.2.1:8080"),
    ("http://192.0.2.1:9000", "[::1]:9000"),
  ])
  func `what has to lead elsewhere is said, with both ends`(_ url: String, _ place: String) throws {
    let origin = try #require(Origin(url))
    let notice = try #require(Reach.notice(from: origin, to: place))
    #expect(notice.contains(url) && notice.contains(place) && notice.contains("has to lead there"))
    #expect(notice.contains("TLS") == url.hasPrefix("https"))
  }

  @Test(arguments: [
    ("http://localhost:8080", ""), ("http://127.0.0.1:8080", ""),
    ("http://localhost:9000", " --listen 127.0.0.1:9000"),
    ("http://192.0.2.1:9000", " --listen 192.0.2.1:9000"),
    ("http://desk.example:9000", " --listen 0.0.0.0:9000"),
    ("http://[::1]:9000", " --listen [::1]:9000"), ("https://registry.example", ""),
  ])
  func `the next line listens where the URL leads, and needs no notice`(
    _ url: String, _ listen: String
  ) throws {
    let origin = try #require(Origin(url))
    #expect(Reach.serveLine("here", origin) == "cordee central serve --data here" + listen)
    let place = Reach.listen(for: origin)
    #expect(place.map { Reach.notice(from: origin, to: $0) == nil } ?? (origin.scheme == "https"))
  }

  @Test func `a folder of any name stands in the line as a shell reads it`() throws {
    let origin = try #require(Origin("http://127.0.0.1:8080"))
    let name = "Donn\u{E9}es d'ici"
    let line = Reach.serveLine(name, origin)
    let read = try said(
      by: "/bin/sh", [], reading: "cordee() { printf %s \"$4\"; }\n\(line)\n")
    #expect(read == name, "\(line)")
  }

  @Test func `a place is read as it is written`() throws {
    for (host, port) in [("127.0.0.1", 80), ("::1", 9000), ("desk.example", 1)]
      as [(String, UInt16)]
    {
      let read = try #require(Reach.split(Reach.place(host, port)))
      #expect(read == (host, port))
    }
    for text in ["", "8080", "host", "host:", "host:65536", "host:x"] {
      #expect(Reach.split(text) == nil, "\(text)")
    }
  }
}
