import Causality
import Central
import Changes
import Files
import FoundationEssentials
import HTTP
import HTTPClient
import HTTPServer
import Registry
import Seal
import Store
import Synchronization
import Web
import Wire

/// A central node that serves: its sockets, its one owner, its schedule.
///
/// Every request and every part of a merge takes turns on the one connection that writes the file.
final class CentralNode: Sendable {
  /// Changes after which a merge lets requests through.
  private static let changesAtOnce = 500

  private let routes: Mutex<Routes>
  /// Held for a whole merge, taken before `routes`.
  private let merging = Mutex<Void>(())
  private let pushed = Atomic<Bool>(false)
  private let mergesOnPush: Bool
  /// What public pages show: as of the last merge, so that they never wait for one.
  private let shown = Mutex<PublicState?>(nil)
  private let log: @Sendable (String) -> Void

  /// - Parameter log: is given one line for what fails inside.
  init(
    _ central: sending Central, mergesOnPush: Bool,
    log: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.log = log
    var routes = Routes(central)
    routes.observe = { log(Failure.from($0).line) }
    self.routes = Mutex(routes)
    self.mergesOnPush = mergesOnPush
  }

  /// Opens the node of a data folder.
  ///
  /// - Throws: `Failure` `key.foreign` when the key beside it is not the one that its log was signed with: nobody would take
  ///   what it signs.
  static func open(_ folder: String) throws -> Central {
    let path = "\(folder)/central.sqlite"
    guard isThere(folder) else { throw Failure.noCentral(in: folder) }
    let key = try KeyFile.read("\(folder)/central.key")
    let central = try owning(folder) {
      try Central(store: Store(path: path, schema: .registry, use: .central), key: key)
    }
    guard try central.hasSigned() != false else {
      throw Failure.foreignKey("\(folder)/central.key", of: "central")
    }
    let (clock, start) = (ContinuousClock(), ContinuousClock.now)
    central.milliseconds = {
      let parts = start.duration(to: clock.now).components
      return parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
    }
    return central
  }

  /// Whether a data folder holds a node's file; a restore that was cut may leave an empty one, which is none.
  static func isThere(_ folder: String) -> Bool {
    (Files.size("\(folder)/central.sqlite") ?? 0) > 0
  }

  /// Says in plain words that the file belongs to another process.
  static func owning<T>(_ folder: String, _ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch {
      let failure = Failure.from(error)
      guard failure.code == StoreError.Code.busy.rawValue else { throw error }
      throw Failure(
        code: "central.busy", message: "another process works on \(folder)",
        hint: "Wait for it, or stop it.")
    }
  }

  /// Where the serving process takes requests of its keeper.
  static func socket(_ folder: String) -> String { "\(folder)/central.sock" }

  /// Answers a member or, outside the protocol's addresses, anybody.
  func answer(_ request: Request) -> Response {
    guard Routes.owns(request.path) else { return page(request) }
    let now = Now()
    let (response, isRestoring) = routes.withLock { routes in
      (routes.answer(request, now: now.seconds, at: now.label), routes.central.isRestoring)
    }
    if mergesOnPush, !isRestoring, request.method == "POST", Routes.takesChanges(request.path),
      response.status == 200
    {
      do {
        _ = try mergeInParts(at: now.label)
      } catch {
        log("Merge failed; it is tried again with the next push. \(Failure.from(error).line)")
      }
    }
    return response
  }

  /// What becomes of a request whose body is still to come.
  func admission(_ head: Request) -> Admission {
    guard Routes.owns(head.path) else {
      return .stranger(bodyBytesMax: Limits.unsignedBodyBytesMax)
    }
    return routes.withLock { $0.admission(head, now: Now().seconds) }
  }

  private func page(_ request: Request) -> Response {
    if let response = Pages.fixed(request) { return response }
    do {
      return Pages.answer(request, try publicState())
    } catch {
      return Pages.unavailable
    }
  }

  private func publicState() throws -> PublicState {
    if let state = shown.withLock({ $0 }) { return state }
    return try routes.withLock { routes in
      let last = try routes.central.reports(limit: 1).first
      let state = try PublicState(routes.central.store, lastMerge: last?["at"]?.string)
      shown.withLock { $0 = state }
      return state
    }
  }

