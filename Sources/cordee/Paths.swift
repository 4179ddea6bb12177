/// Where this user's files are, from the environment alone (XDG Base Directory Specification 0.8).
struct Paths: Sendable {
  private let environment: [String: String]

  init(environment: [String: String]) {
    self.environment = environment
  }

  /// The replica: `--replica`, else `$CORDEE_REPLICA`, else `replica.sqlite` in the data folder.
  ///
  /// - Throws: `replica.no-home` when none of them tells.
  func replica(option: String?) throws(Failure) -> String {
    if let option, !option.isEmpty { return option }
    if let named = value("CORDEE_REPLICA") { return named }
    return try dataFolder() + "/replica.sqlite"
  }

  /// The folder of secret keys, which never stand in a replica.
  func keysFolder() throws(Failure) -> String {
    try dataFolder() + "/keys"
  }

  /// `$XDG_DATA_HOME/cordee`, else `~/.local/share/cordee`.
  func dataFolder() throws(Failure) -> String {
    try folder("XDG_DATA_HOME", fallback: ".local/share")
  }

  /// `$XDG_STATE_HOME/cordee`, else `~/.local/state/cordee`.
  func stateFolder() throws(Failure) -> String {
    try folder("XDG_STATE_HOME", fallback: ".local/state")
  }

  /// The folder of compiled time zones: `$TZDIR`, as the C library has it, else Debian's.
  var zonesFolder: String { value("TZDIR") ?? "/usr/share/zoneinfo" }

  private func folder(_ variable: String, fallback: String) throws(Failure) -> String {
    // The specification has relative paths ignored.
    if let named = value(variable), named.hasPrefix("/") { return Self.trimmed(named) + "/cordee" }
    guard let home = value("HOME") else {
      throw Failure(
        code: "replica.no-home", message: "Neither HOME nor \(variable) is set",
        hint: "Name the replica with --replica FILE or CORDEE_REPLICA.")
    }
    return Self.trimmed(home) + "/" + fallback + "/cordee"
  }

  /// Set but empty counts as unset.
  private func value(_ variable: String) -> String? {
    guard let value = environment[variable], !value.isEmpty else { return nil }
    return value
  }

  private static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }
}
