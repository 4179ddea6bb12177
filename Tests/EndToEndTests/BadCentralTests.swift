import Foundation
import Programs
import Testing

extension EndToEnd {
  /// A central that is away, another, or no central at all, and invites that are not good: one line, nothing lost.
  @Suite(.timeLimit(.minutes(15))) struct BadCentralTests {
    @Test func `a central that is away, and another one in its place`() async throws {
      let world = try await World.withUnsentEdits()
      try await world.stop()
      try await world.refuses(Bad("sync --dry-run", 1, "http.unreachable", says: "cannot connect"))
      try await world.stillHoldsUnsentEdits()

      let folder = world.folder.appending(path: "central").path
      try FileManager.default.moveItem(atPath: folder, toPath: folder + "-first")
      try await world.start(merge: "on-push")
      try await world.refuses(
        Bad("sync", 1, "signature.refused", says: "this is another central"), notes: true)
      let invite = try await world.invite("ica")
      try await world.refuses(
        Bad("join \(invite) --adopt", 1, "adopt.network", says: "another network"), notes: true)
      try await world.stillHoldsUnsentEdits()
      try await world.stop()

      try FileManager.default.moveItem(atPath: folder, toPath: folder + "-second")
      try FileManager.default.moveItem(atPath: folder + "-first", toPath: folder)
      try await world.serve(merge: "on-push")
      try await world.sync("quito")
      #expect(try await world.run("quito", "status", "--json").object()["unsent"] as? Int == 0)
    }

    @Test func `invites that are used, expired, unknown or cut`() async throws {
      let world = try await World.withUnsentEdits()
      let used = try await world.invite("ica")
      #expect(
        try await world.run("ica", "join", used, "--replica", "ica.sqlite").exit == 0)
      let expired = try await world.invite("ica")
      try await world.stop()
      try await world.tool(
        "sqlite3", "central/central.sqlite",
        "UPDATE cordee_invite SET expires = 1 WHERE used_by IS NULL")
      try await world.serve(merge: "on-push")
      let good = try await world.invite("ica")
      let parts = good.split(separator: ".")
      let pin = try #require(parts.last)
      let secret = String(repeating: "A", count: 22)
      for (invite, exit, code, says) in [
        (used, 1, "invite.used", "Ask"), (expired, 1, "invite.expired", "Ask"),
        ("http://127.0.0.1:\(world.port)#\(secret).\(pin)", 1, "invite.unknown", "Ask"),
        (String(good.prefix { $0 != "#" }), 2, "invite.shape", "whole link"),
        ("http://127.0.0.1:\(world.port)#abc", 2, "invite.shape", "whole link"),
      ] as [(String, Int32, String, String)] {
        try await world.refuses(
          Bad("join \(invite) --replica other.sqlite", exit, code, says: says))
        let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
        #expect(!left.contains { $0.hasPrefix("other.sqlite") }, "\(code)")
      }
      try await world.refuses(Bad("join \(good)", 1, "replica.exists", says: "--adopt"))
      for (organisation, role, exit, says) in [
        ("nobody", "member", 1, "nobody"), ("ica", "king", 2, "observer"),
      ] as [(String, String, Int32, String)] {
        let told = try await world.run(
          "keeper", "central", "invite", "--data", "central", "--organisation", organisation,
          "--role", role)
        #expect(told.exit == exit && told.errors.contains(says), "\(told.errors)")
        #expect(told.errors.split(separator: "\n").count == 1)
      }
      try await world.stillHoldsUnsentEdits()
    }

    /// Answers whatever comes with a web page, as a portal does that wants a login first; says its port.
    private static let portal = """
      import http.server
      class Portal(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
          self.rfile.read(int(self.headers.get("Content-Length", 0)))
          page = b"<html>Please log in</html>"
          self.send_response(200)
          self.send_header("Content-Type", "text/html; charset=utf-8")
          self.send_header("Content-Length", str(len(page)))
          self.end_headers()
          self.wfile.write(page)
        do_GET = do_POST
        def log_message(self, *words): pass
      server = http.server.HTTPServer(("127.0.0.1", 0), Portal)
      print(server.server_port, flush=True)
      server.serve_forever()
      """

    @Test func `a portal that answers in central's place costs neither key nor invite nor edits`()
      async throws
    {
      let world = try await World.withUnsentEdits()
      let portal = Child(
        URL(filePath: "/usr/bin/python3"), ["-c", Self.portal],
        environment: ["PATH": "/usr/bin:/bin"], folder: world.folder)
      try portal.process.run()
      try await eventually("the portal serves") { portal.read(portal.output).hasSuffix("\n") }
      let port = portal.read(portal.output).dropLast()

      let invite = try await world.invite("ica")
      let through = invite.replacing(":\(world.port)#", with: ":\(port)#")
      try await world.refuses(
        Bad("join \(through) --replica other.sqlite", 1, "central.status", says: "log"))
      #expect(
        FileManager.default.fileExists(
          atPath: world.folder.appending(path: "other.sqlite.joining").path))
      try await world.python(
        "quito",
        "UPDATE cordee_meta SET value = 'http://127.0.0.1:\(port)' WHERE key = 'central_url'")
      try await world.refuses(Bad("sync", 1, "central.status", says: "with a web page"))
      try await world.python(
        "quito",
        "UPDATE cordee_meta SET value = 'http://127.0.0.1:\(world.port)' WHERE key = 'central_url'"
      )
      try await portal.kill()
      try await world.stillHoldsUnsentEdits()
      try await world.sync("quito")
      #expect(
        try await world.run("quito", "join", invite, "--replica", "other.sqlite").exit == 0)
    }
  }
}
