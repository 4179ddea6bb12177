import Foundation
import Testing

extension EndToEnd {
  /// Joins that do not come to their end.
  @Suite(.timeLimit(.minutes(15))) struct JoinTests {
    private func files(_ world: World) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: world.folder.path).filter {
        $0.hasPrefix("quito.sqlite")
      }
    }

    private func keys(_ world: World) throws -> [String] {
      try FileManager.default.contentsOfDirectory(
        atPath: world.folder.appending(path: "quito/.local/share/cordee/keys").path)
    }

    /// A join that was cut once central had answered, before its file got its name; with its invite and its keys.
    private func cutBeforeName() async throws -> (World, invite: String, keys: [String]) {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      #expect(try await world.run("quito", "join", invite).exit == 0)
      let path = world.replica(of: "quito")
      try FileManager.default.moveItem(atPath: path, toPath: path + ".joining")
      return (world, invite, try keys(world))
    }

    @Test func `a registry without records holds its keeper, who can join`() async throws {
      let world = try World()
      let made = try await world.run(
        "keeper", "central", "init", "--data", "central", "--name", "Secrétariat, Genève", "--url",
        "http://127.0.0.1", "--json"
      ).object()
      #expect(made["founder"] as? String == "organisation/secretariat-geneve")
      try await world.serve(merge: "on-push")
      try await world.join("keeper", for: "secretariat-geneve", as: "secretariat")
      let row = try await world.run("keeper", "get", "secretariat-geneve", "--json").object()
      #expect(row["name_en"] as? String == "Secrétariat, Genève")
    }

    @Test func `R10: a join that met no central goes on with the same invite and the same key`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      try await world.stop()
      let cut = try await world.run("quito", "join", invite)
      #expect(cut.exit == 1 && cut.errors.split(separator: "\n").count == 1, "\(cut.errors)")
      #expect(try !files(world).contains("quito.sqlite"))
      let begun = try keys(world)
      try await world.serve(merge: "on-push")
      let joined = try await world.run("quito", "join", invite)
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try keys(world) == begun && begun.count == 1)
      #expect(try !files(world).contains { $0.hasPrefix("quito.sqlite.joining") })
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `R10: a join cut before its file got its name is taken up with the same invite`()
      async throws
    {
      let (world, invite, before) = try await cutBeforeName()
      let joined = try await world.run("quito", "join", invite)
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try keys(world) == before)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test(arguments: [0, 1, 2])
    func `a cut join that had joined gives way to no other link`(way: Int) async throws {
      let (world, invite, before) = try await cutBeforeName()
      // Not copied whole, of a central that is not there, under another address.
      let other =
        [
          String(invite.dropLast(20)),
          invite.dropLast(32) + String(repeating: "a", count: 32),
          invite.replacing("127.0.0.1", with: "localhost"),
        ][way]
      let told = try await world.run("quito", "join", other)
      #expect(told.exit == [2, 1, 0][way], "\(told.errors)")
      if way < 2 { #expect(try await world.run("quito", "join", invite).exit == 0) }
      #expect(try await world.run("quito", "sync").exit == 0)
      #expect(try keys(world) == before)
    }

    @Test func `a cut join whose key cannot be read now keeps it for later`() async throws {
      let (world, invite, before) = try await cutBeforeName()
      let folder = world.folder.appending(path: "quito/.local/share/cordee/keys").path
      try world.setMode(0, folder)
      let shut = try await world.bound("quito", ["join", invite])
      #expect(shut.exit == 1 && shut.errors.contains("cannot be read"), "\(shut.errors)")
      #expect(try files(world).contains("quito.sqlite.joining"))
      try world.setMode(0o700, folder)
      let joined = try await world.bound("quito", ["join", invite])
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try keys(world) == before)
    }

    @Test func `what an earlier file left beside its name does not spoil the one that joins`()
      async throws
    {
      let world = try await World.joined()
      try await world.cutTransaction("quito")
      let earlier = world.folder.appending(path: "earlier.sqlite").path
      try FileManager.default.moveItem(atPath: world.replica(of: "quito"), toPath: earlier)
      #expect(try files(world) == ["quito.sqlite-journal"])
      try await world.join("quito", for: "ecuador")
      let sound = try await world.run("quito", "verify", "--json")
      #expect(sound.exit == 0, "\(sound.output)\(sound.errors)")
      #expect(try sound.object()["cut_transaction"] as? Bool == false)
      let people = try await world.run("quito", "list", "person", "--json").objects()
      #expect(!people.contains { ($0["slug"] as? String)?.hasPrefix("cut-") == true })
      // The earlier file finds it again, and is whole with it alone.
      #expect(try await world.run("quito", "verify", "--replica", earlier).exit == 1)
      try FileManager.default.moveItem(
        atPath: world.replica(of: "quito") + ".left-journal", toPath: earlier + "-journal")
      let healed = try await world.run("quito", "list", "person", "--json", "--replica", earlier)
      #expect(healed.exit == 0 && !healed.output.contains("cut-"), "\(healed.errors)")
    }

    @Test func `a join goes on with its key after another program held its file`() async throws {
      let (world, invite, before) = try await cutBeforeName()
      let holder = try await Holder(
        of: world.replica(of: "quito") + ".joining", "BEGIN EXCLUSIVE", in: world)
      let busy = try await world.run("quito", "join", invite)
      #expect(busy.exit == 1 && busy.errors.contains("another program"), "\(busy.errors)")
      #expect(busy.errors.split(separator: "\n").count == 1)
      try await holder.leave()
      #expect(try keys(world) == before)
      let joined = try await world.run("quito", "join", invite)
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try keys(world) == before)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    /// Central enrols a key once: another invite goes with another key.
    @Test(arguments: [false, true])
    func `what fails here after central took the key leaves the invite as good as it was`(
      takesAnother: Bool
    ) async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      let other = try await world.invite("ecuador")
      try await world.stop()
      #expect(try await world.run("quito", "join", invite).exit == 1)
      try await world.serve(merge: "on-push")
      let before = try keys(world)
      // The answer of central cannot be kept: its spaces meet a constraint.
      func index(_ statement: String) async throws {
        try await world.tool(
          "python3", "-c",
          "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])",
          world.replica(of: "quito") + ".joining", statement)
      }
      try await index(
        """
        CREATE UNIQUE INDEX hindrance ON cordee_meta(
          (CASE WHEN key IN ('spaces', 'layout') THEN 1 END))
        """)
      let failed = try await world.run("quito", "join", invite)
      #expect(failed.exit == 1 && failed.errors.split(separator: "\n").count == 1)
      #expect(try keys(world) == before && files(world).contains("quito.sqlite.joining"))
      let members = try await world.run(
        "keeper", "central", "members", "--data", "central", "--json"
      ).objects()
      #expect(members.count == 1, "\(failed.errors)")
      try await index("DROP INDEX hindrance")
      // A link that was not copied whole is refused here, and takes nothing away.
      let short = try await world.run("quito", "join", String(invite.dropLast(20)))
      #expect(short.exit == 2 && short.errors.contains("no invite"), "\(short.errors)")
      #expect(try keys(world) == before && files(world).contains("quito.sqlite.joining"))
      let joined = try await world.run("quito", "join", takesAnother ? other : invite)
      #expect(joined.exit == 0, "\(joined.errors)")
      #expect(try takesAnother ? keys(world).count == 2 : keys(world) == before)
      #expect(try await world.run("quito", "verify").exit == 0)
    }

    @Test func `an invite that is refused leaves neither a file nor a key`() async throws {
      let world = try World()
      try await world.start(merge: "on-push")
      let invite = try await world.invite("ecuador")
      try await world.join("ica", for: "ica")
      let used = try await world.run("quito", "join", invite)
      #expect(used.exit == 0)
      let again = try await world.run("quito", "join", invite, "--replica", "other.sqlite")
      #expect(again.exit == 1 && again.errors.contains("used"), "\(again.errors)")
      #expect(try keys(world).count == 1)
      let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
      #expect(!left.contains { $0.hasPrefix("other.sqlite") })
    }
  }
}
