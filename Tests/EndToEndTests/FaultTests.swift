import Foundation
import Testing

/// One call on files below a folder that fails, or is the last of its process.
struct Fault {
  /// The number of an errno, or what else the library takes.
  let how: String
  /// Which of the calls it is, from 1.
  let place: Int
  /// The letters of the calls that count.
  let calls: String
  let folder: String
  let library: String
}

extension World {
  /// The faults that the battery preloads, built here.
  func faults() async throws -> String {
    let library = folder.appending(path: "faults.so").path
    let source = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Battery/support/faults.c").standardizedFileURL.path
    try await tool("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl")
    return library
  }

  /// Where the calls of the last run with faults are noted.
  private var noted: String { folder.appending(path: "faults.log").path }

  /// The files of the calls of the last run with faults, in order.
  func calls() throws -> [String] {
    let log = try Data(contentsOf: URL(filePath: noted))
    // A line of 32 bytes, the second eight of which are the length of the path behind it.
    var (paths, place) = ([String](), 0)
    while place + 32 <= log.count {
      let length = (8..<16).reversed().reduce(0) { $0 << 8 | Int(log[place + $1]) }
      if length > 0 {
        paths.append(String(decoding: log[(place + 32)..<(place + 32 + length)], as: UTF8.self))
      }
      place += 32 + length
    }
    return paths
  }

  func run(as member: String, _ words: [String], with fault: Fault) async throws -> Outcome {
    var environment = environment(of: member)
    environment["LD_PRELOAD"] = fault.library
    environment["FAULTS_UNDER"] = fault.folder
    environment["FAULTS_ON"] = fault.calls
    environment["FAULTS_AT"] = "\(fault.place)"
    environment["FAULTS_DO"] = fault.how
    environment["FAULTS_LOG"] = noted
    try? FileManager.default.removeItem(atPath: noted)
    return try await Child(
      Self.program, words, environment: environment, folder: folder
    ).finish()
  }
}

extension EndToEnd {
  /// Commands that put one file in the place of another, while a disk fails them or after they were cut.
  @Suite(.timeLimit(.minutes(15))) struct FaultTests {
    @Test func `a replica with a bad sector is restored, and kept as it was`() async throws {
      let world = try await World.joined()
      let library = try await world.faults()
      let path = world.replica(of: "quito")
      let backup = world.folder.appending(path: "saved").path
      #expect(try await world.run("quito", "backup", backup).exit == 0)
      func restored(failing place: Int) async throws -> Outcome {
        try await world.run(
          as: "quito", ["restore", backup, "--json"],
          with: Fault(how: "\(EIO)", place: place, calls: "R", folder: path, library: library))
      }
      func edited() async throws -> Data {
        #expect(try await world.run("quito", "set", "ecuador", "contact=later").exit == 0)
        return try Data(contentsOf: URL(filePath: path))
      }
      _ = try await edited()
      #expect(try await restored(failing: 0).exit == 0)
      _ = try await edited()
      // Of a call that fails nowhere: which reads are of the file, and not of the copy of the backup.
      let whole = try await restored(failing: 0)
      let reads = try world.calls().enumerated().filter { $0.element == path }.map { $0.offset + 1 }
      #expect(whole.exit == 0 && reads.count > 20)
      for place in reads where place < 4 || place % 12 == 0 {
        let before = try await edited()
        let told = try await restored(failing: place)
        #expect(try told.exit == 0 && world.calls().count >= place, "\(place): \(told.errors)")
        let kept = try #require(try told.object()["kept"] as? String)
        #expect(try Data(contentsOf: URL(filePath: kept)) == before, "\(place)")
        #expect(try await world.run("quito", "verify").exit != 1, "\(place)")
      }
    }

    @Test func `R10: an adoption cut anywhere goes on with its invite, whatever link came between`()
      async throws
    {
      let world = try await World.joined()
      let library = try await world.faults()
      let backup = world.folder.appending(path: "saved").path
      let path = world.replica(of: "lima")
      #expect(try await world.run("quito", "backup", backup).exit == 0)
      var cuts = 0
      for place in 1...60 {
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: backup, toPath: path)
        let invite = try await world.invite("ecuador")
        let cut = try await world.run(
          as: "lima", ["join", invite, "--adopt"],
          with: Fault(how: "kill", place: place, calls: "s", folder: path, library: library))
        guard cut.exit != 0 else { break }
        cuts += 1
        let short = try await world.run("lima", "join", String(invite.dropLast(20)), "--adopt")
        #expect(short.exit == 2, "\(place): \(short.errors)")
        let adopted = try await world.run("lima", "join", invite, "--adopt")
        let isDone = adopted.errors.contains("was adopted with this invite already")
        #expect(adopted.exit == 0 || isDone, "\(place): \(adopted.errors)")
        #expect(try await world.run("lima", "sync").exit == 0, "\(place)")
      }
      #expect((3..<60).contains(cuts))
    }

