import Foundation
import Testing

extension EndToEnd {
  /// What `verify` says of the witness and of central's words that a file should keep.
  @Suite(.timeLimit(.minutes(15))) struct WitnessTests {
    private typealias Told = (exit: Int32, codes: [String], findings: [[String: Any]])

    private func verify(_ world: World, as member: String = "quito", _ words: String...)
      async throws -> Told
    {
      let told = try await world.run(as: member, ["verify", "--json"] + words)
      let object = try told.object()
      #expect(object["sound"] as? Bool == (told.exit != 1), "\(told.output)")
      let findings = try #require(object["findings"] as? [[String: Any]])
      let incomplete = findings.contains { $0["kind"] as? String == "incomplete" }
      #expect(object["complete"] as? Bool == !incomplete)
      return (told.exit, findings.compactMap { $0["code"] as? String }, findings)
    }

    private func path(_ world: World, _ name: String) -> String {
      world.folder.appending(path: name).path
    }

    private func edit(_ world: World, _ text: String, in file: String? = nil) async throws {
      let place = file.map { ["--replica", $0] } ?? []
      let told = try await world.run(
        as: "quito", ["set", "organisation/ecuador", "contact=\(text)"] + place)
      #expect(told.exit == 0, "\(told.errors)")
    }

    @Test
    func `a file that no witness here knows is sound, not complete; one that wrote nothing is`()
      async throws
    {
      let world = try await World.joined()
      let file = world.replica(of: "quito")
      #expect(try await verify(world).codes == [])
      let told = try await verify(world, as: "elsewhere", "--replica", file)
      #expect(told.exit == 3 && told.codes == ["witness.missing"])
      #expect((told.findings[0]["advice"] as? String)?.contains("--adopt") == true)
      #expect(!FileManager.default.fileExists(atPath: path(world, "elsewhere")))
      let plain = try await world.run("elsewhere", "verify", "--replica", file)
      #expect(plain.output.contains("Sound as far as it can be shown"), "\(plain.output)")
      #expect(plain.output.contains("\n  Where this is the replica in use, `cordee status`"))
      // Central's own file has none, and needs none.
      #expect(try await verify(world, "--data", "central").exit == 0)
      try await world.join("rabat", for: "morocco")
      let silent = world.replica(of: "rabat")
      #expect(try await verify(world, as: "elsewhere", "--replica", silent).exit == 0)
    }

    /// What the doctor says of the witness.
    private func doctor(_ world: World, as member: String, _ words: String...) async throws
      -> (state: String?, says: String?)
    {
      let told = try await world.run(as: member, ["doctor", "--json"] + words).objects()
      let check = told.first { $0["check"] as? String == "witness" }
      return (check?["state"] as? String, check?["says"] as? String)
    }

    @Test
    func `what central enrolled or met is confirmed at once, and stays so when it moves [R9]`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await edit(world, "Unsent")
      #expect(try await verify(world).exit == 0)
      #expect(try await doctor(world, as: "quito").state == "ok")
      let moved = path(world, "moved.sqlite")
      try FileManager.default.moveItem(atPath: world.replica(of: "quito"), toPath: moved)
      #expect(try await verify(world, "--replica", moved).exit == 0)
      // Without the state folder a look begins another one, which moves with the file and says what it is.
      try FileManager.default.removeItem(atPath: path(world, "quito/.local/state"))
      _ = try await world.run("quito", "status", "--replica", moved)
      for file in [moved, world.replica(of: "quito")] {
        if file != moved { try FileManager.default.moveItem(atPath: moved, toPath: file) }
        let told = try await verify(world, "--replica", file)
        #expect(told.exit == 3 && told.codes == ["witness.unconfirmed"])
        let status = try await world.run("quito", "status", "--replica", file)
        #expect(status.output.contains("Central was not met since"))
      }
      #expect(try await world.sync("quito").object()["epoch"] is NSNull)
      #expect(try await verify(world).exit == 0)
    }

