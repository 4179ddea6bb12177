import Foundation
import Programs
import Testing

/// Another program that keeps a database open.
struct Holder {
  private let child: Child

  /// Opens a file, carries statements out and keeps the connection.
  init(of path: String, _ statements: String..., in world: World) async throws {
    let child = Child(
      URL(filePath: "/usr/bin/python3"),
      ["-c", Self.program, path, statements.joined(separator: "\n")],
      environment: ["PATH": "/usr/bin:/bin"], folder: world.folder)
    try child.process.run()
    try await eventually("another program holds \(path)") {
      guard child.process.isRunning else { throw Unmet(what: child.outcome.errors) }
      return child.read(child.output).hasSuffix("\n")
    }
    self.child = child
  }

  /// It goes without closing anything.
  func leave() async throws { try await child.kill() }

  // It ends by itself after ten minutes, should the test that started it be gone.
  private static let program = """
    import signal, sqlite3, sys
    signal.alarm(600)
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    for statement in sys.argv[2].split("\\n"): db.execute(statement).fetchall()
    print("held", flush=True)
    signal.pause()
    """
}

extension EndToEnd {
  /// A replica's file is replaced while other programs have it open, and while it is past reading.
  @Suite(.timeLimit(.minutes(15))) struct HeldFileTests {
    private static let edit = "UPDATE organisation SET contact = 'Held' WHERE slug = 'ecuador'"

    private func backedUp() async throws -> (World, backup: String) {
      let world = try await World.joined()
      let backup = world.folder.appending(path: "backup.sqlite").path
      #expect(try await world.run("quito", "backup", backup).exit == 0)
      return (world, backup)
    }

    @Test(arguments: [["PRAGMA journal_mode=WAL", edit], ["BEGIN IMMEDIATE"]])
    func `a restore refuses to replace a file that another program works on`(
      statements: [String]
    ) async throws {
      let (world, backup) = try await backedUp()
      let file = world.replica(of: "quito")
      let holder = try await Holder(of: file, statements.joined(separator: "\n"), in: world)
      let before = try world.files("quito.sqlite")
      let refused = try await world.run(as: "quito", ["restore", backup])
      #expect(refused.exit == 1, "\(refused.output)")
      #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
      #expect(refused.errors.contains("another program"), "\(refused.errors)")
      #expect(refused.errors.contains("nothing was changed"), "\(refused.errors)")
      let after = try world.files("quito.sqlite")
      #expect(after.keys.sorted() == before.keys.sorted())
      #expect(after["quito.sqlite-wal"] == before["quito.sqlite-wal"])
      try await holder.leave()
      let isEdited = statements.contains(Self.edit)
      let row = try await world.run("quito", "get", "ecuador", "--json").object()
      #expect(row["contact"] as? String == (isEdited ? "Held" : "Quito"))
      // Once it is closed, the file is replaced and kept with its edit.
      let told = try await world.run("quito", "restore", backup, "--json")
      #expect(told.exit == 0, "\(told.errors)")
      #expect(try told.object()["unsent"] as? Int == (isEdited ? 1 : 0))
      let kept = try #require(try told.object()["kept"] as? String)
      let found = try await world.run("quito", "get", "ecuador", "--json", "--replica", kept)
      #expect(try found.object()["contact"] as? String == (isEdited ? "Held" : "Quito"))
      for name in [file, kept] {
        let sound = try await world.run("quito", "verify", "--replica", name, "--json")
        #expect(try sound.object()["sound"] as? Bool == true, "\(sound.output)")
      }
    }

    @Test func `what a cut restore left empty is kept under no other name`() async throws {
      let (world, backup) = try await backedUp()
      try Data().write(to: URL(filePath: world.replica(of: "quito")))
      let told = try await world.run("quito", "restore", backup, "--json")
      #expect(told.exit == 0, "\(told.errors)")
      #expect(try told.object()["kept"] is NSNull)
      #expect(try world.files("quito.sqlite").keys.sorted() == ["quito.sqlite"])
    }

    @Test func `a replica that is gone is restored beside what it left`() async throws {
      let (world, backup) = try await backedUp()
      let file = world.replica(of: "quito")
      try await world.cutTransaction("quito")
      let left = try Data(contentsOf: URL(filePath: file + "-journal"))
      try FileManager.default.removeItem(atPath: file)
      let told = try await world.run("quito", "restore", backup, "--json")
      #expect(told.exit == 0 && left.count > 0, "\(told.errors)")
      #expect(try await world.run("quito", "verify").exit != 1)
      // It belongs to a file that may only have been moved.
      #expect(try Data(contentsOf: URL(filePath: file + ".left-journal")) == left)
    }

    @Test func `a backup takes no central's place while another command makes it`() async throws {
      let world = try await World.joined()
      try await world.stop()
      let folder = world.folder.appending(path: "central").path
      let backup = world.folder.appending(path: "backup.sqlite").path
      let saved = try await world.run("keeper", "central", "backup", backup, "--data", folder)
      #expect(saved.exit == 0, "\(saved.errors)")
      let before = try Data(contentsOf: URL(filePath: folder + "/central.sqlite"))
      let lock = URL(filePath: folder + "/central.init-lock")
      try Data().write(to: lock)
      let holder = try FileHandle(forUpdating: lock)
      #expect(flock(holder.fileDescriptor, LOCK_EX | LOCK_NB) == 0)
      let words = ["central", "restore", "--data", folder, "--from", backup]
      let refused = try await world.run(as: "keeper", words)
      #expect(refused.exit == 1 && refused.errors.contains("another process"), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1)
      #expect(try Data(contentsOf: URL(filePath: folder + "/central.sqlite")) == before)
      try holder.close()
      #expect(try await world.run(as: "keeper", words).exit == 0)
    }

    @Test func `a file past reading is kept with its log of writes, which meets no other`()
      async throws
    {
      let (world, backup) = try await backedUp()
      let file = world.replica(of: "quito")
      let holder = try await Holder(of: file, "PRAGMA journal_mode=WAL", Self.edit, in: world)
      try await holder.leave()
      let log = try Data(contentsOf: URL(filePath: file + "-wal"))
      #expect(log.count > 4096)
      try Data("broken".utf8).write(to: URL(filePath: file))
      let told = try await world.run("quito", "restore", backup, "--json")
      #expect(told.exit == 0, "\(told.errors)")
      let kept = try #require(try told.object()["kept"] as? String)
      #expect(try Data(contentsOf: URL(filePath: kept)) == Data("broken".utf8))
      #expect(try Data(contentsOf: URL(filePath: kept + "-wal")) == log)
      #expect(!FileManager.default.fileExists(atPath: file + "-wal"))
      let sound = try await world.run("quito", "verify", "--json")
      #expect(try sound.object()["sound"] as? Bool == true, "\(sound.output)")
    }
  }
}
