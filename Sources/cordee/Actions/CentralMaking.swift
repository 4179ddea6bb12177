import Causality
import Central
import Changes
import Files
import FoundationEssentials
import Registry
import Seal
import Store

/// How central's file comes to be: it is made under another name, and gets its own in one step once it is whole.
///
/// So what stands in its place serves, a call that was cut is repeated, and no key that lies there is ever replaced: members
/// take what that key signs, and nothing else.
enum CentralMaking {
  private static func path(_ folder: String) -> String { "\(folder)/central.sqlite" }
  private static func key(_ folder: String) -> String { "\(folder)/central.key" }
  /// A new node's file until it is whole; it stands there before the key does, which has then signed nothing for anybody.
  private static func begun(_ folder: String) -> String { path(folder) + ".begun" }

  /// Whether a node's key lies in a folder without its file.
  static func hasLostFile(_ folder: String) -> Bool {
    !CentralNode.isThere(folder) && FileManager.default.fileExists(atPath: key(folder))
      && Files.size(begun(folder)) == nil
  }

  /// Makes a new node with its key beside it, and gives what `fill` gives, which writes its first records.
  static func make<T>(
    folder: String, name: String, url: String, _ fill: (Central) throws -> T
  ) throws -> T {
    try alone(folder) {
      try checkFree(folder, hint: "Give another folder.")
      guard CentralReplacing.newestKept(beside: path(folder)) == nil, !hasLostFile(folder) else {
        throw Failure.noCentral(in: folder)
      }
      let begun = begun(folder)
      try empty(begun)
      let place = key(folder)
      // A call that was cut may have written it.
      let isWritten = FileManager.default.fileExists(atPath: place)
      let key = isWritten ? try KeyFile.read(place) : SigningKey.generate()
      if !isWritten { try KeyFile.write(key, to: place) }
      return try put(begun, in: path(folder)) {
        try fill(
          Central.create(path: begun, schema: .registry, key: key, name: name, url: url))
      }
    }
  }

  /// Makes a node again from its key and the network's name.
  static func recover(
    folder: String, key: SigningKey, network: NetworkID, name: String, url: String
  ) throws {
    try alone(folder) {
      try checkFree(
        folder, hint: "Give another folder, or restore with `cordee central restore`.")
      let place = self.key(folder)
      let isThere = FileManager.default.fileExists(atPath: place)
      if isThere, try KeyFile.read(place).seed != key.seed {
        throw Failure(
          code: "key.other", message: "another key than the one given lies at \(place)",
          hint: "Nothing was changed. Give that one, or move it elsewhere if it is the wrong one.")
      }
      forget(folder)
      if !isThere { try KeyFile.write(key, to: place) }
      let part = path(folder) + ".recovering"
      try empty(part)
      try put(part, in: path(folder)) {
        _ = try Central.recover(
          path: part, schema: .registry, key: key, network: network, name: name, url: url,
          at: Now().label)
      }
    }
  }

  /// Removes what a call of `make` left that was cut: once the key stands for a node it may excuse no other.
  static func forget(_ folder: String) {
    DatabaseSides.removeWhole(begun(folder))
  }

  /// One call at a time makes a node in a folder, or puts a backup in its place.
  static func alone<T>(_ folder: String, _ body: () throws -> T) throws -> T {
    try Folders.make(folder)
    guard let lock = try FileLock.take("\(folder)/central.init-lock") else {
      throw Failure(
        code: "central.busy", message: "another process works on \(folder)",
        hint: "Wait for it, or stop it.")
    }
    defer { lock.release() }
    return try body()
  }

  private static func checkFree(_ folder: String, hint: String) throws {
    guard !CentralNode.isThere(folder) else {
      throw Failure(
        code: "central.exists", message: "there is a central node in \(folder) already", hint: hint)
    }
    if let side = DatabaseSides.held(beside: path(folder)) {
      throw Failure(
        code: "central.sides", message: "\(side) lies there without the file that it belongs to",
        hint: "Move it elsewhere: it would spoil the file that comes.")
    }
  }

  /// An empty file under a name, whatever a call that was cut left of it; it never lacks meanwhile.
  private static func empty(_ part: String) throws {
    DatabaseSides.remove(of: part)
    var file = try FileWriter(part)
    try file.sync()
    try Files.syncFolder(of: part)
  }

  /// Gives a file its name after `work`, which leaves it closed.
  private static func put<T>(_ part: String, in path: String, _ work: () throws -> T) throws -> T {
    let result = try work()
    guard DatabaseSides.held(beside: part) == nil else {
      throw Failure(
        code: "central.unfinished", message: "\(path) could not be finished",
        hint: "Check the disk, and run the same command again.")
    }
    DatabaseSides.remove(of: path)
    var file = try FileWriter(part, appends: true)
    try file.sync()
    try Files.rename(part, to: path)
    try Files.syncFolder(of: path)
    return result
  }
}
