import Causality
import Central
import Changes
import HTTP
import Replica
import SQLite
import Seal
import Store

/// One member's device in the simulated network: a file on the disk, a key, a clock that is off.
final class Station {
  let name: String
  let path: String
  let key: SigningKey
  let role: String
  var schema: Int
  /// Seconds by which its clock is ahead of the true time.
  var offset: Int64
  /// nil while the program does not run, or before it joined.
  var replica: Replica?
  /// Another program that has the file open.
  var program: Program?
  var isRevoked = false
  /// What the link to central does with every message.
  var partition = Partition.none
  /// The step at which a partition ends.
  var resumesAt = 0
  /// What the messages of the present sync meet.
  var weather = Weather.fair
  /// What a hostile central makes of its answers to this member.
  var lies: Lies?
  /// Whether a damaged transfer may still lie about.
  var isTainted = false
  /// Each space's own past.
  var pasts: [String: Past]
  /// Rows edited since the last seal, with what was seen at that time.
  var dirty: [RowKey: Sight] = [:]

  enum Partition: String { case none, full, requestsLost, repliesLost }

  /// What is known of the own changes of one space in the file.
  struct Past {
    /// Which line of copies it belongs to, and how many own changes stand in it.
    var line: Int
    var order = 0
    /// Who writes, and how many changes of that actor were seen.
    var actor: ActorID?
    var observed = 0
  }

  init(
    name: String, path: String, role: String, schema: Int, offset: Int64, pasts: [String: Past]
  ) {
    self.name = name
    self.path = path
    key = .generate()
    self.role = role
    self.schema = schema
    self.offset = offset
    self.pasts = pasts
  }

  var isOpen: Bool { replica != nil }

  func openProgram() throws -> Program {
    if let program { return program }
    let opened = try Program(path: path)
    program = opened
    return opened
  }

  /// The process is gone, whatever it was doing.
  func close() {
    program = nil
    replica = nil
  }
}

/// Any SQLite program that edits a member's file.
final class Program {
  let connection: Connection

  init(path: String) throws { connection = try Connection(path: path, mode: .readWrite) }
}

/// Central's side: its file, its key, its clock.
final class House {
  let path: String
  let key: SigningKey
  var schema: Int
  var offset: Int64
  /// nil while the process does not run.
  var routes: Routes?

  init(path: String, schema: Int, offset: Int64) {
    self.path = path
    key = .generate()
    self.schema = schema
    self.offset = offset
  }
}
