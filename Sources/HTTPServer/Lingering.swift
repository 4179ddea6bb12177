import HTTP
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Connections that were answered before their body was in: what still comes is thrown away for a moment.
///
/// To close them at once would reset them, and a peer that is still sending may lose the answer with that. They are second
/// names of their sockets, so that libmicrohttpd has its place free again.
final class Lingering: Sendable {
  private struct Line {
    let socket: Int32
    let until: ContinuousClock.Instant
    var bytesLeft = Limits.drainedBytesMax
  }

  /// Oldest first.
  private let lines = Mutex<[Line]>([])

  deinit {
    for line in lines.withLock({ $0 }) { close(line.socket) }
  }

  /// Takes a second name of a socket that is about to be closed; with too many, the oldest ends.
  func add(_ socket: Int32) {
    let own = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    guard own >= 0 else { return }
    shutdown(own, Int32(SHUT_WR))
    let until = ContinuousClock.now + .seconds(Limits.lingerSeconds)
    lines.withLock { lines in
      if lines.count >= Limits.lingeringMax { close(lines.removeFirst().socket) }
      lines.append(Line(socket: own, until: until))
    }
  }

  /// The sockets to wait for.
  var sockets: [Int32] { lines.withLock { $0.map(\.socket) } }

  /// Throws away what has come, and closes what ended or has had its time.
  func drain(_ buffer: inout [UInt8]) {
    let now = ContinuousClock.now
    lines.withLock { lines in
      for index in lines.indices.reversed() {
        let count = unsafe recv(lines[index].socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        let isSilent = count < 0 && (errno == EAGAIN || errno == EINTR)
        lines[index].bytesLeft -= max(0, count)
        guard now >= lines[index].until || lines[index].bytesLeft <= 0 || count <= 0 && !isSilent
        else { continue }
        close(lines.remove(at: index).socket)
      }
    }
  }
}
