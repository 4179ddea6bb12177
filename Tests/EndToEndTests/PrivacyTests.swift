import Foundation
import Programs
import Testing

extension EndToEnd {
  /// What the program writes can be read by its owner alone, whatever the umask allows.
  @Suite(.timeLimit(.minutes(15))) struct PrivacyTests {
    /// Files and folders below those that are open to others, by their path in the world's folder.
    private func open(_ world: World, below names: [String]) throws -> [String] {
      var found: [String] = []
      for name in names {
        let top = world.folder.appending(path: name).path
        let below = FileManager.default.subpaths(atPath: top) ?? []
        for path in [top] + below.map({ "\(top)/\($0)" }) {
          let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
          if (mode as? Int ?? 0o777) & 0o077 != 0 { found.append(path) }
        }
      }
      return found.map { String($0.dropFirst(world.folder.path.count)) }
    }

    /// Runs the program with a umask that takes nothing away.
    private func run(_ world: World, _ member: String, _ words: String...) async throws -> Outcome {
      try await Child(
        URL(filePath: "/bin/sh"),
        ["-c", "umask 0; exec \"$0\" \"$@\"", World.program.path] + words,
        environment: world.environment(of: member), folder: world.folder
      ).finish()
    }

    @Test func `files of central and of a member are their owner's alone, under any umask`()
      async throws
    {
      let world = try World()
      let made = try await run(
        world, "keeper", "central", "init", "--data", "central", "--name", "Test", "--url",
        "http://127.0.0.1", "--seed", World.seed)
      #expect(made.exit == 0, "\(made.errors)")
      try await world.serve(merge: "on-push")
      let invite = try await world.invite("ecuador")
      try await world.stop()
      // A join that is cut leaves a file, too.
      #expect(try await run(world, "quito", "join", invite, "--replica", "new/quito").exit == 1)
      #expect(try open(world, below: ["new", "quito/.local/share/cordee"]) == [])
      try await world.serve(merge: "on-push")
      #expect(try await run(world, "quito", "join", invite, "--replica", "new/quito").exit == 0)
      #expect(
        try await run(
          world, "quito", "set", "ecuador", "contact=A", "--replica", "new/quito"
        ).exit == 0)
      #expect(try await run(world, "quito", "sync", "--replica", "new/quito").exit == 0)
      #expect(
        try await run(world, "quito", "backup", "new/copy", "--replica", "new/quito").exit == 0)
      #expect(
        try await run(
          world, "keeper", "central", "backup", "central/copy", "--data", "central"
        ).exit == 0)
      // A journal stands while somebody writes, here another program.
      let shell = Child(
        URL(filePath: "/bin/sh"),
        [
          "-c",
          "umask 0; exec python3 -c \"import sqlite3; c = sqlite3.connect('new/quito'); "
            + "c.execute('PRAGMA journal_mode=DELETE'); c.execute('UPDATE place SET city = 1'); "
            + "import os; print(oct(os.stat('new/quito-journal').st_mode & 0o777))\"",
        ], environment: ["PATH": "/usr/bin:/bin"], folder: world.folder)
      let journal = try await shell.finish()
      #expect(journal.output == "0o600\n", "\(journal.errors)")
      #expect(
        try open(
          world,
          below: ["central", "new", "quito/.local/share/cordee", "quito/.local/state/cordee"])
          == [])
    }

    /// Addresses that a command connects to, names it asks for among them.
    private func reached(_ world: World, _ words: [String]) async throws -> Set<String> {
      let trace = world.folder.appending(path: "trace-\(UUID().uuidString)").path
      // It asks no proxy and no name server that the environment names either.
      var environment = world.environment(of: "quito")
      for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        environment[name] = "http://127.0.0.1:9"
      }
      let told = try await Child(
        URL(filePath: "/usr/bin/strace"),
        ["-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", trace, World.program.path]
          + words,
        environment: environment, folder: world.folder
      ).finish()
      #expect([0, 3].contains(told.exit), "\(words): \(told.errors)")
      let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
      return Set(
        lines.compactMap { line in
          guard let start = line.range(of: "{sa_family=AF_INET")?.lowerBound else { return nil }
          return line[start...].prefix { $0 != "}" }.description
        })
    }

    /// Whether system calls can be watched here: a container may forbid it, and a sanitizer's runtime makes its own.
    private static let canTrace: Bool = {
      let told = try? Program.said(by: "/usr/bin/strace", ["-o", "/dev/null", "/bin/true"])
      return told?.status == 0 && ProcessInfo.processInfo.environment["CORDEE_SANITIZED"] == nil
    }()

    @Test(.enabled(if: canTrace))
    func `R17: a member's commands reach central and nobody else, and most of them nobody`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      let central =
        "{sa_family=AF_INET, sin_port=htons(\(world.port)), sin_addr=inet_addr(\"127.0.0.1\")"
      for words in [["sync"], ["sync", "--dry-run"], ["doctor"]] {
        #expect(try await reached(world, words) == [central], "\(words)")
      }
      for words in [
        ["status"], ["set", "ecuador", "contact=A"], ["get", "ecuador"], ["conflicts"], ["verify"],
        ["log"], ["history", "ecuador"], ["digest"], ["backup", "copy.sqlite"],
        ["bundle", "export", "out.cordee"], ["restore", "copy.sqlite"],
      ] {
        #expect(try await reached(world, words) == [], "\(words)")
      }
    }

    @Test func `the doctor names a replica that others can read, and closes it when asked`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.run("quito", "backup", "b.sqlite")
      let spool = world.replica(of: "quito") + ".cordee-pull-commons"
      try Data().write(to: URL(filePath: spool))
      for file in [world.replica(of: "quito"), spool] {
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
      }
      let told = try await world.run("quito", "doctor", "--json")
      #expect(told.exit == 3)
      let privacy = try #require(
        try told.objects().first { $0["check"] as? String == "privacy" })
      #expect(privacy["state"] as? String == "look")
      for file in [world.replica(of: "quito"), spool] {
        #expect((privacy["says"] as? String)?.contains(file) == true)
      }
      let mended = try await world.run("quito", "doctor", "--fix")
      #expect(mended.exit == 0, "\(mended.output)")
      #expect(try open(world, below: ["quito.sqlite", "quito.sqlite.cordee-pull-commons"]) == [])
    }
  }
}
