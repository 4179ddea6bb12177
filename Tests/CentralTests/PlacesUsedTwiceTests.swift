import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Store
import Testing

/// A central that was put back unnoticed gives the places of its own changes to others, before anybody tells it.
@Suite("Places that central used twice", .timeLimit(.minutes(15)))
struct PlacesUsedTwiceTests {
  /// A central that enrolled Cem and two devices after him, was put back and enrolled Dora in Cem's place.
  ///
  /// Ana has read of Cem and edited since. Central was restored and accepted before she comes by.
  private func forgotten(cemWrites: Bool = false) throws -> (World, ana: Replica, cem: Replica) {
    let world = try World()
    let (ana, ben) = (try world.join(name: "Ana"), try world.join(name: "Ben"))
    try ana.edit("INSERT INTO club VALUES('c1', 'Alpins', 'Chamonix', 1920)")
    try world.settle()
    let backup = try world.backUp()
    let cem = try world.join(name: "Cem")
    try world.merge()
    if cemWrites {
      try world.sync(cem)
      try cem.edit("UPDATE club SET founded = 1921 WHERE id = 'c1'")
      try world.settle(with: [cem])
    }
    // The last of them follows one that is itself not in central's chain any more.
    for name in ["Nobody", "Noone"] {
      try world.join(name: name)
      try world.merge()
    }
    try world.sync(ana)
    try ana.edit("UPDATE club SET city = 'Rabat' WHERE id = 'c1'")
    try world.rewind(to: backup)
    try world.join(name: "Dora")
    try world.merge()
    try world.central.beginRestoring(because: .restored, at: world.loop.at)
    try world.sync(ben)
    try world.central.accept(at: world.loop.at)
    return (world, ana, cem)
  }

  @Test("R2: what central wrote there first comes back with a member who is late, once and no more")
  func late() throws {
    let (world, ana, cem) = try forgotten()
    let report = try world.sync(ana)
    #expect(report.offered > 0)
    try world.merge()
    try world.sync(ana)
    let again = try world.sync(ana)
    #expect(again.offered == 0)
    let (all, refused) = try ana.store.adriftCount()
    #expect(all == refused)
    // Cem is a member again, though nobody has seen him since.
    try world.sync(cem)
    let names = try ana.store.withConnection { connection in
      try connection.all("SELECT name FROM replica ORDER BY name") { $0.text(0) }
    }
    #expect(names == ["Ana", "Ben", "Cem", "Dora", "Nobody", "Noone"])
  }

  @Test(
    "R6: a device that was shut out before its enrolment came back is named in the log all the same"
  )
  func revoked() throws {
    let (world, ana, cem) = try forgotten(cemWrites: true)
    // Cem shows that he was enrolled, is heard no further, and is shut out.
    world.loop.failsAfterRequests = 2
    #expect(throws: HTTPFailure.self) { try world.sync(cem) }
    world.loop.failsAfterRequests = nil
    try world.central.revoke(cem.identity.actor.replica, at: world.loop.at)
    try world.merge()
    for _ in 0..<3 { try world.settle(with: [ana, world.members[1]]) }
    let device = cem.identity.actor.replica
    let row = RowKey(table: "replica", id: device.description)
    for store in [world.central.store, ana.store, world.members[1].store] {
      let state = try store.state(of: row)
      #expect(state.shown("name").text == "Cem")
      #expect(state.shown("revoked_at").text == world.loop.at)
    }
    var refused = 0
    try world.central.store.forEachEntry(of: "commons", after: 0) { entry in
      if entry.change.dot.actor.replica == device, !entry.verdict.isApplied { refused += 1 }
      return true
    }
    #expect(refused == 1)
    // Ana has seen what central wrote there first.
    #expect(try world.findings(in: ana).map(\.code) == ["central.suspicion"])
    #expect(try world.findings(in: world.members[1]) == [])
  }

  @Test(
    "R16: what a member wrote having seen them stands, at the latest once what lacks is given up"
  )
  func waits() throws {
    let (world, ana, _) = try forgotten()
    for _ in 0..<3 {
      try world.sync(ana)
      try world.merge()
    }
    for item in try world.central.awaited() {
      _ = try world.central.declareLost("\(item.actor):\(item.to)", at: world.loop.at)
    }
    try world.merge()
    try world.sync(ana)
    #expect(try world.central.inboxCount() == 0)
    #expect(try ana.store.waiting().local + ana.store.waiting().received == 0)
    #expect(try ana.cell("city", of: "c1") == "Rabat")
    #expect(try world.central.store.digest("commons") == ana.store.digest("commons"))
  }
}
