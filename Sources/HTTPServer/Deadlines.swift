import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// By when each connection must have done its part; one thread shuts down those that have not.
///
/// libmicrohttpd's own timeout sees standstill only, so a client that drips a byte now and then would
/// hold its place for ever.
final class Deadlines: Sendable {
  /// A connection whose last caller is known.
  private struct Kept {
    let caller: String
    let answeredAt: ContinuousClock.Instant
    /// Whether its next request is on its way or with the handler.
    var isAsking = false
  }

  private struct State {
    var at: [Int32: ContinuousClock.Instant] = [:]
    /// Connections without a whole request, and since when each has had a place for nothing.
    var waiting: [Int32: ContinuousClock.Instant] = [:]
    /// Connections of callers.
    var kept: [Int32: Kept] = [:]
    var thread: pthread_t?
    var isEnding = false

    mutating func forget(_ socket: Int32) {
      at[socket] = nil
      waiting[socket] = nil
      kept[socket] = nil
    }

    /// Not closed here: libmicrohttpd sees the end and closes what it owns.
    mutating func shutDown(_ socket: Int32) {
      shutdown(socket, Int32(SHUT_RDWR))
      forget(socket)
    }
  }

  private let state = Mutex(State())
  private let wakeRead: Int32
  private let wakeWrite: Int32
  private let tickMilliseconds: Int32

  /// Nil when the system has no pipe or no thread left.
  ///
  /// - Parameter tick: how late a deadline may be noticed.
  init?(tick: Duration) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (wakeRead, wakeWrite) = (ends[0], ends[1])
    tickMilliseconds = Int32(clamping: max(1, Int64(tick / .milliseconds(1))))
    var thread: pthread_t = 0
    let me = unsafe Unmanaged.passRetained(self)
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context {
          unsafe Unmanaged<Deadlines>.fromOpaque(context).takeRetainedValue().run()
        }
        return nil
      }, unsafe me.toOpaque())
    guard code == 0 else {
      unsafe me.release()
      return nil
    }
    let started = thread
    state.withLock { $0.thread = started }
  }

  deinit {
    close(wakeRead)
    close(wakeWrite)
  }

  /// Sets the deadline of a connection of which the headers are in.
  func expectBody(on socket: Int32, within wait: Duration) {
    let now = ContinuousClock.now
    state.withLock { state in
      state.at[socket] = now + wait
      state.waiting[socket] = nil
      state.kept[socket]?.isAsking = true
    }
  }

  /// Sets the deadline of a connection that is answered, and gives it one of its caller's places.
  ///
  /// When these are too many, the one whose last answer is longest ago is shut down, be it idle or never read: a member whose
  /// link broke finds its places free again. One that brings a request is left alone, since a proxy may carry somebody
  /// else's on it by now.
  ///
  /// - Parameter caller: nil for a stranger, who leaves the place to whoever had it.
  /// - Returns: false when there is no place for a next request here.
  /// - Complexity: O(connections of callers) for a connection that was not this caller's, else O(1).
  func expectEnd(
    on socket: Int32, within wait: Duration, of caller: String?, most: Int
  ) -> Bool {
    let now = ContinuousClock.now
    return state.withLock { state in
      state.at[socket] = now + wait
      state.waiting[socket] = nil
      guard let caller = caller ?? state.kept[socket]?.caller else { return true }
      let isNew =
        state.kept.updateValue(Kept(caller: caller, answeredAt: now), forKey: socket)?.caller
        != caller
      guard isNew else { return true }
      let others = state.kept.filter { $0.value.caller == caller && $0.key != socket }
      guard others.count >= most else { return true }
      let oldest = others.filter { !$0.value.isAsking }
        .sorted { $0.value.answeredAt < $1.value.answeredAt }.prefix(others.count - most + 1)
      for (other, _) in oldest { state.shutDown(other) }
      return others.count - oldest.count < most
    }
  }

  /// Suspends the deadline of a connection while its handler works.
  func pause(_ socket: Int32) {
    state.withLock { $0.at[socket] = nil }
  }

  /// Sets the deadline of a connection that has a request still to bring.
  ///
  /// When a new one makes them more than `most`, those that have waited longest are shut down: whoever is honest brings a
  /// request in a moment, so that slow clients, however many, take places from each other alone.
  ///
  /// - Parameter most: nil for a connection that was served and takes nobody's place.
  /// - Complexity: O(waiting connections) when there are too many, else O(1).
  func expectRequest(on socket: Int32, within wait: Duration, most: Int?) {
    let now = ContinuousClock.now
    state.withLock { state in
      state.at[socket] = now + wait
      state.waiting[socket] = now
      while let most, state.waiting.count > most,
        let longest = state.waiting.min(by: { $0.value < $1.value })?.key
      {
        state.shutDown(longest)
      }
    }
  }

  /// Forgets a connection; must come before its socket is closed, since its number is used again.
  func remove(_ socket: Int32) {
    state.withLock { $0.forget(socket) }
  }

  /// Ends the thread and waits for it.
  func stop() {
    let thread = state.withLock { state in
      state.isEnding = true
      return state.thread.take()
    }
    guard let thread else { return }
    _ = unsafe write(wakeWrite, "x", 1)
    pthread_join(thread, nil)
  }

  private func run() {
    var waiting = pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0)
    while !state.withLock({ $0.isEnding }) {
      unsafe poll(&waiting, 1, tickMilliseconds)
      let now = ContinuousClock.now
      state.withLock { state in
        for (socket, deadline) in state.at where deadline <= now {
          state.shutDown(socket)
        }
      }
    }
  }
}
