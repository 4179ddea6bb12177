import Central
import Foundation
import HTTP
import HTTPServer
import SQLite
import Seal
import Store
import Synchronization
import Wire

/// What the two kinds of server share: the bench's word to them, and how they are stopped.
enum Service {
  static let label = "2027-01-15T08:00:00Z"
  /// Seconds since 1970 of `label`.
  static let now: Int64 = 1_800_000_000

  /// What a server spent since it was told to mark.
  final class Account: Sendable {
    private let start = Mutex<(cpu: Double, statements: Int)?>(nil)

    /// Whether what is answered now is measured.
    var isMarked: Bool { start.withLock { $0 != nil } }

    func mark(statements: Int) {
      Meter.forgetPeak()
      start.withLock { $0 = (Meter.cpuSeconds, statements) }
    }

    func figures(statements: Int) -> Response {
      var figures = Figures()
      let began = start.withLock { $0.take() }
      figures.cpu = Meter.cpuSeconds - (began?.cpu ?? 0)
      figures.statements = statements - (began?.statements ?? 0)
      figures.peak = Meter.peakBytes
      return Service.json(figures.json)
    }
  }

  static func json(_ json: JSON) -> Response {
    Response(status: 200, contentType: "application/json", bytes: json.bytes())
  }

  /// Serves until standard input ends, which it does when the bench ends, however it does; says its port first.
  static func run(_ handler: @escaping @Sendable (Request) -> Response) throws {
    let server = try serve(handler)
    FileHandle.standardOutput.write(Data("\(server.port)\n".utf8))
    while readLine() != nil {}
    server.stop()
  }

  /// Listens on a free port of this machine.
  static func serve(_ handler: @escaping @Sendable (Request) -> Response) throws -> Server {
    var limits = ServerLimits()
    limits.admission = { _ in .stranger(bodyBytesMax: 1 << 30) }
    return try Server(
      listen: .tcp(host: "127.0.0.1", port: 0), limits: limits,
      fault: { Response(status: $0.code.status) }, handler: handler)
  }
}

/// A central node under measurement.
final class CentralService: Sendable {
  private let routes: Mutex<Routes>
  private let account = Service.Account()

  init(_ central: sending Central) { routes = Mutex(Routes(central)) }

  static func open(_ folder: String) throws -> Central {
    try Central(
      store: Store(path: "\(folder)/central.sqlite", schema: .bench, use: .central),
      key: Base.key(0))
  }

  @Sendable func answer(_ request: Request) -> Response {
    routes.withLock { routes in
      let statements = (try? routes.central.store.withConnection { $0.statementsRun }) ?? 0
      do {
        switch request.path {
        case "/bench/mark": account.mark(statements: statements)
        case "/bench/figures": return account.figures(statements: statements)
        case "/bench/merge": try routes.central.merge(at: Service.label)
        case "/bench/invite":
          let invite = try routes.central.invite(
            organisation: "bench", role: "member", expires: Service.now + 3600)
          return Response(status: 200, contentType: "text/plain", bytes: Array(invite.utf8))
        default:
          return account.isMarked
            ? Probe.answer(routes, request)
            : routes.answer(request, now: Service.now, at: Service.label)
        }
        return Response(status: 200)
      } catch {
        return Response(status: 500, contentType: "text/plain", bytes: Array("\(error)".utf8))
      }
    }
  }
}

/// A server of session changesets under measurement: gives the one it keeps, applies those it is sent.
final class ReferenceService: Sendable {
  private struct State: ~Copyable {
    let db: Connection
    var kept: [UInt8]
  }

  private let state: Mutex<State>
  private let account = Service.Account()

  init(path: String, keeping kept: [UInt8]) throws {
    let db = try Connection(path: path, mode: .readWrite)
    // As central's file is kept.
    _ = try db.first("PRAGMA locking_mode=EXCLUSIVE") { $0.text(0) }
    _ = try db.first("PRAGMA journal_mode=WAL") { $0.text(0) }
    try db.execute("PRAGMA synchronous=FULL; PRAGMA cache_size=-32768")
    state = Mutex(State(db: db, kept: kept))
  }

  @Sendable func answer(_ request: Request) -> Response {
    state.withLock { state in
      do {
        switch (request.method, request.path) {
        case ("POST", "/bench/mark"): account.mark(statements: 0)
        case ("POST", "/bench/figures"): return account.figures(statements: 0)
        case ("POST", "/bench/keep"): state.kept = request.body
        case ("POST", "/changes"):
          let changeset = try Zstd.decompress(request.body, limit: 1 << 30)
          try state.db.transaction { try state.db.apply(changeset: changeset) }
        case ("GET", "/changes"):
          return Response(status: 200, contentType: "application/octet-stream", bytes: state.kept)
        default: return Response(status: 404)
        }
        return Response(status: 200)
      } catch {
        return Response(status: 500, contentType: "text/plain", bytes: Array("\(error)".utf8))
      }
    }
  }
}
