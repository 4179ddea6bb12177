import Files
import FoundationEssentials

/// Whether somebody else can put other files in the place of this program's: in a folder that holds one, or in any above it.
enum FolderDoctor {
  private typealias Check = DoctorActions.Check

  /// Looks at the folders that hold files, and at all above them up to the root.
  ///
  /// - Parameters:
  ///   - files: by their names; a folder that is not there is passed over.
  ///   - own: folders that are this program's alone, which `--fix` may close.
  /// - Returns: one check for what `--fix` closes, one for all else.
  static func checks(_ files: [String], own: [String]) -> [DoctorActions.Check] {
    let own = Set(own.compactMap(Files.resolved))
    // SQLite lays a journal beside the file that a link leads to.
    let folders = files.flatMap { [$0, Files.resolved($0) ?? $0] }
      .map { URL(filePath: $0).absoluteURL.deletingLastPathComponent().path }
    let holding = Set(folders.compactMap(Files.resolved))
    var seen: Set<String> = []
    var (closable, others): ([(path: String, fault: String)], [(path: String, fault: String)])
    (closable, others) = ([], [])
    for folder in folders.flatMap(chain) where seen.insert(folder).inserted {
      guard let rights = Files.rights(folder),
        let fault = fault(
          of: rights, isHolding: holding.contains(folder), user: Files.user, Files.isOwnGroup)
      else { continue }
      if own.contains(folder), rights.owner == Files.user {
        closable.append((folder, fault))
      } else {
        others.append((folder, fault))
      }
    }
    return [mine(closable), above(others)]
  }

  /// A folder and all above it, by its name and by where that leads: a link can be turned by whoever writes beside it.
  private static func chain(_ folder: String) -> [String] {
    let named = URL(filePath: folder).absoluteURL.standardizedFileURL.path
    return [named, Files.resolved(folder) ?? named].flatMap { path in
      var (paths, rest): ([String], Substring) = ([], path[...])
      while rest.utf8.count > 1, let slash = rest.lastIndex(of: "/") {
        paths.append(String(rest))
        rest = rest[..<slash]
      }
      return paths + ["/"]
    }
  }

  /// Who else can change the names in a folder; nil when nobody can.
  ///
  /// In a sticky folder, such as `/tmp`, nobody else moves what is one's own, so that one above is passed over. One that holds a
  /// file is not: whoever can lay a journal beside a database has SQLite play it back.
  static func fault(
    of rights: Files.Rights, isHolding: Bool, user: UInt32, _ isOwnGroup: (UInt32) -> Bool
  ) -> String? {
    if rights.owner != user, rights.owner != 0 { return "belongs to another user" }
    if rights.isSticky, !isHolding { return nil }
    if rights.mode & 0o002 != 0 { return "anybody can write there" }
    if rights.mode & 0o020 != 0, !isOwnGroup(rights.group) { return "a group can write there" }
    return nil
  }

  private static func words(_ found: [(path: String, fault: String)]) -> String {
    found.map { "\($0.path) (\($0.fault))" }.joined(separator: ", ")
  }

  private static func mine(_ found: [(path: String, fault: String)]) -> Check {
    guard !found.isEmpty else {
      return Check(name: "folders", state: .ok, says: "nobody else can write in this program's")
    }
    let names = found.map(\.path).joined(separator: ", ")
    return Check(
      name: "folders", state: .look, says: "others can put files in \(words(found))",
      advice: "Look whether all that lies there is yours.",
      fix: DoctorActions.Fix(
        will: "close \(names) to everybody but you (mode 0700)",
        did: "others could write in \(names); now you alone can"
      ) { for folder in found { try Files.makePrivate(folder: folder.path) } })
  }

  private static func above(_ found: [(path: String, fault: String)]) -> Check {
    .look(
      "paths",
      found.isEmpty
        ? "nobody else can put other files in the place of these"
        : "others can put other files in the place of these: \(words(found))",
      unless: found.isEmpty,
      "`chmod go-w` closes a folder that is yours; else move the files into one of your own.")
  }
}
