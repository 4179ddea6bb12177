import HTTP
import HTTPClient
import Replica
import Seal
import Synchronization

/// The progress of a sync on the terminal: what the replica says has come, and what libcurl says is coming.
final class TransferDisplay: Sendable {
  private struct State {
    var phase: Transferred?
    var progress: Progress?
  }

  private let state = Mutex(State())
  private let console: Console
  private let start = ContinuousClock.now

  init(console: Console) { self.console = console }

  /// The replica has come so far.
  func show(_ transferred: Transferred) {
    state.withLock { state in
      if state.phase?.phase != transferred.phase { finish(&state) }
      let begin = start.duration(to: .now)
      if state.progress == nil {
        let clock = start
        state.progress = Progress(
          transferred.phase.words, total: transferred.total.map(Int64.init), console: console
        ) { clock.duration(to: .now) - begin }
      }
      if transferred.total != state.phase?.total {
        state.progress?.expect(transferred.total.map(Int64.init))
      }
      state.phase = transferred
      state.progress?.update(done: Int64(transferred.bytes))
    }
  }

  /// One request under way has moved so many bytes; what it expects stands in until the whole is known.
  func show(underWay request: HTTPClient.Progress) {
    state.withLock { state in
      guard let phase = state.phase else { return }
      if phase.total == nil, let expected = request.bytesExpected {
        state.progress?.expect(Int64(phase.bytes + expected))
      }
      state.progress?.update(done: Int64(phase.bytes + request.bytesUp + request.bytesDown))
    }
  }

  /// Ends the line, if one was drawn.
  func finish() {
    state.withLock { finish(&$0) }
  }

  private func finish(_ state: inout State) {
    state.progress?.finish(done: Int64(state.phase?.bytes ?? 0))
    (state.phase, state.progress) = (nil, nil)
  }
}

extension Transferred.Phase {
  /// What is said before the bytes.
  fileprivate var words: String {
    switch self {
    case .push: "Sending"
    case .snapshot: "Receiving the registry"
    case .pull: "Receiving changes"
    case .history: "Receiving history"
    }
  }
}

extension Patience {
  /// For commands: five tries, given up at once when the person asks to stop.
  static var command: Patience {
    Patience(attemptsMax: 5) { wait in
      let parts = wait.components
      let milliseconds = Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000)
      guard !CommandSignals.waitForStop(milliseconds: milliseconds) else {
        throw Failure(
          code: "sync.stopped", message: "stopped before the sync was whole",
          hint: "What came is kept; the next sync goes on from there.")
      }
    }
  }
}

/// The pauses of `sync --every`: as asked while all goes well, growing from ten seconds while it does not.
struct SyncPace {
  let every: Duration
  private var failures = 0

  init(every: Duration) { self.every = every }

  /// The pause after a sync.
  ///
  /// - Parameter random: spreads replicas that lost the same network, over a tenth of the pause.
  mutating func pause(succeeded: Bool, random: UInt64) -> Duration {
    failures = succeeded ? 0 : min(failures + 1, 20)
    let base = succeeded ? every : min(every, .seconds(10 << min(failures - 1, 12)))
    let tenth = Int(base.components.seconds) * 100
    return base + .milliseconds(tenth > 0 ? Int(random % UInt64(tenth)) : 0)
  }
}
