import Mutants
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
    /// Whence each connection comes that counts for its address.
    var addresses: [Int32: Address] = [:]
    var counts: [Address: Int] = [:]
    var thread: pthread_t?
    var isEnding = false

    mutating func forget(_ socket: Int32) {
      at[socket] = nil
      waiting[socket] = nil
      kept[socket] = nil
    }

    /// Makes room for one more connection of a caller's, unless it has this one already; false when each brings a request.
    mutating func makePlace(for socket: Int32, of caller: String, most: Int) -> Bool {
      guard kept[socket]?.caller != caller else { return true }
      let others = kept.filter { $0.value.caller == caller && $0.key != socket }
      guard others.count >= most else { return true }
      let oldest = others.filter { !$0.value.isAsking }
        .sorted { $0.value.answeredAt < $1.value.answeredAt }.prefix(others.count - most + 1)
      for (other, _) in oldest { shutDown(other) }
      return others.count - oldest.count < most
    }

    /// Not closed here: libmicrohttpd sees the end and closes what it owns.
    mutating func shutDown(_ socket: Int32) {
      shutdown(socket, Int32(SHUT_RDWR))
      forget(socket)
    }
  }

  private let state = Mutex(State())
  private let lingering = Lingering()
  private let wakeRead: Int32
  private let wakeWrite: Int32
  private let tickMilliseconds: Int32

  /// Nil when the system has no pipe or no thread left.
  ///
  /// - Parameter tick: how late a deadline may be noticed.
  init?(tick: Duration) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
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

  /// Sets the deadline of a connection of which the headers are in and the body is to come.
  ///
  /// A stranger's goes on waiting among those that have brought no request. A caller's takes one of its places, as at
  /// `expectEnd`.
  ///
  /// - Returns: false when each of the caller's places brings a request.
  /// - Complexity: as of `expectEnd`.
  func expectBody(on socket: Int32, within wait: Duration, of caller: String?, most: Int) -> Bool {
    let now = ContinuousClock.now
    return state.withLock { state in
      state.at[socket] = now + wait
      guard let caller else {
        // Behind a proxy it was somebody else's before, who is not to lose a place by it.
        state.kept[socket] = nil
        if mutant(64, "R15: a stranger's slow body keeps a place that others need") {
          state.waiting[socket] = nil
        }
        return true
      }
      guard state.makePlace(for: socket, of: caller, most: most) else { return false }
      state.waiting[socket] = nil
      state.kept[socket] = Kept(caller: caller, answeredAt: now, isAsking: true)
      return true
    }
  }

  /// Sets the deadline of a connection whose request is in with its headers.
  func expectAnswer(on socket: Int32) {
    state.withLock { state in
      state.at[socket] = nil
      state.waiting[socket] = nil
      state.kept[socket]?.isAsking = true
    }
  }

  /// Counts a new connection for its address; one too many is shut down, and false.
  func count(_ socket: Int32, of address: Address, most: Int) -> Bool {
    state.withLock { state in
      let count = state.counts[address, default: 0] + 1
      state.addresses[socket] = address
      state.counts[address] = count
      if count > most { state.shutDown(socket) }
      return count <= most
    }
  }

  /// Throws away for a moment what still comes on a connection that is about to be closed.
  func linger(_ socket: Int32) {
    lingering.add(socket)
    wake()
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
      // Whoever is not known takes a place from others like it until the answer is out.
      state.waiting[socket] = caller == nil ? now : nil
      guard let caller = caller ?? state.kept[socket]?.caller else { return true }
      let hasPlace = state.makePlace(for: socket, of: caller, most: most)
      state.kept[socket] = Kept(caller: caller, answeredAt: now)
      return hasPlace
    }
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

  /// Forgets what a connection has to do.
  func remove(_ socket: Int32) {
    state.withLock { $0.forget(socket) }
  }

  /// Forgets a connection wholly; must come before its socket is closed, since its number is used again.
  func disconnect(_ socket: Int32) {
    state.withLock { state in
      state.forget(socket)
      guard let address = state.addresses.removeValue(forKey: socket) else { return }
      let left = state.counts[address, default: 1] - 1
      state.counts[address] = left > 0 ? left : nil
    }
  }

  /// Ends the thread and waits for it.
  func stop() {
    let thread = state.withLock { state in
      state.isEnding = true
      return state.thread.take()
    }
    guard let thread else { return }
    wake()
    pthread_join(thread, nil)
  }

  private func wake() { _ = unsafe write(wakeWrite, "x", 1) }

  private func run() {
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while !state.withLock({ $0.isEnding }) {
      var polled = ([wakeRead] + lingering.sockets).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      unsafe poll(&polled, nfds_t(polled.count), tickMilliseconds)
      if polled[0].revents != 0 { _ = unsafe read(wakeRead, &buffer, buffer.count) }
      lingering.drain(&buffer)
      let now = ContinuousClock.now
      state.withLock { state in
        for (socket, deadline) in state.at where deadline <= now {
          state.shutDown(socket)
        }
      }
    }
  }
}
