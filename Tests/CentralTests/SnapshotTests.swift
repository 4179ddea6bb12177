import Causality
import Central
import Changes
import Files
import Foundation
import HTTP
import Replica
import SQLite
import Seal
import Store
import Testing
import Wire

/// A registry large enough that central offers a snapshot.
private func fill(_ world: World, _ author: Replica, rows: Int, edits: Int = 0) throws {
  world.central.snapshotEntriesMin = 20
  try author.edit(
    """
    WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < \(rows))
    INSERT INTO club(id, name, city, founded)
      SELECT printf('club-%06d', n), 'Club ' || n, 'City ' || (n % 7), 1900 + n % 100 FROM i
    """)
  try world.sync(author)
  try world.merge()
  if edits > 0 {
    try author.edit("UPDATE club SET city = city || '!' WHERE rowid <= \(edits)")
    try world.sync(author)
    try world.merge()
  }
  try world.sync(author)
}

@Suite("A cold start by snapshot", .timeLimit(.minutes(15)))
struct SnapshotTests {
  @Test("R2: what was edited without triggers before history came is found once it is here")
  func lostTriggers() throws {
    let world = try World()
    let ana = try world.join()
    try fill(world, ana, rows: 70)
    let newcomer = try world.join()
    _ = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(try newcomer.store.gap(in: "commons") != nil)
    let path = newcomer.store.path
    let names = try Connection(path: path, mode: .readOnly).all(
      "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'club'"
    ) { $0.text(0) }
    for name in names { try newcomer.edit("DROP TRIGGER \"\(name)\"") }
    try newcomer.edit(
      """
      UPDATE club SET city = 'unseen' WHERE id = 'club-000005'; DELETE FROM club WHERE id = 'club-000006';
      INSERT INTO club(id, name) VALUES('club-new', 'New')
      """)

    let opened = try Store(path: path, schema: clubs, use: .replica)
    #expect(opened.mended?.tables == ["club"])
    #expect(opened.mended?.rows == 1)
    #expect(opened.mended?.unknown ?? 0 >= 70)
    let whole = try Replica(store: opened, key: newcomer.key, exchange: newcomer.exchange)
    let report = try world.sync(whole)
    #expect(report.sealed == 1 && report.history > 0)
    // Once more nothing was altered, but now there is something to compare with.
    let last = try Store(path: path, schema: clubs, use: .replica)
    #expect(last.mended?.tables == [])
    #expect(last.mended?.rows == 2)
    #expect(last.mended?.unknown == 0)
    try world.sync(try Replica(store: last, key: newcomer.key, exchange: newcomer.exchange))
    try world.merge()
    try world.sync(ana)
    #expect(try ana.cell("city", of: "club-000005") == "unseen")
    #expect(try ana.cell("name", of: "club-000006") == nil)
    #expect(try ana.cell("name", of: "club-new") == "New")
    #expect(try Store(path: path, schema: clubs, use: .replica).mended == nil)
  }