    @Test func `a copy that was looked at on another machine is not vouched for by that [R9]`()
      async throws
    {
      let world = try await World.joined()
      let copy = world.replica(of: "lima")
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: copy)
      try FileManager.default.createDirectory(
        atPath: path(world, "lima/.local/share"), withIntermediateDirectories: true)
      try await world.tool(
        "cp", "-r", path(world, "quito/.local/share/cordee"), path(world, "lima/.local/share"))
      #expect(try await world.run("lima", "status").output.contains("There was no witness"))
      for _ in 0..<2 {
        let told = try await verify(world, as: "lima")
        #expect(told.exit == 3 && told.codes == ["witness.unconfirmed"])
        #expect((told.findings[0]["advice"] as? String)?.contains("cordee sync") == true)
        let doctor = try await doctor(world, as: "lima")
        #expect(doctor.state == "look" && doctor.says?.contains("witness.unconfirmed") == true)
      }
      // The original goes on; the copy is noticed at its first sync, and goes on under an epoch of its own.
      try await edit(world, "Original")
      try await world.sync("quito")
      let epoch = try await world.sync("lima").object()["epoch"] as? [String: Any]
      #expect(epoch?["reason"] as? String == "forked")
      #expect(try await verify(world, as: "lima").exit == 0)
      #expect(try await doctor(world, as: "lima").state == "ok")
      #expect(try await world.sync("quito").object()["epoch"] is NSNull)
    }

    @Test
    func
      `of two files that were looked at the one that syncs first goes on, the other is the copy [R9]`()
      async throws
    {
      let world = try await World.joined()
      let copy = path(world, "copy.sqlite")
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: copy)
      try FileManager.default.removeItem(atPath: path(world, "quito/.local/state"))
      for place in [["--replica", copy], [], ["--replica", copy]] {
        let told = try await world.run(as: "quito", ["status", "--json"] + place).object()
        #expect(told["epoch_due"] is NSNull)
      }
      #expect(try await world.sync("quito").object()["epoch"] is NSNull)
      #expect(try await verify(world).exit == 0)
      let told = try await world.run("quito", "status", "--json", "--replica", copy).object()
      #expect(told["epoch_due"] as? String == "copied")
    }

    @Test func `a copy that was looked at and is adopted is confirmed by that [R9]`() async throws {
      let world = try await World.joined()
      let copy = world.replica(of: "lima")
      try FileManager.default.copyItem(atPath: world.replica(of: "quito"), toPath: copy)
      _ = try await world.run("lima", "status")
      #expect(try await verify(world, as: "lima").codes == ["witness.unconfirmed"])
      let adopted = try await world.run("lima", "join", world.invite("ecuador"), "--adopt")
      #expect(adopted.exit == 0, "\(adopted.errors)")
      #expect(try await verify(world, as: "lima").exit == 0)
      #expect(try await doctor(world, as: "lima").state == "ok")
    }

    @Test func `an old state put back is older than what was written, until a new epoch [R9]`()
      async throws
    {
      let world = try await World.joined()
      let file = world.replica(of: "quito")
      let old = path(world, "old.sqlite")
      try FileManager.default.copyItem(atPath: file, toPath: old)
      try await edit(world, "Newer")
      try await world.tool("cp", old, file)
      let before = try Data(contentsOf: URL(filePath: file))
      let told = try await verify(world)
      #expect(told.exit == 3 && told.codes == ["witness.ahead"])
      #expect((told.findings[0]["advice"] as? String)?.contains("new epoch") == true)
      #expect(try Data(contentsOf: URL(filePath: file)) == before)
      // `status` says the same, and after it `verify` still does.
      #expect(try await world.run("quito", "status").output.contains("Doubt: this file is older"))
      #expect(try await verify(world).codes == ["witness.ahead"])
      try await world.sync("quito")
      #expect(try await verify(world).exit == 0)
    }

    @Test func `a backup is sound beside its original; a copy that wrote itself is in doubt [R9]`()
      async throws
    {
      let world = try await World.joined()
      let (file, backup) = (world.replica(of: "quito"), path(world, "backup.sqlite"))
      try await world.run("quito", "backup", backup)
      #expect(try await verify(world, "--replica", backup).codes == ["witness.copy"])
      for text in ["Later", "Still later"] {
        try await edit(world, text)
        let told = try await verify(world, "--replica", backup)
        #expect(told.exit == 0 && told.codes == ["witness.copy"])
        #expect((told.findings[0]["message"] as? String)?.contains(file) == true)
      }
      // Another machine's state of the same file wrote on; nobody here has opened it yet.
      let apart = path(world, "apart.sqlite")
      try FileManager.default.copyItem(atPath: backup, toPath: apart)
      let elsewhere = ["--replica", apart]
      _ = try await world.run(
        as: "elsewhere", ["set", "organisation/ecuador", "contact=Apart"] + elsewhere)
      let told = try await verify(world, "--replica", apart)
      #expect(told.exit == 3 && told.codes == ["witness.ahead"])
      // One that is opened as a replica beside the original is no backup any more.
      try await edit(world, "Copied", in: backup)
      let copied = try await verify(world, "--replica", backup)
      #expect(copied.exit == 3 && copied.codes.count == 1)
      #expect(copied.codes.allSatisfy { ["witness.copied", "witness.ahead"].contains($0) })
      // Without its original a backup is all there is, and what it lacks is lost.
      let second = path(world, "second.sqlite")
      try await world.run("quito", "backup", second)
      try await edit(world, "Lost")
      try FileManager.default.removeItem(atPath: file)
      #expect(try await verify(world, "--replica", second).codes == ["witness.ahead"])
    }

    @Test func `two copies with an edit of their own under one name are told apart [R9]`()
      async throws
    {
      let world = try await World.joined()
      let file = world.replica(of: "quito")
      let copy = path(world, "copy.sqlite")
      try FileManager.default.copyItem(atPath: file, toPath: copy)
      try await edit(world, "Original")
      #expect(try await verify(world, "--against", copy).exit == 0)
      try await edit(world, "Copied", in: copy)
      for (one, other) in [(file, copy), (copy, file)] {
        let told = try await verify(world, "--replica", one, "--against", other)
        #expect(told.exit == 3)
        let twin = try #require(told.findings.last)
        #expect(twin["code"] as? String == "against.twin" && twin["kind"] as? String == "notice")
        let actor = try await world.run("quito", "status", "--json").object()["actor"] as? String
        #expect((twin["message"] as? String)?.contains("\(actor ?? "none"):") == true)
        #expect((twin["advice"] as? String)?.contains("--adopt") == true)
      }
    }

    @Test
    func `received without a receipt is not complete, and a sync has central sign again [R1]`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "manual")
      try await world.join("quito", for: "ecuador")
      try await edit(world, "Waits")
      try await world.sync("quito")
      let file = world.replica(of: "quito")
      #expect(try await verify(world).exit == 0)
      try await world.tool("sqlite3", file, "DELETE FROM cordee_receipt")
      let told = try await verify(world)
      #expect(told.exit == 3 && told.codes == ["receipt.missing"])
      let status = try await world.run("quito", "status", "--json").object()
      #expect(status["received"] as? Int == 1)
      try await world.sync("quito")
      #expect(try await verify(world).exit == 0)
      let count = try await world.tool("sqlite3", file, "SELECT count(*) FROM cordee_receipt")
      #expect(count == "1\n")
    }
  }
}