    /// A node whose keeper has its key and its network's name, and what a cut `init` left beside: not yet its key.
    private func begun(_ world: World) async throws -> (folder: URL, making: [String]) {
      let folder = world.folder.appending(path: "central")
      try await world.start(merge: "on-push")
      try await world.join("quito", for: "ecuador")
      try await world.stop()
      let network = try #require(
        try await world.run("quito", "status", "--json").object()["network"] as? String)
      try FileManager.default.moveItem(
        at: folder.appending(path: "central.key"), to: world.folder.appending(path: "kept.key"))
      let making = [
        "central", "init", "--data", "central", "--name", "Test", "--url", "http://127.0.0.1",
      ]
      return (folder, making + ["--recover", "kept.key", "--network", network])
    }

    /// Empties the folder but for what an `init` leaves that is cut before it has a key.
    private func clear(_ folder: URL) throws {
      try? FileManager.default.removeItem(at: folder)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
      try Data("half".utf8).write(to: folder.appending(path: "central.sqlite.begun"))
    }

    /// A node that lost its file is made by no init that does not say so.
    private func isKept(_ world: World, _ making: [String], _ what: String) async throws {
      let told = try await world.run(as: "keeper", making)
      #expect(told.exit == 1 && told.errors.contains("--recover"), "\(what): \(told.errors)")
    }

    @Test func `a node made again and cut anywhere loses its key to no init`() async throws {
      let world = try World()
      let (folder, again) = try await begun(world)
      let library = try await world.faults()
      let key = folder.appending(path: "central.key").path
      let file = folder.appending(path: "central.sqlite").path
      var cuts = 0
      var isWhole = false
      for place in 1...80 {
        try clear(folder)
        let cut = try await world.run(
          as: "keeper", again,
          with: Fault(
            how: "kill", place: place, calls: "rus", folder: folder.path, library: library))
        isWhole = cut.exit == 0
        if isWhole { break }
        guard FileManager.default.fileExists(atPath: key) else { continue }
        cuts += 1
        if FileManager.default.fileExists(atPath: file) {
          #expect(!FileManager.default.fileExists(atPath: file + ".begun"), "\(place)")
          #expect(try await world.run("keeper", "verify", "--data", "central").exit != 1)
          continue
        }
        try await isKept(world, Array(again.dropLast(4)), "\(place)")
        let made = try await world.run(as: "keeper", again)
        #expect(made.exit == 0, "\(place): \(made.errors)")
      }
      #expect(isWhole && cuts >= 5)
    }

    @Test func `a backup put in place and cut anywhere leaves no excuse for another node`()
      async throws
    {
      let world = try World()
      let (folder, again) = try await begun(world)
      let library = try await world.faults()
      let backup = world.folder.appending(path: "saved").path
      try FileManager.default.copyItem(
        at: world.folder.appending(path: "kept.key"), to: folder.appending(path: "central.key"))
      let saved = try await world.run("keeper", "central", "backup", backup, "--data", "central")
      #expect(saved.exit == 0, "\(saved.errors)")
      var cuts = 0
      for place in 1...40 {
        try clear(folder)
        try FileManager.default.copyItem(
          at: world.folder.appending(path: "kept.key"), to: folder.appending(path: "central.key"))
        let cut = try await world.run(
          as: "keeper", ["central", "restore", "--data", "central", "--from", backup],
          with: Fault(how: "kill", place: place, calls: "ur", folder: folder.path, library: library)
        )
        guard cut.exit != 0 else { break }
        let path = folder.appending(path: "central.sqlite").path
        guard FileManager.default.fileExists(atPath: path) else { continue }
        cuts += 1
        for side in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + side) {
          try FileManager.default.removeItem(atPath: path + side)
        }
        try await isKept(world, Array(again.dropLast(4)), "\(place)")
      }
      #expect(cuts >= 1)
    }
  }
}
