import Central
import Changes
import Foundation
import Replica
import SQLite
import Store
import Testing

/// The clubs with one field and one table more.
private let newer = newerClubs(and: [
  Table(
    "song", space: "commons", label: Label("Song", fr: "Chant"),
    fields: [Field("title", label: Label("Title", fr: "Titre"))])
])

@Suite("R14: programs of schema N and N+1 share one network", .timeLimit(.minutes(15)))
struct SchemaTests {
  /// Checks that a file shows what the newer schema holds.
  private func checkShown(_ store: Store, motto: String) throws {
    let seen = try store.withConnection { connection in
      try connection.first("SELECT motto, city, (SELECT title FROM song) FROM club") {
        [$0.text(0), $0.text(1), $0.text(2)]
      }
    }
    #expect(seen == [motto, "Rabat", "Là-haut"])
  }

  @Test(
    "through an older member: it edits beside what it does not know, and shows it after its upgrade"
  )
  func olderMember() throws {
    let world = try World(schema: newer)
    let new = try world.join(schema: newer)
    let old = try world.join()
    try new.edit(
      "INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920, 'Excelsior'); INSERT INTO song VALUES('s', 'Là-haut')"
    )
    try world.settle()
    try old.edit("UPDATE club SET city = 'Rabat'")
    try world.settle()
    // A REPLACE by a program that knows fewer columns takes nothing away.
    try old.edit("REPLACE INTO club SELECT * FROM club")
    try new.edit("UPDATE club SET motto = 'Plus haut'")
    try world.settle()
    #expect(try world.digests().count == 1)
    try checkShown(new.store, motto: "Plus haut")
    try checkShown(world.central.store, motto: "Plus haut")
    try checkShown(
      Store(path: old.store.path, schema: newer, use: .replica), motto: "Plus haut")
  }

  @Test("through an older central: it carries what it does not know to newer and older members")
  func olderCentral() throws {
    let world = try World()
    let (new, other) = (try world.join(schema: newer), try world.join(schema: newer))
    let old = try world.join()
    try new.edit(
      "INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920, 'Excelsior'); INSERT INTO song VALUES('s', 'Là-haut')"
    )
    try world.settle()
    try old.edit("UPDATE club SET city = 'Rabat'")
    try world.settle()
    #expect(try world.digests().count == 1)
    for member in [new, other] { try checkShown(member.store, motto: "Excelsior") }
    for store in [world.central.store, old.store] {
      #expect(try store.conflicts().isEmpty)
      let copy = world.folder.appending(path: "upgraded-\(UUID())").path
      try store.backup(to: copy)
      try checkShown(Store(path: copy, schema: newer, use: .replica), motto: "Excelsior")
    }
  }

  @Test(
    "a file that a newer program wrote is refused by an older one, and what waits in it leaves later"
  )
  func newerFile() throws {
    let world = try World(schema: newer)
    let member = try world.join(schema: newer)
    try member.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Rabat', 1920, 'Excelsior')")
    try member.edit("INSERT INTO song VALUES('s', 'Là-haut')")
    #expect { try Store(path: member.store.path, schema: clubs, use: .replica) } throws: {
      ($0 as? StoreError)?.code == .newer
    }
    try world.settle()
    #expect(try world.digests().count == 1)
    try checkShown(world.central.store, motto: "Excelsior")
  }
}
