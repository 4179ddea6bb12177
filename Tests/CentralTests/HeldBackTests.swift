import Central
import Changes
import Replica
import SQLite
import Store
import Testing

@Suite("R16: an edit that no change can carry holds up nothing but itself, and is not lost")
struct HeldBackTests {
  private let world: World
  private let ana: Replica
  private let ben: Replica

  init() throws {
    world = try World()
    ana = try world.join(name: "Ana")
    ben = try world.join(name: "Ben")
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
  }

  private func name(_ replica: Replica) throws -> Int {
    try replica.store.withConnection { connection in
      try connection.first("SELECT count(*) FROM club WHERE name = 'odd'") { $0.int(0) }
    } ?? 0
  }

  @Test(
    "a row with a name no change can hold stays; what is written after it travels",
    arguments: [
      ("''", "its id is empty"), ("printf('%.300c', 'x')", "its id is longer than 128 bytes"),
      ("CAST(x'fefe' AS TEXT)", "its id is not valid UTF-8"),
    ])
  func unnamed(id: String, reason: String) throws {
    try ana.edit("INSERT INTO club(id, name) VALUES(\(id), 'odd')")
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    let told = try ana.store.sealPreview()
    #expect(told.changes == 1 && told.heldBack.map(\.reason) == [reason])
    let preview = try ana.preview(now: world.loop.now)
    #expect(preview.changes + preview.editedRows == 1)
    #expect(preview.heldBack.map(\.reason) == [reason])
    for _ in 0..<2 {
      let report = try world.sync(ana)
      #expect(report.heldBack.map(\.reason) == [reason])
    }
    #expect(try ana.store.touchedRows() == 1)
    // A row that waits is no damage.
    try world.audit(ana)
    try world.settle()
    #expect(try ben.cell("city", of: "c1") == "Quito")
    #expect(try name(ana) == 1 && name(ben) == 0)
    // Mended, it goes as any other row does.
    try ana.edit("UPDATE club SET id = 'c2' WHERE name = 'odd'")
    #expect(try world.sync(ana).heldBack.isEmpty)
    #expect(try ana.store.touchedRows() == 0)
    try world.settle()
    #expect(try ben.cell("name", of: "c2") == "odd")
    #expect(try world.digests().count == 1)
  }

  @Test("a row with a name no change can hold that is deleted again leaves no trace")
  func deleted() throws {
    for id in ["''", "CAST(x'fefe' AS TEXT)"] {
      try ana.edit("INSERT INTO club(id, name) VALUES(\(id), 'odd')")
      #expect(try world.sync(ana).heldBack.count == 1)
      try ana.edit("DELETE FROM club WHERE name = 'odd'")
      #expect(try world.sync(ana).heldBack.isEmpty)
      #expect(try ana.store.touchedRows() == 0)
    }
  }

  @Test("what would be held back is told as it then is, to the last byte")
  func told() throws {
    func told(_ count: Int) throws -> Bool {
      try ana.edit("UPDATE club SET city = printf('%.*c', \(count), 'x') WHERE id = 'c1'")
      return try ana.store.sealPreview().heldBack.isEmpty
    }
    var (fits, large) = (1000, 600_000)
    while large - fits > 1 {
      let middle = (fits + large) / 2
      if try told(middle) { fits = middle } else { large = middle }
    }
    #expect(try !told(large) && world.sync(ana).heldBack.count == 1)
    #expect(try told(fits) && world.sync(ana).heldBack.isEmpty)
    // A value that came back is no edit at all.
    try ana.edit("UPDATE club SET name = 'other'")
    try ana.edit("UPDATE club SET name = 'Alpins'")
    #expect(try ana.store.touchedRows() == 1 && ana.store.sealPreview().changes == 0)
  }

