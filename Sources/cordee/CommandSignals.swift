import CShims

/// Being asked to stop: SIGINT (Ctrl-C), SIGTERM (a service manager) and SIGHUP (a terminal that goes away).
///
/// Work in hand is finished; the second signal of the same kind ends the process at once.
enum CommandSignals {
  /// From here on a signal asks for a stop instead of ending the process.
  static func catchThem() throws(Failure) {
    let code = cordee_signals_catch()
    guard code == 0 else {
      throw Failure(
        code: "signals.unavailable", message: "Signals cannot be caught (errno \(code))")
    }
  }

  /// Waits, and tells at once when a stop was or is asked for; nil waits for nothing else.
  ///
  /// - Returns: Whether to stop.
  static func waitForStop(milliseconds: Int?) -> Bool {
    guard let milliseconds else { return cordee_signals_wait(-1) == 1 }
    var left = max(0, milliseconds)
    repeat {
      let turn = Int32(clamping: left)
      if cordee_signals_wait(turn) == 1 { return true }
      left -= Int(turn)
    } while left > 0
    return false
  }

  /// Asks for a stop from within.
  static func stop() {
    cordee_signals_stop()
  }
}
