import HTTP
import HTTPServer
import Testing
import Web

@Suite("The site over HTTP", .timeLimit(.minutes(15)))
struct SiteTests {
  private static let targets = [
    "/", "/official-list.html", "/official-list.json", "/official-list.csv", "/style.css",
  ]

  @Test("every page has its type, its guards and a tag; the tag asks for nothing twice")
  func tags() throws {
    let registered = try Registered()
    let site = try Site(try registered.state())
    defer { site.server.stop() }
    let types = ["text/html", "text/html", "application/json", "text/csv", "text/css"]
    for (target, type) in zip(Self.targets, types) {
      let first = try site.send("GET", target)
      #expect(first.status == 200)
      #expect(first.headers["Content-Type"]?.hasPrefix(type) == true, "\(target)")
      let policy = try #require(first.headers["Content-Security-Policy"])
      #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
      #expect(first.headers["X-Content-Type-Options"] == "nosniff")
      #expect(first.headers["Referrer-Policy"] == "no-referrer")
      #expect(first.headers["Cache-Control"]?.contains("max-age=") == true)
      let tag = try #require(first.headers["ETag"])
      for held in [tag, "W/\(tag)", "\"other\", \(tag)", " \(tag) ,\"x\"", "*"] {
        let second = try site.send("GET", target, ["If-None-Match": held])
        #expect(second.status == 304 && second.bytes.isEmpty, "\(held)")
        #expect(second.headers["ETag"] == tag)
      }
      for held in ["\"other\"", tag.replacing("\"", with: ""), ""] {
        #expect(try site.send("GET", target, ["If-None-Match": held]).bytes == first.bytes)
      }
    }
  }

  @Test("the looks fetch nothing, fit a page kept as a file, and know dark screens and paper")
  func looks() throws {
    let sheet = try #require(Pages.fixed(Request(method: "GET", target: "/style.css"))).text
    for part in ["url(", "@import", "http", "<", "&", "\""] {
      #expect(!sheet.contains(part), "\(part)")
    }
    #expect(sheet.contains("@media (prefers-color-scheme:dark)") && sheet.contains("@media print"))
    #expect(sheet.count { $0 == "{" } == sheet.count { $0 == "}" })
  }

  @Test("a changed list has another tag")
  func changed() throws {
    let registered = try Registered()
    let before = Pages.answer(Request(method: "GET", target: "/"), try registered.state())
    try registered.run("UPDATE official_list_entry SET label = 'X' WHERE label = 'France'")
    let after = Pages.answer(Request(method: "GET", target: "/"), try registered.state())
    #expect(before.headers["ETag"] != after.headers["ETag"])
  }

  @Test("HEAD is GET without the body")
  func head() throws {
    let registered = try Registered()
    let site = try Site(try registered.state())
    defer { site.server.stop() }
    for target in Self.targets + ["/nothing", "/official-list.json?on=x", "/healthz"] {
      let (get, head) = (try site.send("GET", target), try site.send("HEAD", target))
      #expect(head.status == get.status && head.bytes.isEmpty, "\(target)")
      for name in ["Content-Type", "ETag", "Cache-Control", "Content-Security-Policy"] {
        #expect(head.headers[name] == get.headers[name], "\(target) \(name)")
      }
    }
  }

  @Test("an unknown address is a page that says so; a wrong method says what is allowed")
  func refusals() throws {
    let site = try Site(PublicState())
    defer { site.server.stop() }
    for target in ["/nothing", "/official-list", "/official-list.xml", "//", "/index.html"] {
      let answer = try site.send("GET", target)
      #expect(answer.status == 404, "\(target)")
      #expect(answer.headers["Content-Type"]?.hasPrefix("text/html") == true)
      #expect(answer.headers["Content-Security-Policy"] != nil)
    }
    for method in ["POST", "PUT", "DELETE"] {
      let answer = try site.send(method, "/official-list.json")
      #expect(answer.status == 405)
      #expect(answer.headers["Allow"] == "GET, HEAD")
    }
  }

  @Test("health is three bytes, kept by nobody, and needs no registry")
  func health() throws {
    let answer = try #require(Pages.fixed(Request(method: "GET", target: "/healthz")))
    #expect(answer.status == 200 && answer.text == "ok\n")
    #expect(answer.headers["Cache-Control"] == "no-store")
    #expect(Pages.fixed(Request(method: "GET", target: "/")) == nil)
    #expect(Pages.unavailable.status == 503)
  }
}
