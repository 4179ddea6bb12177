import Causality
import Central
import Changes
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

@Suite("A file and its twin, and a central that forgot what one of them had sent (R2, R5)")
struct TwinsAndLivesTests {
  /// Contexts name places: who saw the one's change has, by name, seen the other's, too.
  @Test(
    "whatever was written stands in the log, and all agree, though a third's edit passes over the twin's"
  )
  func passesOver() throws {
    let world = try World()
    let (ben, ana) = (try world.join(), try world.join())
    try ana.edit("INSERT INTO club(id, name, city) VALUES('r1', 'Alpins', 'Chamonix')")
    try world.settle()
    try world.settle()
    let twin = try world.copy(of: ana)
    let backup = try world.backUp()
    try ana.edit("UPDATE club SET city = 'Quito' WHERE id = 'r1'")
    try world.sync(ana)
    try world.merge()
    try world.sync(ben)
    try ben.edit("UPDATE club SET city = 'Rabat' WHERE id = 'r1'")
    // Sealed, and on its way.
    _ = try ben.exportChanges(to: world.path("waits"), plain: true, at: ben.at)

    // As a virtual machine's snapshot comes back: nobody told central.
    try world.rewind(to: backup)
    try twin.edit("UPDATE club SET city = 'Dakar' WHERE id = 'r1'")
    try world.sync(twin)
    try world.merge()
    // Ben knows a later place: central begins a life, and is given back what it forgot.
    for file in [ben, ana, twin] { try world.sync(file) }
    try world.central.accept(choosing: ["own"], at: world.loop.at)
    for _ in 0..<3 {
      for file in [ben, ana, twin] { try world.sync(file) }
      try world.merge()
    }
    for file in [ben, ana, twin] { try world.sync(file) }

    #expect(try world.digests().count == 1)
    let row = RowKey(table: "club", id: "r1")
    let written = try ben.store.changes(touching: row).flatMap { change, _ in
      try ChangeDecoding.body(change.bodyBytes ?? []).writes.flatMap { $0.verb.fields }
        .filter { $0.name == "city" }.map(\.value)
    }
    #expect(written == ["Chamonix", "Dakar", "Rabat", "Quito"].map { .text($0) })
    // What Ben had seen was judged anew and stands beside his edit; what its twin wrote under the same name does not.
    let conflict = try #require(try ben.store.conflicts().first)
    #expect(Set(conflict.siblings.map(\.value)) == [.text("Rabat"), .text("Quito")])
  }
}
