import CMicrohttpd
import HTTP

#if canImport(Glibc)
  import Glibc
#endif

/// A response in libmicrohttpd's form; let go of when it goes out of use.
@safe struct Reply: ~Copyable {
  private let handle: OpaquePointer
  let length: Int
  let status: Int

  /// Nil when the file is not there, not plain, or shorter than promised, or memory is short.
  init?(_ response: Response) {
    switch response.body {
    case .bytes(let bytes):
      guard let handle = unsafe Self.make(bytes) else { return nil }
      unsafe self.handle = handle
      length = bytes.count
    case .file(let path, let offset, let length):
      guard let handle = unsafe Self.make(path, offset, length) else { return nil }
      unsafe self.handle = handle
      self.length = length
    }
    status = response.status
    // What frames the body is libmicrohttpd's to say.
    let own = ["content-length", "transfer-encoding", "connection", "date"]
    for field in response.headers.fields where !own.contains(field.name.lowercased()) {
      add(field.name, field.value)
    }
  }

  deinit { unsafe MHD_destroy_response(handle) }

  func add(_ name: String, _ value: String) {
    _ = unsafe MHD_add_response_header(handle, name, value)
  }

  /// False when the connection is not in a state to be answered.
  func queue(on connection: OpaquePointer) -> Bool {
    unsafe MHD_queue_response(connection, UInt32(clamping: status), handle) == .YES
  }

  private static func make(_ bytes: [UInt8]) -> OpaquePointer? {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe MHD_create_response_from_buffer(
        bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
    }
  }

  private static func make(_ path: String, _ offset: Int, _ length: Int) -> OpaquePointer? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    var found = stat()
    guard unsafe fstat(file, &found) == 0, found.st_mode & S_IFMT == S_IFREG,
      offset >= 0, length >= 0, offset <= Int(found.st_size),
      length <= Int(found.st_size) - offset,
      let handle = unsafe MHD_create_response_from_fd_at_offset64(
        UInt64(length), file, UInt64(offset))
    else {
      close(file)
      return nil
    }
    return unsafe handle
  }
}