  /// Answers the keeper.
  func administer(_ request: Request) -> Response {
    let now = Now()
    // Any of its requests may change what is shown.
    defer { shown.withLock { $0 = nil } }
    do {
      let asked = try JSON.parse(request.body)
      let answer =
        asked["do"]?.string == "merge" && asked["dry_run"]?.isTrue != true
        ? try mergeAndTell(at: now.label)
        : try merging.withLock { _ in
          try routes.withLock {
            try $0.central.administer(asked, now: now.seconds, at: now.label)
          }
        }
      return Response(status: 200, contentType: "application/json", bytes: answer.bytes())
    } catch {
      let failure = Failure.from(error)
      return Routes.response(
        Problem(failure.code, status: 422, failure.message, hint: failure.hint))
    }
  }

  /// A merge that the keeper asked for, and is told of.
  private func mergeAndTell(at label: String) throws -> JSON {
    let report = try mergeInParts(at: label)
    routes.withLock { $0.central.noteTold(from: report.number) }
    return report.json
  }

  /// Tells the keeper where it listens.
  func listens(at place: String) {
    routes.withLock { $0.central.listening = place }
  }

  /// Tells members and the keeper when the next run is.
  func keep(_ plan: MergePlan) {
    routes.withLock { routes in
      do { try routes.central.keep(plan) } catch { log(Failure.from(error).line) }
    }
  }

  /// Merges, as the schedule asks.
  ///
  /// While a restore waits to be accepted there is nothing to do.
  func merge() throws -> MergeReport {
    guard !routes.withLock({ $0.central.isRestoring }) else { return MergeReport() }
    return try mergeInParts(at: Now().label)
  }

  /// One merge at a time, in parts between which requests are answered.
  private func mergeInParts(at label: String) throws -> MergeReport {
    try merging.withLock { _ in
      defer { shown.withLock { $0 = nil } }
      var run = try routes.withLock { try $0.central.beginMerge(at: label) }
      while try routes.withLock({ try $0.central.goOn(&run, changesMax: Self.changesAtOnce) }) {}
      return run.report
    }
  }
}

extension Failure {
  /// A data folder that holds no node; where a restore left one under another name, or its key lies there, a new one would
  /// hide it.
  static func noCentral(in folder: String) -> Failure {
    if let name = CentralReplacing.newestKept(beside: "\(folder)/central.sqlite") {
      return Failure(
        code: "central.missing",
        message: "central.sqlite is missing in \(folder), and a restore left \(name): "
          + "it was cut, or files were moved",
        hint: "Run `cordee central restore --data \(Rewriting.quoted(folder)) --from FILE` again, "
          + "with the backup or the newest file kept there.")
    }
    if CentralMaking.hasLostFile(folder) {
      let shown = Rewriting.quoted(folder)
      return Failure(
        code: "central.missing",
        message: "central.sqlite is missing in \(folder), and central.key is there, "
          + "the one key that members of its network know",
        hint: "Run `cordee central restore --data \(shown) --from BACKUP`; without a backup "
          + "`cordee central init --data \(shown) --recover \(Rewriting.quoted("\(folder)/central.key")) "
          + "--network ID --name NAME --url URL`. "
          + "If nobody has joined it, move central.key elsewhere.")
    }
    return Failure(
      code: "central.missing", message: "there is no central node in \(folder)",
      hint: "Run `cordee central init`.")
  }
}

/// Requests of the keeper: to the serving process when there is one, else carried out here.
enum Keeper {
  static func ask(_ folder: String, _ members: [(String, JSON)]) throws -> JSON {
    if let answer = try askServing(folder, members) { return answer }
    let now = Now()
    return try CentralNode.owning(folder) {
      try CentralNode.open(folder).administer(
        .object(members), now: now.seconds, at: now.label)
    }
  }

  /// Asks the serving process; nil when there is none.
  static func askServing(_ folder: String, _ members: [(String, JSON)]) throws -> JSON? {
    let request = JSON.object(members)
    let socket = CentralNode.socket(folder)
    if FileManager.default.fileExists(atPath: socket) {
      var options = CurlExchange.Options()
      options.allowsPlainHTTP = true
      options.unixSocket = socket
      do {
        let response = try CurlExchange(options).send(
          Request(
            method: "POST", target: "/keeper", body: request.bytes(), scheme: "http",
            authority: "localhost"),
          responseBytesMax: CommandLimits.keeperAnswerBytesMax)
        if let problem = Problem.parse(response.bytes, status: response.status) { throw problem }
        return try JSON.parse(response.bytes)
      } catch let failure as HTTPFailure where failure.code == .unreachable {
        // The serving process is gone and left its socket behind.
      }
    }
    return nil
  }
}
