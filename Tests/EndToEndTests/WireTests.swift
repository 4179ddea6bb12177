import Foundation
import Testing

extension EndToEnd {
  /// The wire between a member and central: encrypted and to the right one, or only with the person's word.
  @Suite(.timeLimit(.minutes(15))) struct WireTests {
    /// An authority of this test alone, and what it signed.
    private struct Authority {
      let folder: URL

      init(_ world: World) async throws {
        folder = world.folder.appending(path: "authority")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        for name in ["trusted", "other"] {
          try await openssl(
            world, "req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=\(name) -keyout \(name).key",
            "-out \(name).pem -addext basicConstraints=critical,CA:TRUE",
            "-addext keyUsage=critical,keyCertSign")
        }
      }

      private func openssl(_ world: World, _ parts: String...) async throws {
        let words = parts.joined(separator: " ").split(separator: " ").map(String.init)
        let made = try await Child(
          URL(filePath: "/usr/bin/openssl"), words, environment: ["PATH": "/usr/bin:/bin"],
          folder: folder
        ).finish()
        #expect(made.exit == 0, "\(made.errors)")
      }

      func file(_ name: String) -> String { folder.appending(path: name).path }

      /// A certificate with its key for a name, in one file.
      func identity(for name: String, days: Int = 1, by issuer: String = "trusted", _ world: World)
        async throws -> String
      {
        let path = file(UUID().uuidString)
        try Data("subjectAltName=\(name)\n".utf8).write(to: URL(filePath: path + ".ext"))
        try await openssl(
          world, "req -newkey ed25519 -nodes -subj /CN=central -keyout \(path).key -out \(path).csr"
        )
        try await openssl(
          world, "x509 -req -in \(path).csr -CA \(issuer).pem -CAkey \(issuer).key -CAcreateserial",
          "-days \(days) -extfile \(path).ext -out \(path).crt")
        let both = try [".key", ".crt"].map { try Data(contentsOf: URL(filePath: path + $0)) }
        try Data(both.joined()).write(to: URL(filePath: path))
        return path
      }
    }

    /// Runs a member's command with more in its environment.
    private func run(_ world: World, _ words: [String], with more: [String: String]) async throws
      -> Outcome
    {
      try await Child(
        World.program, words,
        environment: world.environment(of: "quito").merging(more) { _, new in new },
        folder: world.folder
      ).finish()
    }

    @Test func `a central on plain http is refused in one line, and taken with the flag`()
      async throws
    {
      let world = try World()
      let make = ["central", "init", "--data", "central", "--name", "Test", "--seed", World.seed]
      let refused = try await world.run(as: "keeper", make + ["--url", "http://registry.example"])
      #expect(refused.exit == 2)
      #expect(
        refused.errors == "cordee: http://registry.example is not https. "
          + "Give --allow-plain-http if you trust every wire in between.\n")
      #expect(!FileManager.default.fileExists(atPath: world.folder.appending(path: "central").path))
      let made = try await world.run(
        as: "keeper", make + ["--url", "http://registry.example", "--allow-plain-http"])
      #expect(made.exit == 0, "\(made.errors)")
      try await world.serve(merge: "on-push")
      let printed = try await world.run(
        "keeper", "central", "invite", "--data", "central", "--organisation", "ecuador", "--role",
        "member")
      #expect(printed.output.contains("http://registry.example#"), "\(printed.output)")

      // An address of this machine that is not loopback by its name.
      let origin = "http://0.0.0.0:\(world.port)"
      let invite = try await world.invite("ecuador", at: origin)
      let stopped = try await world.run("quito", "join", invite)
      #expect(stopped.exit == 1 && stopped.output == "")
      #expect(
        stopped.errors == "cordee: \(origin) is not https. "
          + "Join with --allow-plain-http if you trust every wire in between.\n")
      #expect(!FileManager.default.fileExists(atPath: world.replica(of: "quito")))
      let joined = try await world.run("quito", "join", invite, "--allow-plain-http")
      #expect(joined.exit == 0, "\(joined.errors)")
      // Said once, it holds for this replica; the doctor goes on to name it.
      #expect(try await world.run("quito", "sync").exit == 0)
      let checks = try await world.run("quito", "doctor", "--json").objects()
      let wire = checks.first { $0["check"] as? String == "wire" }
      #expect(wire?["state"] as? String == "look")
      #expect((wire?["says"] as? String)?.contains("without TLS") == true)
    }

    @Test(arguments: ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
    func `a central behind TLS is reached under an authority that the environment names`(
      _ variable: String
    ) async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      let authority = try await Authority(world)
      let link = try await Middleman(
        to: world.port, identity: try await authority.identity(for: "IP:127.0.0.1", world),
        in: world)
      let trusted = [variable: authority.file("trusted.pem")]
      let invite = try await world.invite("ecuador", at: "https://127.0.0.1:\(link.port)")
      let joined = try await run(world, ["join", invite], with: trusted)
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try await world.run("quito", "set", "ecuador", "contact=Quito").exit == 0)
      // Not named, the authority is unknown again; the edit waits.
      let unknown = try await world.run("quito", "sync")
      #expect(unknown.exit == 1 && unknown.errors.contains("no trusted connection"))
      let sent = try await run(world, ["sync", "--json"], with: trusted)
      #expect(try sent.exit == 0 && sent.object()["sent"] as? Int == 1, "\(sent.errors)")
      let checks = try await run(world, ["doctor", "--json"], with: trusted).objects()
      #expect(checks.first { $0["check"] as? String == "wire" }?["state"] as? String == "ok")
      #expect(
        checks.first { $0["check"] as? String == "clock" }?["says"] as? String == "as central's")
      try await link.leave()
    }

    @Test func `a certificate that does not fit is told in one clear line, and nothing is sent`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      let authority = try await Authority(world)
      let hint = "Check the address, the clock and which authorities are trusted here."
      let other = "Check the file that was given."
      let cases = [
        ("IP:127.0.0.1", 1, "other", "trusted.pem", "is by no authority trusted here", hint),
        ("DNS:registry.example", 1, "trusted", "trusted.pem", "is for another name", hint),
        ("IP:127.0.0.1", -1, "trusted", "trusted.pem", "has expired", hint),
        ("IP:127.0.0.1", 1, "trusted", "absent.pem", "absent.pem holds no authorities", other),
        ("IP:127.0.0.1", 1, "trusted", "trusted.key", "trusted.key holds no authorities", other),
      ]
      for (name, days, issuer, file, says, hint) in cases {
        let identity = try await authority.identity(for: name, days: days, by: issuer, world)
        let link = try await Middleman(to: world.port, identity: identity, in: world)
        let invite = try await world.invite("ecuador", at: "https://127.0.0.1:\(link.port)")
        let told = try await run(
          world, ["join", invite], with: ["SSL_CERT_FILE": authority.file(file)])
        #expect(told.exit == 1 && told.output == "", "\(says)")
        #expect(told.errors.contains("https://127.0.0.1:\(link.port)"), "\(told.errors)")
        #expect(told.errors.contains(says), "\(told.errors)")
        #expect(told.errors.hasSuffix(hint + "\n"), "\(told.errors)")
        #expect(told.errors.split(separator: "\n").count == 1, "\(told.errors)")
        #expect(!FileManager.default.fileExists(atPath: world.replica(of: "quito")))
        try await link.leave()
      }
      // The other way round: TLS where there is none, and none where there is.
      let identity = try await authority.identity(for: "IP:127.0.0.1", world)
      let link = try await Middleman(to: world.port, identity: identity, in: world)
      for origin in ["https://127.0.0.1:\(world.port)", "http://127.0.0.1:\(link.port)"] {
        let invite = try await world.invite("ecuador", at: origin)
        let told = try await run(
          world, ["join", invite], with: ["SSL_CERT_FILE": authority.file("trusted.pem")])
        #expect(told.exit == 1 && told.errors.contains(origin), "\(told.errors)")
        #expect(told.errors.split(separator: "\n").count == 1, "\(told.errors)")
      }
      // Nobody came through.
      #expect(
        try await world.run(
          "keeper", "central", "members", "--data", "central", "--json"
        ).objects().isEmpty)
      try await link.leave()
    }
  }
}
