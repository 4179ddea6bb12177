import Causality
import Central
import Changes
import FoundationEssentials
import HTTP
import HTTPServer
import Registry
import Schedules
import Seal
import Store
import Wire

/// What the commands of the central node do.
enum CentralActions {
  static func initialise(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let folder = invocation.option("data") ?? ""
      let url = invocation.option("url") ?? ""
      guard let origin = Origin(url) else {
        throw Failure.usage(
          "url.shape", "--url is not an address as https://host",
          hint: "Give scheme, host and, if needed, port.")
      }
      guard origin.scheme == "https" || origin.isLoopback || invocation.flag("allow-plain-http")
      else {
        throw Failure.usage(
          "http.plain", "\(origin) is not https",
          hint: "Give --allow-plain-http if you trust every wire in between.")
      }
      let records = try invocation.option("seed").map(readSeed)
      if let keyFile = invocation.option("recover") {
        return try recover(invocation, folder, keyFile: keyFile, origin)
      }
      let name = invocation.option("name") ?? ""
      let (count, founder) = try CentralMaking.make(
        folder: folder, name: name, url: origin.description
      ) { central in
        let count = try records.map { try load($0, into: central) }
        return (count, count == nil ? try found(central, called: name) : nil)
      }
      if invocation.wantsJSON {
        invocation.console.print(
          JSON.object([
            ("data", .string(folder)), ("url", .string(origin.description)),
            ("records", .integer(Int64(count ?? 1))),
            ("founder", founder.map { .string("organisation/\($0)") } ?? .null),
          ]))
      } else {
        let shown = Rewriting.quoted(folder)
        if let count { invocation.console.print("\(count) records loaded.") }
        if let founder {
          invocation.console.print(
            "It holds organisation/\(founder). Once it serves, a first device joins by: "
              + "cordee central invite --data \(shown) --organisation \(founder) "
              + "--role secretariat")
        }
        invocation.console.print(
          "Central node made in \(shown). Next: \(Reach.serveLine(folder, origin))")
      }
      return .done
    }
  }

  private static func recover(
    _ invocation: Invocation, _ folder: String, keyFile: String, _ origin: Origin
  ) throws -> ExitCode {
    try CentralRestoreActions.recover(
      folder: folder, keyFile: keyFile, network: invocation.option("network") ?? "",
      name: invocation.option("name") ?? "", url: origin.description)
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("data", .string(folder)), ("url", .string(origin.description)),
          ("records", .integer(0)), ("restoring", .bool(true)),
        ]))
    } else {
      invocation.console.print(
        "Central node made again in \(Rewriting.quoted(folder)), empty. "
          + "Next: \(Reach.serveLine(folder, origin)), let members sync, "
          + "then cordee central restore --accept --data \(Rewriting.quoted(folder))")
    }
    return .done
  }

  /// Reads founding records; nothing is made before they are understood.
  static func readSeed(_ file: String) throws -> Seed {
    guard let bytes = try? Data(contentsOf: URL(filePath: file)) else {
      throw Failure(
        code: "seed.missing", message: "\(file) cannot be read", hint: "Check the path.")
    }
    do {
      return try Seed(JSON.parse(Array(bytes))) { Blake2b.hash([$0]) }
    } catch {
      let failure = Failure.from(error)
      throw Failure(
        code: failure.code, message: "\(file) holds no founding records: \(failure.message)",
        hint: "Nothing was made. Give the seed part of seed-records.json.")
    }
  }

  /// Loads founding records and merges them at once; what is there already stays as it is.
  ///
  /// - Returns: how many records were written.
  static func load(_ seed: Seed, into central: Central) throws -> Int {
    let writes = try seed.records.compactMap {
      try $0.write(over: central.store.state(of: $0.row), schema: .registry)
    }
    try central.queue(writes, space: "commons", at: Now().label)
    try central.merge(at: Now().label)
    return writes.count
  }

  /// Makes the keeper the first organisation of a registry without records, so that it can invite itself.
  ///
  /// - Returns: its slug.
  private static func found(_ central: Central, called name: String) throws -> String {
    let slug = slug(of: name)
    let row = RowKey(
      table: "organisation",
      id: UUIDv7.make(milliseconds: Now().seconds * 1000, random: Randomness.bytes(10)))
    let values = try EditActions.table(row.table).fields.map { field in
      switch field.name {
      case "slug": FieldValue(field.name, .text(slug))
      case "kind": FieldValue(field.name, .text("leading_group"))
      case "name_en": FieldValue(field.name, .text(name))
      default: FieldValue(field.name, .null)
      }
    }
    let label = Now().label
    try central.queue([Write(row, .insert(values))], space: "commons", at: label)
    try central.merge(at: label)
    return slug
  }

  /// Lower-case ASCII words of a name, joined by hyphens.
  static func slug(of name: String) -> String {
    // Swift compares characters by canonical equivalence, so that `e` and an accent are é.
    let accents = "\u{300}\u{301}\u{302}\u{303}\u{304}\u{308}\u{30A}\u{30C}\u{327}\u{328}"
    let plain = Dictionary(
      uniqueKeysWithValues: "abcdefghijklmnopqrstuvwxyz".flatMap { letter in
        accents.unicodeScalars.map { (Character("\(letter)\($0)"), letter) }
      })
    let words = name.lowercased().map { plain[$0] ?? $0 }
      .split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "keeper" : words.map { String($0) }.joined(separator: "-")
  }

  static func serve(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let folder = invocation.option("data") ?? ""
      let (host, port) = try listen(invocation.option("listen") ?? Reach.usual)
      let proxies = try invocation.option("proxy").map { try Self.proxies($0) } ?? []
      let schedule = try MergeSchedule.parse(
        invocation.option("merge") ?? "every 15m", zones: invocation.paths.zonesFolder)
      try CommandSignals.catchThem()
      let console = invocation.console
      let central = try CentralNode.open(folder)
      let url = try central.store.meta("url")?.text.flatMap { Origin($0) }
      let oldest = try central.oldestWaiting()
      let clock = MergeClock(schedule, since: oldest ?? Now().seconds)
      try central.keep(clock.plan)
      let node = CentralNode(
        central, mergesOnPush: schedule.runsOnPush, log: { console.say("\(Now().label) \($0)") })
      let server = try Server(
        listen: .tcp(host: host, port: port), limits: limits(of: node, proxies: proxies),
        fault: fault
      ) {
        node.answer($0)
      }
      let keeper = try Server(
        listen: .unix(path: CentralNode.socket(folder)), limits: keeperLimits, fault: fault
      ) {
        node.administer($0)
      }
      let place = Reach.place(host, server.port)
      node.listens(at: place)
      console.print("Serving on \(place), merging \(schedule).")
      if let notice = url.flatMap({ Reach.notice(from: $0, to: place) }) {
        console.say("Notice: \(notice).")
      }
      // What a stopped node received is not left until the next push.
      if schedule.runsOnPush, oldest != nil { merge(node, console) }
      run(node, clock, console)
      keeper.stop()
      server.stop()
      try? FileManager.default.removeItem(atPath: CentralNode.socket(folder))
      return .done
    }
  }

  /// Merges as the clock says, until somebody asks to stop.
  private static func run(_ node: CentralNode, _ clock: MergeClock, _ console: Console) {
    var clock = clock
    while true {
      let plan = clock.plan
      if clock.takeRun(at: Now().seconds) { merge(node, console) }
      if clock.plan != plan { node.keep(clock.plan) }
      let wait = clock.wait(atMilliseconds: Now().milliseconds)
      if CommandSignals.waitForStop(milliseconds: wait) { return }
    }
  }

  /// One merge of the schedule; a failure is said and the next run tries again.
  private static func merge(_ node: CentralNode, _ console: Console) {
    do {
      let report = try node.merge()
      if !report.isIdle { console.printValues(MergeLines.summary(report.json)) }
    } catch {
      console.say(
        "\(Now().label) Merge failed; it is tried again at the next run. \(Failure.from(error).line)"
      )
    }
  }

  /// What clients may use of a node's server.
  static func limits(of node: CentralNode, proxies: Set<Address> = []) -> ServerLimits {
    var limits = ServerLimits()
    limits.proxies = proxies
    limits.admission = { node.admission($0) }
    return limits
  }

  private static func proxies(_ text: String) throws -> Set<Address> {
    try Set(
      text.split(separator: ",", omittingEmptySubsequences: false).map { part in
        guard let address = Address(String(part)) else {
          throw Failure.usage(
            "proxy.shape", "--proxy needs addresses, as in 192.0.2.7,2001:db8::7")
        }
        return address
      })
  }

  /// The keeper's socket is its own user's.
  private static let keeperLimits: ServerLimits = {
    var limits = ServerLimits()
    limits.admission = { _ in .stranger(bodyBytesMax: CommandLimits.keeperRequestBytesMax) }
    return limits
  }()

  @Sendable static func fault(_ fault: Fault) -> Response {
    Routes.response(Problem(fault.code.description, status: fault.code.status, fault.detail))
  }

  private static func listen(_ text: String) throws -> (String, UInt16) {
    guard let place = Reach.split(text) else {
      throw Failure.usage("listen.shape", "--listen needs HOST:PORT")
    }
    return place
  }
}
