#if canImport(Glibc)
  import Glibc
#endif

extension Files {
  /// Who may change what lies under a path: permission bits with the sticky one, owner and group.
  public struct Rights: Sendable, Hashable {
    /// The bits that `chmod` sets.
    public let mode: UInt32
    /// The owner's number.
    public let owner: UInt32
    /// The group's number.
    public let group: UInt32

    /// Makes rights.
    public init(mode: UInt32, owner: UInt32, group: UInt32) {
      (self.mode, self.owner, self.group) = (mode, owner, group)
    }

    /// Whether names in a folder may only be taken away by whom they belong to.
    public var isSticky: Bool { mode & UInt32(S_ISVTX) != 0 }
  }

  /// The rights of what a path leads to; nil when nothing is there.
  public static func rights(_ path: String) -> Rights? {
    var found = stat()
    guard unsafe stat(path, &found) == 0 else { return nil }
    return Rights(
      mode: UInt32(found.st_mode & 0o7777), owner: UInt32(found.st_uid),
      group: UInt32(found.st_gid))
  }

  /// The path without symbolic links; nil when nothing is there.
  public static func resolved(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// Closes a folder to everybody but its owner (mode 0700).
  public static func makePrivate(folder path: String) throws(FileError) {
    guard unsafe chmod(path, mode_t(S_IRWXU)) == 0 else { throw FileError(path) }
  }

  /// The number of the user this process acts as.
  public static var user: UInt32 { UInt32(geteuid()) }

  /// Whether a group is this user's alone, as Debian makes one for each: their first one, of their own name
  /// (pam_umask(8), usergroups), and nobody was added to it.
  public static func isOwnGroup(_ group: UInt32) -> Bool {
    var (person, room) = unsafe (passwd(), [CChar](repeating: 0, count: 1 << 14))
    var found: UnsafeMutablePointer<passwd>?
    guard
      unsafe getpwuid_r(geteuid(), &person, &room, room.count, &found) == 0, unsafe found != nil,
      unsafe UInt32(person.pw_gid) == group
    else { return false }
    let name = unsafe String(cString: person.pw_name)
    var (team, space) = unsafe (Glibc.group(), [CChar](repeating: 0, count: 1 << 14))
    var met: UnsafeMutablePointer<Glibc.group>?
    guard unsafe getgrgid_r(gid_t(group), &team, &space, space.count, &met) == 0,
      unsafe met != nil
    else { return false }
    guard unsafe String(cString: team.gr_name) == name else { return false }
    var members = unsafe team.gr_mem
    while let member = unsafe members?.pointee {
      if unsafe String(cString: member) != name { return false }
      unsafe members = members?.successor()
    }
    return true
  }
}
