import Causality
import Central
import Changes
import FoundationEssentials
import HTTP
import HTTPClient
import HTTPServer
import Registry
import Replica
import SQLite
import Seal
import Store
import Wire

/// The main job from end to end on this machine: a central node and three members over real HTTP.
struct Demo {
  let console: Console
  /// The file of founding records; nil for the one in `Fixtures`.
  let seed: String?
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "cordee-demo-\(Randomness.uint64())")

  init(console: Console, seed: String?) {
    self.console = console
    self.seed = seed
  }

  /// - Throws: `demo.stopped` when asked to stop, at the next wait for a merge; the folder is removed then, too, and when
  ///   whoever reads the output goes away.
  func run() throws {
    guard let file = seed ?? Self.records() else {
      throw Failure(
        code: "seed.missing",
        message: "Fixtures/seed-records.json is neither here nor above the program",
        hint: "Run the demo in the project's folder (make demo), or name that file: "
          + "cordee demo --seed FILE.")
    }
    let records = try CentralActions.readSeed(file)
    try CommandSignals.catchThem()
    Leftovers.note(folder.path)
    defer { Leftovers.remove(folder.path) }
    try Folders.make(folder.path)
    console.print("1. A secretariat starts central with the founding records of 17 September 2014.")
    let count = try CentralMaking.make(
      folder: folder.path, name: "Demo", url: "http://127.0.0.1"
    ) {
      try CentralActions.load(records, into: $0)
    }
    let central = try CentralNode.open(folder.path)
    console.print("\(count) records loaded.")
    let invites = try ["ecuador:member", "ica:member", "mbm:secretariat"].map { pair -> String in
      let parts = pair.split(separator: ":").map(String.init)
      let row = try central.store.resolve(parts[0], in: "organisation")
      return try central.invite(organisation: row.id, role: parts[1], expires: Now().seconds + 3600)
    }
    let node = CentralNode(central, mergesOnPush: false)
    var clock = MergeClock(try MergeSchedule.parse("every 1s", zones: ""), since: Now().seconds)
    let server = try Server(
      listen: .tcp(host: "127.0.0.1", port: 0), limits: CentralActions.limits(of: node),
      fault: CentralActions.fault
    ) {
      node.answer($0)
    }
    defer { server.stop() }
    guard let origin = Origin("http://127.0.0.1:\(server.port)") else { return }

    console.print("2. Three members join over HTTP and read everything.")
    let names = ["Ministry, Quito", "International Co-operative Alliance", "Secretariat"]
    let members = try zip(invites, names).map { invite, name in
      let store = try Store(
        path: folder.appending(path: "\(name.prefix(3)).sqlite").path, schema: .registry,
        use: .replica, create: true)
      let replica = try Replica.join(
        store, invite: invite, origin: origin, key: .generate(), name: name, now: Now().seconds,
        exchange: try Links.exchange(to: origin, plain: true))
      return replica
    }
    try round(members, node, &clock)
    try edit(members)
    console.print(
      "4. They sync; central merges on its schedule, every second here; they sync again.")
    try round(members, node, &clock)
    try round(members, node, &clock)
    try settle(members, node, &clock)
    try prove(members)
  }

  /// Everybody syncs, central merges when its schedule says so, everybody syncs.
  private func round(_ members: [Replica], _ node: CentralNode, _ clock: inout MergeClock) throws {
    for member in members { _ = try member.sync(now: Now().seconds, at: Now().label) }
    while !clock.takeRun(at: Now().seconds) {
      let wait = clock.wait(atMilliseconds: Now().milliseconds)
      if CommandSignals.waitForStop(milliseconds: wait) {
        throw Failure(code: "demo.stopped", message: "stopped; what the demo made is removed")
      }
    }
    _ = try node.merge()
    for member in members { _ = try member.sync(now: Now().seconds, at: Now().label) }
  }

  private func edit(_ members: [Replica]) throws {
    console.print("3. Without a network each edits its own file, as any SQLite program would:")
    let edits = [
      [
        "UPDATE organisation SET name_es = 'República del Ecuador' WHERE slug = 'ecuador'",
        "UPDATE organisation SET website = 'https://www.example.org/quito' WHERE slug = 'fmdv'",
        "DELETE FROM place WHERE slug = 'rio'",
      ],
      [
        "UPDATE organisation SET contact = 'by post' WHERE slug = 'ecuador'",
        "UPDATE organisation SET website = 'https://www.example.org/ica' WHERE slug = 'fmdv'",
      ],
      ["UPDATE place SET un_locode = 'BR RIO' WHERE slug = 'rio'"],
    ]
    for (member, statements) in zip(members, edits) {
      let connection = try Connection(path: member.store.path, mode: .readWrite)
      for statement in statements {
        console.print("   \(statement)")
        try connection.execute(statement)
      }
    }
  }

  private func settle(_ members: [Replica], _ node: CentralNode, _ clock: inout MergeClock) throws {
    let secretariat = members[2]
    let conflicts = try secretariat.store.conflicts()
    console.print(
      "5. \(conflicts.count) things need a person; every value and its author are there:")
    for conflict in conflicts {
      try ReadActions.print(
        conflict, secretariat.store, Names(secretariat.store), console)
    }
    let author = Author(
      network: secretariat.identity.network, actor: secretariat.identity.actor, at: Now().label)
    try secretariat.store.write {
      for conflict in conflicts {
        let verb =
          conflict.field.map { Verb.set([FieldValue($0, conflict.siblings[0].value)]) } ?? .undelete
        try secretariat.store.seal([Write(conflict.row, verb)], space: "commons", author: author)
      }
    }
    try round(members, node, &clock)
    console.print("6. The secretariat settles them once; everywhere they are gone:")
    for (member, name) in zip(members, ["Quito", "ICA", "Secretariat"]) {
      console.print("   \(name): \(try member.store.conflicts().count) conflicts")
    }
  }

  private func prove(_ members: [Replica]) throws {
    let digests = try members.map { try $0.store.digest("commons").description }
    for digest in digests { console.print("   content \(digest)") }
    guard Set(digests).count == 1, try members.allSatisfy({ try $0.store.conflicts().isEmpty })
    else {
      throw Failure(code: "demo.diverged", message: "the replicas differ")
    }
    let ecuador = try members[2].store.state(
      of: members[2].store.resolve("organisation/ecuador"))
    let kept = ["name_es", "contact"].compactMap { ecuador.shown($0).text }
    guard kept == ["República del Ecuador", "by post"] else {
      throw Failure(code: "demo.lost", message: "an edit of two fields of one record was lost")
    }
    console.print("   Both edits of Ecuador's record stand: \(kept.joined(separator: ", "))")
    console.print("7. All replicas hold equal content. The official list:")
    let list = try OfficialList(members[0].store, on: "2014-09-17")
    guard list.entries?.count == 12 else {
      throw Failure(code: "demo.list", message: "the official list does not hold twelve members")
    }
    console.print(String(list.text.dropLast()))
  }

  /// The founding records: in the folder it runs in, or in one above the program, as the build places it.
  static func records() -> String? {
    var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    var folders = [""]
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      folders.append(folder.path + (folder.path == "/" ? "" : "/"))
    }
    return folders.map { $0 + "Fixtures/seed-records.json" }.first {
      FileManager.default.fileExists(atPath: $0)
    }
  }
}
