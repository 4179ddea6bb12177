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
}
