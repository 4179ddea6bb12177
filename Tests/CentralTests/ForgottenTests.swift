import Causality
import Central
import Changes
import Replica
import Seal
import Store
import Testing
import Wire

/// Central had received edits and was put back to before: either it knows their author no more, so that the file is given a
/// new key and nobody can sign them under their old name; or a twin took that name. R1, R5, R16
@Suite("Edits that central received and forgot", .timeLimit(.minutes(15)))
struct ForgottenTests {
  /// A club that all know, and a copy of central's file before Ana joined.
  private func begin() throws -> (World, other: Replica, ana: Replica, backup: String) {
    let world = try World()
    let other = try world.join()
    try other.edit("INSERT INTO club VALUES('r1', 'One', 'Oslo', 1901)")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    let ana = try world.join(name: "Ana")
    try world.sync(ana)
    return (world, other, ana, backup)
  }

  private func isForgotten(_ file: Replica, by world: World) {
    #expect { try world.sync(file) } throws: { ($0 as? SyncError)?.code == "signature.refused" }
  }

  private func expectWhole(_ world: World, _ files: [Replica], city: String) throws {
    try world.agree(files)
    for file in files {
      #expect(try file.cell("city", of: "r1") == city)
      #expect(try file.store.conflicts().isEmpty)
    }
    for replica in Set(files.map(\.identity.actor.replica)) {
      #expect(try world.central.store.refusalCounts(of: replica).all == 0)
    }
  }

  @Test("go with the file that is adopted, under its new name, and so does what followed them")
  func adopted() throws {
    let (world, other, ana, backup) = try begin()
    try ana.edit("INSERT INTO club VALUES('r2', 'Two', 'Bern', 1902)")
    try ana.edit("UPDATE club SET city = 'Graz' WHERE id = 'r1'")
    try world.sync(ana)
    try world.rewind(to: backup)
    try ana.edit("UPDATE club SET name = 'Deux' WHERE id = 'r2'")
    isForgotten(ana, by: world)
    let again = try world.adopt(ana)
    #expect(try again.store.epochs().map(\.resealed) == [3])
    try expectWhole(world, [other, again], city: "Graz")
    #expect(try other.cell("name", of: "r2") == "Deux")
  }

  @Test("are sealed again when central forgets them after the adoption")
  func afterAdoption() throws {
    let (world, other, ana, backup) = try begin()
    try ana.edit("UPDATE club SET city = 'Graz' WHERE id = 'r1'")
    try world.sync(ana)
    let first = try world.adopt(ana)
    #expect(try first.store.epochs().map(\.resealed) == [0])
    try first.edit("UPDATE club SET city = 'Rome' WHERE id = 'r1'")
    try world.rewind(to: backup)
    isForgotten(first, by: world)
    let again = try world.adopt(first)
    #expect(try again.store.epochs().map(\.resealed) == [0, 2])
    try expectWhole(world, [other, again], city: "Rome")
  }

  @Test("of several names come in the order they were written in, and the last one counts")
  func order() throws {
    let (world, other, ana, backup) = try begin()
    var file = ana
    for city in ["Graz", "Rome", "Lyon", "Cork"] {
      try file.edit("UPDATE club SET city = '\(city)' WHERE id = 'r1'")
      try world.sync(file)
      file = try world.adopt(file)
    }
    try file.edit("UPDATE club SET city = 'Quito' WHERE id = 'r1'")
    try world.rewind(to: backup)
    isForgotten(file, by: world)
    let again = try world.adopt(file)
    #expect(try again.store.epochs().last?.resealed == 5)
    try expectWhole(world, [other, again], city: "Quito")
  }

  @Test(
    "or whose name a twin took meanwhile: what comes after them has not seen what the twin wrote")
  func twin() throws {
    let world = try World()
    let (other, ana) = (try world.join(), try world.join(name: "Ana"))
    try other.edit("INSERT INTO club VALUES('r1', 'One', 'Oslo', 1901)")
    try world.settle()
    try world.settle()
    let backup = try world.backUp()
    let twin = try world.copy(of: ana)
    try other.edit("INSERT INTO club VALUES('r2', 'Two', 'Bern', 1902)")
    try world.settle(with: [other])
    // Ana's edit is received, her twin's takes its name after the rewind, and Ana's log shows it.
    try ana.edit("UPDATE club SET name = 'Uno' WHERE id = 'r1'")
    try world.sync(ana)
    try world.rewind(to: backup)
    try twin.edit("UPDATE club SET city = 'Rome' WHERE id = 'r1'")
    #expect(try world.sync(twin).pushed == 1)
    try ana.edit("UPDATE club SET city = 'Graz' WHERE id = 'r1'")
    #expect(try world.sync(ana).isCentralRestoring)
    try world.central.accept(at: world.loop.at)
    try world.merge()
    for _ in 0..<4 { try world.settle(with: [other, ana, twin]) }
    for file in [other, ana, twin] {
      #expect(try file.store.digest("commons") == world.central.store.digest("commons"))
      #expect(try file.store.waiting() == (0, 0))
      // Central once received Ana's edit under the name that is now her twin's.
      #expect(try world.findings(in: file).map(\.code) == (file === ana ? ["kept.parted"] : []))
    }
    let row = try world.central.store.state(of: RowKey(table: "club", id: "r1"))
    #expect(Set(row.cells["city"]?.map(\.value) ?? []) == [.text("Rome"), .text("Graz")])
    #expect(row.cells["name"]?.map(\.value) == [.text("Uno")])
  }
}