  @Test("A newcomer takes the image, is equal at once, and fetches history afterwards")
  func coldStart() throws {
    let world = try World()
    let ana = try world.join()
    try fill(world, ana, rows: 70, edits: 9)
    // Contested, deleted and edited while deleted: all must be in the image.
    let ben = try world.join()
    try world.settle()
    try ana.edit(
      "UPDATE club SET name = 'A' WHERE id = 'club-000001'; DELETE FROM club WHERE id = 'club-000002'; DELETE FROM club WHERE id = 'club-000003'"
    )
    try ben.edit(
      "UPDATE club SET name = 'B' WHERE id = 'club-000001'; UPDATE club SET city = 'kept' WHERE id = 'club-000002'"
    )
    try world.settle()

    let newcomer = try world.join()
    world.loop.sent = []
    let report = try newcomer.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(report.snapshotRows >= 70)
    // The image was made for somebody before; the log has the rest.
    #expect(report.pulled > 0 && report.pulled < 20)
    #expect(try world.digests().count == 1)
    #expect(try newcomer.store.conflicts().map(\.row) == ana.store.conflicts().map(\.row))
    #expect(try newcomer.store.conflicts().count == 2)
    let gap = try #require(try newcomer.store.gap(in: "commons"))
    #expect(gap.after.seq == 0 && gap.upTo.seq > 70)
    #expect(try newcomer.store.changes(touching: RowKey(table: "club", id: "club-000015")).isEmpty)

    let second = try world.sync(newcomer)
    #expect(second.history == gap.upTo.seq)
    #expect(try newcomer.store.gap(in: "commons") == nil)
    #expect(
      try newcomer.store.changes(touching: RowKey(table: "club", id: "club-000015")).count
        == ana.store.changes(touching: RowKey(table: "club", id: "club-000015")).count)
    #expect(
      try newcomer.store.entryCount(of: "commons", after: 0)
        == world.central.store.entryCount(of: "commons", after: 0))

    // It goes on like anybody: its edits reach all.
    try newcomer.edit("UPDATE club SET city = 'new' WHERE id = 'club-000009'")
    try world.settle()
    #expect(try ana.cell("city", of: "club-000009") == "new")
    #expect(try world.digests().count == 1)
  }

  @Test("A cut transfer goes on where it ended, and a damaged one is fetched anew")
  func resumed() throws {
    let world = try World()
    let ana = try world.join()
    try fill(world, ana, rows: 90)
    let newcomer = try world.join()
    let spool = "\(newcomer.store.path).cordee-snapshot-commons.zst"

    // The first range arrives, then the file loses its end as after a cut.
    world.loop.cutsSnapshotsAfter = 700
    #expect(throws: HTTPFailure.self) { try world.sync(newcomer) }
    let have = try #require(Files.size(spool))
    #expect(have == 700)
    world.loop.cutsSnapshotsAfter = nil
    world.loop.sent = []
    let report = try world.sync(newcomer)
    #expect(report.snapshotRows >= 90)
    let asked = world.loop.sent.first { $0.path.hasSuffix("/snapshot") }
    #expect(asked?.headers["Range"]?.hasPrefix("bytes=700-") == true)
    #expect(Files.size(spool) == nil)
    #expect(try world.digests().count == 1)

    // A flipped byte is noticed, and nothing of it is taken: the log comes instead.
    let late = try world.join()
    world.loop.flipsSnapshots = true
    #expect(try world.sync(late).snapshotRows == 0)
    world.loop.flipsSnapshots = false
    #expect(try world.digests().count == 1)
  }

  @Test("The journal that an adoption left when it was cut is not played back into the next image")
  func cutAdoption() throws {
    let world = try World()
    let ana = try world.join()
    try fill(world, ana, rows: 90)
    let newcomer = try world.join()
    // SQLite takes a journal whose first byte is none for one that is to be played back.
    let journal = "\(newcomer.store.path).cordee-snapshot-commons-journal"
    try Data(repeating: 0xd9, count: 512).write(to: URL(filePath: journal))
    #expect(try world.sync(newcomer).snapshotRows >= 90)
    #expect(Files.size(journal) == nil)
  }

  @Test("R11: another image under the line that central signed is not taken")
  func forgedImage() throws {
    let world = try World()
    let ana = try world.join()
    try fill(world, ana, rows: 90)
    let late = try world.join()
    // Of the same length and a sound database: the signed hash alone tells.
    let (right, wrong) = (Array("club-000001".utf8), Array("club-forged".utf8))
    world.loop.forgesSnapshots = { $0.replacing(right, with: wrong) }
    let report = try world.sync(late)
    #expect(report.snapshotRows == 0 && report.notes.count == 1)
    #expect(try late.cell("name", of: "club-forged") == nil)
    #expect(try world.digests().count == 1)
  }

  @Test(
    "R8: who was cut right after the image can show a rewound central its word, and keeps edits")
  func rewoundAfterImage() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle(with: [ana])
    let backup = try world.backUp()
    try fill(world, ana, rows: 70)
    // Hello and the image come, the log behind it does not.
    world.loop.failsAfterRequests = 2
    #expect(throws: HTTPFailure.self) { try world.sync(ben) }
    world.loop.failsAfterRequests = nil
    #expect(try ben.cell("city", of: "club-000001") == "City 1")
    try ben.edit("UPDATE club SET city = 'Paimpol' WHERE id = 'club-000001'")
    try world.rewind(to: backup)
    let report = try world.sync(ben)
    #expect(report.isCentralRestoring && world.central.isRestoring)
    #expect(try ben.cell("city", of: "club-000001") == "Paimpol")
    try world.sync(ana)
    try world.central.accept(at: world.loop.at)
    for _ in 0..<2 { try world.settle() }
    #expect(try ana.cell("city", of: "club-000001") == "Paimpol")
    #expect(try ben.store.waiting().local + ben.store.waiting().received == 0)
    #expect(try world.digests().count == 1)
    for member in world.members { try world.audit(member) }
  }

  @Test("Somebody away for long takes a snapshot, and the edits made meanwhile stand on top")
  func returning() throws {
    let world = try World()
    let ana = try world.join()
    let away = try world.join()
    try fill(world, ana, rows: 10)
    try world.sync(away)
    try away.edit("UPDATE club SET name = 'written away' WHERE id = 'club-000003'")
    try away.edit("INSERT INTO club(id, name) VALUES('club-away', 'Away')")
    for _ in 0..<6 {
      try ana.edit("UPDATE club SET city = city || '.'")
      try world.sync(ana)
      try world.merge()
    }
    try ana.edit("UPDATE club SET name = 'written here' WHERE id = 'club-000003'")
    try world.sync(ana)
    try world.merge()
    let report = try away.sync(now: world.loop.now, at: world.loop.at, fetchesHistory: false)
    #expect(report.snapshotRows > 0)
    #expect(report.pushed == 2)
    #expect(try away.cell("name", of: "club-away") == "Away")
    let names = try away.store.state(of: RowKey(table: "club", id: "club-000003")).cells["name"]
    #expect(names?.count == 2)
    try world.merge()
    for member in world.members { try world.sync(member) }
    #expect(try world.digests().count == 1)
    #expect(try ana.store.conflicts().count == 1)
    #expect(try away.store.gap(in: "commons") == nil)
    #expect(
      try away.store.entryCount(of: "commons", after: 0)
        == ana.store.entryCount(of: "commons", after: 0))
    #expect(try away.store.waiting() == (0, 0))
  }

  @Test(
    "An image may hold tables and columns that this schema does not know, and lack some it knows")
  func otherSchemas() throws {
    let richer = newerClubs(and: [
      Table(
        "prize", space: "commons", label: Label("Prize", fr: "Prix"),
        fields: [Field("name", label: Label("Name", fr: "Nom"))])
    ])
    let world = try World(schema: richer)
    let ana = try world.join(schema: richer)
    try fill(world, ana, rows: 60)
    try ana.edit(
      "UPDATE club SET motto = 'Ensemble' WHERE id = 'club-000001'; INSERT INTO prize VALUES('p1', 'First')"
    )
    try world.settle()
    let older = try world.join()
    let report = try world.sync(older)
    #expect(report.snapshotRows > 60)
    #expect(try older.cell("name", of: "club-000001") == "Club 1")
    #expect(try world.digests().count == 1)
    // After the upgrade of its software the carried values are shown.
    let upgraded = try Store(path: older.store.path, schema: richer, use: .replica)
    let motto = try upgraded.withConnection {
      try $0.first("SELECT motto FROM club WHERE id = 'club-000001'") { $0.text(0) }
    }
    #expect(motto == "Ensemble")
  }

  @Test("Whoever pushed much reads its verdicts from the log: no snapshot of its own work")
  func ownWork() throws {
    let world = try World()
    let (ana, ben) = (try world.join(), try world.join())
    try world.settle()
    world.central.snapshotEntriesMin = 20
    try ana.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 70)
      INSERT INTO club(id, name) SELECT printf('club-%06d', n), 'Club ' || n FROM i
      """)
    try world.sync(ana)
    try world.merge()
    world.loop.sent = []
    let own = try ana.sync(now: world.loop.now, at: world.loop.at)
    #expect(own.snapshotRows == 0 && own.pulled >= 70 && own.history == 0)
    #expect(!world.loop.sent.contains { $0.path.hasSuffix("/snapshot") })
    #expect(try ana.store.gap(in: "commons") == nil)
    // To whom they are news a snapshot costs less, and so it does to their author once others have written as much.
    let news = try ben.sync(now: world.loop.now, at: world.loop.at)
    #expect(news.snapshotRows >= 70)
    try ben.edit("UPDATE club SET city = 'Rabat'")
    try world.sync(ben)
    try world.merge()
    #expect(try ana.sync(now: world.loop.now, at: world.loop.at).snapshotRows >= 70)
    try world.settle()
    #expect(try world.digests().count == 1)
  }

  @Test("A second space comes by its own image, and only to those who may read it")
  func bureau() throws {
    let world = try World()
    let chair = try world.join("chair")
    try chair.edit(
      """
      WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 60)
      INSERT INTO draft(id, text) SELECT 'draft-' || n, 'secret ' || n FROM i
      """)
    try fill(world, chair, rows: 60)
    let second = try world.join("chair")
    let member = try world.join("member")
    #expect(try world.sync(second).snapshotRows > 120)
    #expect(try world.sync(member).snapshotRows > 60)
    let drafts = { (replica: Replica) in
      try replica.store.withConnection {
        try $0.first("SELECT count(*) FROM draft") { $0.int(0) }
      }
    }
    #expect(try drafts(second) == 60)
    #expect(try drafts(member) == 0)
    #expect(try chair.store.digest("bureau") == second.store.digest("bureau"))
    let image = try Snapshot.bytes(of: world, space: "commons")
    #expect(!image.contains("secret"))
  }
}

extension Snapshot {
  /// The plain snapshot that central keeps, as Latin-1 text to search in.
  fileprivate static func bytes(of world: World, space: String) throws -> String {
    let folder = world.folder.path
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let name = try #require(
      names.first { $0.contains(".snapshot.\(space).") && !$0.hasSuffix(".zst") })
    var reader = try FileReader("\(folder)/\(name)")
    return String(String.UnicodeScalarView(try reader.read(50_000_000).map { Unicode.Scalar($0) }))
  }
}
