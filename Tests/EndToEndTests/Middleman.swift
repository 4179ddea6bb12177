import Foundation
import Programs
import Testing

/// What stands between a member and central: a link so slow that a transfer takes a while, or the end of TLS.
struct Middleman {
  private let child: Child
  /// Where it listens, on 127.0.0.1.
  let port: Int

  /// Takes connections and hands them to a server on this machine.
  ///
  /// - Parameters:
  ///   - bytesPerSecond: how fast answers come through; nil for at once.
  ///   - identity: a PEM file with certificate and key under which TLS is taken; nil for none.
  init(
    to server: Int, bytesPerSecond: Int? = nil, identity: String? = nil, in world: World
  ) async throws {
    let child = Child(
      URL(filePath: "/usr/bin/python3"),
      ["-c", Self.program, "\(server)", "\(bytesPerSecond ?? 0)", identity ?? ""],
      environment: ["PATH": "/usr/bin:/bin"], folder: world.folder)
    try child.process.run()
    var port = 0
    try await eventually("the middleman listens") {
      guard child.process.isRunning else { throw Unmet(what: child.outcome.errors) }
      guard child.read(child.output).hasSuffix("\n") else { return false }
      port = Int(child.read(child.output).dropLast()) ?? 0
      return true
    }
    (self.child, self.port) = (child, port)
  }

  /// It goes, and all its connections with it.
  func leave() async throws { try await child.kill() }

  // It ends by itself after ten minutes, should the test that started it be gone.
  private static let program = """
    import signal, socket, ssl, sys, threading, time
    signal.alarm(600)
    server, rate, identity = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    tls = None
    if identity:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(identity)
    def copy(source, target, rate):
        try:
            while data := source.recv(max(256, rate // 20) if rate else 65536):
                target.sendall(data)
                if rate: time.sleep(len(data) / rate)
        except OSError:
            pass
        for end in source, target:
            try: end.shutdown(socket.SHUT_RDWR)
            except OSError: pass
    def serve(one):
        try:
            if tls: one = tls.wrap_socket(one, server_side=True)
            other = socket.create_connection(("127.0.0.1", server))
        except OSError:
            return one.close()
        threading.Thread(target=copy, args=(one, other, 0), daemon=True).start()
        copy(other, one, rate)
    with socket.create_server(("127.0.0.1", 0)) as door:
        print(door.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
    """
}

extension World {
  /// Runs a command at a terminal of 100 columns; its output and what it says are what the terminal was sent.
  func atTerminal(_ member: String, _ words: [String]) async throws -> Outcome {
    let program = """
      import fcntl, os, pty, signal, struct, sys, termios
      signal.alarm(600)
      child, terminal = pty.fork()
      if child == 0: os.execv(sys.argv[1], sys.argv[1:])
      fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
      while True:
          try: data = os.read(terminal, 65536)
          except OSError: break
          if not data: break
          os.write(1, data)
      sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
      """
    return try await Child(
      URL(filePath: "/usr/bin/python3"), ["-c", program, Self.program.path] + words,
      environment: environment(of: member).merging(["TERM": "xterm"]) { _, new in new },
      folder: folder
    ).finish()
  }

  /// An invite by another way to central.
  func invite(_ organisation: String, at origin: String) async throws -> String {
    let invite = try await invite(organisation)
    return "\(origin)#\(try #require(invite.split(separator: "#").last))"
  }
}
