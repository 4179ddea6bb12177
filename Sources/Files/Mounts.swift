#if canImport(Glibc)
  import Glibc
#endif

extension Files {
  /// The file system where a file lies, as the kernel calls its kind: `ext4`, `xfs`, `nfs4`; nil when it cannot be told.
  public static func fileSystem(of path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    let real = unsafe String(cString: resolved)
    guard var reader = try? FileReader("/proc/self/mountinfo"),
      let table = try? reader.read(1 << 22)
    else { return nil }
    return kind(of: real, in: String(decoding: table, as: UTF8.self))
  }

  /// The kind of the mount nearest to a path; of several at one place the last one lies on top (proc_pid_mountinfo(5)).
  private static func kind(of path: String, in table: String) -> String? {
    var nearest: (place: String, kind: String)?
    for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " ")).map { String($0) ?? "" }
      guard words.count > 4, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else {
        continue
      }
      let place = unescaped(words[4])
      let isAbove = path == place || place == "/" || path.utf8.starts(with: "\(place)/".utf8)
      if isAbove, place.utf8.count >= nearest?.place.utf8.count ?? 0 {
        nearest = (place, words[dash + 1])
      }
    }
    return nearest?.kind
  }

  /// A place without the octal escapes of space, tab, line feed and backslash.
  private static func unescaped(_ place: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(place.utf8)[...]
    while let first = rest.popFirst() {
      let digits = rest.prefix(3)
      if first == UInt8(ascii: "\\"), digits.count == 3,
        let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(byte)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(first)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