  @Test("an edit larger than a change waits for its author; nobody writes over it")
  func large() throws {
    try ana.edit("UPDATE club SET city = printf('%.600000c', 'x') WHERE id = 'c1'")
    try ana.edit("INSERT INTO club(id, name) VALUES('c2', 'Nord')")
    #expect(try world.sync(ana).heldBack.map(\.reason) == ["it is larger than 512 KiB"])
    // What was sealed beside it has the keys of its run, be it sent or not.
    try world.audit(ana)
    try ben.edit("UPDATE club SET founded = 1921")
    try world.sync(ben)
    try world.merge()
    #expect { try world.sync(ana) } throws: { ($0 as? StoreError)?.code == .heldBack }
    #expect(try ana.cell("length(city)", of: "c1") == "600000")
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.settle()
    for member in [ana, ben] {
      #expect(try member.cell("city", of: "c1") == "Quito")
      #expect(try member.cell("founded", of: "c1") == "1921")
      #expect(try member.cell("name", of: "c2") == "Nord")
    }
    #expect(try world.digests().count == 1)
  }

  @Test("a command's edit larger than a change is refused, and nothing is written")
  func command() throws {
    let author = Author(network: ana.identity.network, actor: ana.identity.actor, at: world.loop.at)
    let write = Write(
      RowKey(table: "club", id: "c1"),
      .set([FieldValue("city", .text(String(repeating: "x", count: 600_000)))]))
    #expect {
      try ana.store.write { try ana.store.seal([write], space: "commons", author: author) }
    } throws: { ($0 as? StoreError)?.code == .heldBack }
    #expect(try ana.cell("city", of: "c1") == "Chamonix")
    #expect(try ana.store.waiting().local == 0)
  }

  @Test(
    "what SQL can hold and JSON cannot is sealed as it is and judged by central",
    arguments: [
      "city = CAST(x'00ff' AS TEXT)", "city = 'a' || char(0) || 'b'", "founded = NULL",
      "city = char(55296)", "founded = -9223372036854775808",
    ])
  func odd(set: String) throws {
    try ana.edit("UPDATE club SET \(set) WHERE id = 'c1'")
    try ana.edit("INSERT INTO club(id, name) VALUES('c2', 'Nord')")
    let report = try world.sync(ana)
    #expect(report.heldBack.isEmpty && report.pushed == 2)
    for _ in 0..<2 { try world.settle() }
    #expect(try ben.cell("name", of: "c2") == "Nord")
    #expect(try world.digests().count == 1)
  }

  @Test(
    "a row that is held back keeps an epoch waiting, by name; once it is mended nothing is missing")
  func epoch() throws {
    // Own changes to the row wait, and an edit that no change can carry stands over them.
    try ana.edit("UPDATE club SET city = 'sealed' WHERE id = 'c1'")
    try ana.edit("INSERT INTO club(id, name) VALUES('c2', 'other')")
    _ = try ana.store.write { try ana.store.seal(as: ana.author) }
    let old = try world.backUp()
    let long = String(repeating: "x", count: 600_000)
    try ana.edit("UPDATE club SET name = '\(long)' WHERE id = 'c1'")
    try world.restore(old)
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 {
      let refusal = try #require(throws: StoreError.self) { try world.sync(ana) }
      #expect(refusal.code == .heldBack && refusal.message.contains("club/c1"))
    }
    #expect(try ana.store.waiting().local == 2)
    #expect(try ana.cell("name", of: "c1") == long)
    // Reading and writing go on, and what is written then is not lost either.
    try ana.edit("UPDATE club SET founded = 1950 WHERE id = 'c2'")
    try ana.edit("UPDATE club SET name = 'short' WHERE id = 'c1'")
    #expect(try world.sync(ana).epoch?.reason == "central")
    for _ in 0..<2 { try world.settle() }
    #expect(try ben.cell("name", of: "c1") == "short")
    #expect(try ben.cell("city", of: "c1") == "sealed")
    #expect(try ben.cell("founded", of: "c2") == "1950")
    #expect(try world.digests().count == 1)
  }
}
