import Causality
import Central
import Changes
import Replica
import Store
import Testing

/// A write that only another program would send, and the code it is refused with.
struct BadWrite: CustomTestStringConvertible, Sendable {
  let code: String
  let write: Write
  var testDescription: String { code }

  init(_ code: String, _ table: String, _ verb: Verb) {
    self.code = code
    write = Write(RowKey(table: table, id: "bad"), verb)
  }

  static let all = [
    BadWrite("table.space", "draft", .insert([FieldValue("text", .text("not for the commons"))])),
    BadWrite("table.forbidden", "replica", .insert([FieldValue("key", .text("none"))])),
    BadWrite(
      "value.form", "club",
      .insert([
        FieldValue("name", .null), FieldValue("city", .null), FieldValue("founded", .null),
      ])),
    BadWrite("row.unknown", "club", .set([FieldValue("city", .text("Nowhere"))])),
  ]
}

@Suite("R7: what its author might not make is refused at the merge, alone")
struct JudgementTests {
  @Test(
    "it takes effect nowhere, is undone where it was made, and what follows it goes on",
    arguments: BadWrite.all)
  func refused(_ bad: BadWrite) throws {
    let world = try World()
    let (author, other) = (try world.join("chair"), try world.join("chair"))
    try author.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let by = Author(
      network: author.identity.network, actor: author.identity.actor, at: world.loop.at)
    try author.store.write {
      try author.store.seal([bad.write], space: "commons", author: by)
    }
    try author.edit("UPDATE club SET city = 'Quito' WHERE id = 'c1'")
    try world.sync(author)
    let report = try world.merge()
    #expect(report.quarantined.map { $0.reason.prefix { $0 != ":" } } == [bad.code[...]])
    #expect(report.applied == 1)
    for member in world.members { try world.sync(member) }
    for member in world.members {
      #expect(try member.cell("id", of: "bad", table: bad.write.row.table) == nil)
      #expect(try member.cell("city", of: "c1") == "Quito")
    }
    #expect(try world.digests().count == 1)
    _ = other
  }
}
