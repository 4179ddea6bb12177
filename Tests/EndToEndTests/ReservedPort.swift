import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A port of 127.0.0.1 that no other program is given while this lives, so that a server can come back to it.
///
/// The kernel gives a port away neither to a connection nor to who asks for any as long as a socket is bound to it; who asks
/// for this one by its number gets it, since neither of the two listens when the other binds (man 7 socket, SO_REUSEADDR).
struct ReservedPort: ~Copyable {
  let number: Int
  private let socket: Int32

  init() throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    _ = unsafe setsockopt(
      socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (made, length) = (socket, size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(made, $0, length) == 0 && getsockname(made, $0, &size) == 0
      }
    }
    number = Int(UInt16(bigEndian: address.sin_port))
    try #require(isBound && number != 0)
  }

  deinit { close(socket) }
}
