import Central
import Foundation
import HTTP
import Registry
import Testing
import Web

/// `openapi.yaml` and the code speak of the same addresses.
@Suite("The OpenAPI description", .timeLimit(.minutes(15)))
struct OpenAPITests {
  /// Paths with their methods, read by their indentation.
  private static func documented() throws -> [(path: String, methods: [String])] {
    let text = try String(
      contentsOf: Specification.folder.appending(path: "openapi.yaml"), encoding: .utf8)
    var found: [(path: String, methods: [String])] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("  /"), line.hasSuffix(":") {
        found.append((String(line.dropFirst(2).dropLast()), []))
      } else if ["    get:", "    post:", "    put:", "    delete:"].contains(line) {
        found[found.count - 1].methods.append(String(line.dropFirst(4).dropLast()).uppercased())
      }
    }
    return found
  }

  private static func answer(_ world: World, _ method: String, _ path: String) throws -> Response {
    let target = path.replacingOccurrences(of: "{space}", with: "commons")
    let request = Request(method: method, target: target)
    guard !Routes.owns(request.path) else {
      return world.tap.routes.answer(request, now: World.now, at: World.at)
    }
    return Pages.answer(request, try PublicState(world.central.store, lastMerge: nil))
  }

  @Test("every documented address answers its methods and no other [SP-501] [SP-502]")
  func answers() throws {
    let world = try World()
    let documented = try Self.documented()
    #expect(documented.count > 10)
    for (path, methods) in documented {
      #expect(!methods.isEmpty, "\(path)")
      for method in methods {
        // A day is given, since nothing is recorded yet that would name one.
        let target = path.hasPrefix("/official-list") ? path + "?on=2014-09-17" : path
        let status = try Self.answer(world, method, target).status
        #expect(status != 404 && status != 405, "\(method) \(path): \(status)")
      }
      let other = try Self.answer(world, "DELETE", path)
      let allowed = other.headers["Allow"]?.split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      #expect(other.status == 405, "\(path)")
      #expect(allowed?.filter { $0 != "HEAD" } == methods, "\(path)")
    }
  }

  @Test("every address in the code is documented")
  func complete() throws {
    let documented = Set(try Self.documented().map(\.path))
    let routes = try String(
      contentsOf: Specification.root.appending(path: "Sources/Central/Routes.swift"),
      encoding: .utf8)
    let pages = try String(
      contentsOf: Specification.root.appending(path: "Sources/Web/Pages.swift"), encoding: .utf8)
    var coded: Set<String> = []
    for line in routes.split(separator: "\n") where line.contains("case (\"") {
      let words = line.split(separator: "\"").map(String.init)
      if let range = line.range(of: #"parts == \["v1"(, "[a-z]+")*\]"#, options: .regularExpression)
      {
        let names = line[range].split(separator: "\"").filter { $0.first?.isLetter == true }
        coded.insert("/" + names.dropFirst().joined(separator: "/"))
      } else if line.contains("parts[3] ==") {
        coded.insert("/v1/spaces/{space}/\(words[words.count - 2])")
      }
    }
    for line in pages.split(separator: "\n") where line.contains("case \"/") {
      coded.insert(String(line.split(separator: "\"")[1]))
    }
    #expect(coded.count > 10)
    #expect(coded == documented)
  }

  /// The lines of `openapi.yaml` that are about one operation, with the components they refer to.
  private static func operation(_ method: String, _ path: String) throws -> String {
    let text = try String(
      contentsOf: Specification.folder.appending(path: "openapi.yaml"), encoding: .utf8)
    func block(_ start: String, in lines: [Substring]) -> [Substring] {
      let indent = start.prefix { $0 == " " }.count
      guard let first = lines.firstIndex(of: Substring(start)) else { return [] }
      return Array(
        lines[(first + 1)...].prefix { $0.prefix { $0 == " " }.count > indent || $0.isEmpty })
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var found = block("    \(method.lowercased()):", in: block("  \(path):", in: lines))
    let components = block("components:", in: lines)
    for line in found {
      guard let reference = line.range(of: "#/components/responses/") else { continue }
      let name = line[reference.upperBound...].prefix { $0 != "\"" }
      found += block("    \(name):", in: block("  responses:", in: components))
    }
    return found.joined(separator: "\n")
  }

  private static func path(of request: Request) -> String {
    var parts = request.path.split(separator: "/").map(String.init)
    if parts.starts(with: ["v1", "spaces"]) { parts[2] = "{space}" }
    return "/" + parts.joined(separator: "/")
  }

  @Test("every status, media type and header of an answer is documented for its address [SP-502]")
  func answered() throws {
    let world = try World()
    try world.heal()
    var answers = world.tap.crossed
    for (path, methods) in try Self.documented() {
      let listed = path.hasPrefix("/official-list")
      for target in listed ? ["", "?on=2014-09-17", "?on=x"] : [""] {
        for method in methods + ["DELETE"] {
          let request = Request(
            method: method,
            target: path.replacingOccurrences(of: "{space}", with: "commons") + target)
          answers.append((request, try Self.answer(world, method, path + target)))
        }
      }
    }
    for path in ["/", "/style.css", "/official-list.csv?on=2014-09-17"] {
      let tag = try #require(try Self.answer(world, "GET", path).headers["ETag"])
      let request = Request(method: "GET", target: path, headers: ["If-None-Match": tag])
      answers.append(
        (request, Pages.answer(request, try PublicState(world.central.store, lastMerge: nil))))
    }
    #expect(answers.contains { $0.response.status == 304 })
    for (request, response) in answers {
      let path = Self.path(of: request)
      let isWrong = response.status == 405
      let method = try isWrong ? Self.documented().first { $0.path == path }?.methods[0] : nil
      let text = try Self.operation(method ?? request.method, path)
      let name = "\(request.method) \(request.target): \(response.status)"
      let isGood = (200..<400).contains(response.status)
      #expect(text.contains(isGood ? "\"\(response.status)\":" : "        default:"), "\(name)")
      for field in response.headers.fields {
        let isType = field.name.lowercased() == "content-type"
        let word = isType ? field.value.prefix { $0 != ";" } : Substring(field.name)
        #expect(text.contains(" \(word):"), "\(name): \(word)")
      }
    }
  }
}
