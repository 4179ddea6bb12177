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
  /// The device's key; another one after an adoption.
  var key: SigningKey
  let role: String
  var schema: Int
  /// Seconds by which its clock is ahead of the true time.
  var offset: Int64
  /// nil while the program does not run, or before it joined.
  var replica: Replica?
  /// Another program that has the file open.
  var program: Program?
  /// Where its key and its witness lie; twins on one machine share it.
  var machine: Machine
  /// The number of the file in its file system: another one after a restore.
  var inode: UInt64
  var isRevoked = false
  /// Whether central may have forgotten that it enrolled this device.
  var mayBeForgotten = false
  /// Whether central said so at its last contact.
  var wasForgotten = false
  /// What the link to central does with every message.
  var partition = Partition.none
  /// The step at which a partition ends.
  var resumesAt = 0
  /// What the messages of the present sync meet.
  var weather = Weather.fair
  /// Another central with the same key that answers in the true one's place, when this is a copy that nobody counts.
  var mirror: Routes?
  /// What a hostile central makes of its answers to this member.
  var lies: Lies?
  /// Whether bytes were altered in its last conversation.
  var wasDamaged = false
  /// Whether a damaged transfer may still lie about.
  var isTainted = false
  /// The life of central's to which the file gave its log back, and where that ended in each space it held whole.
  var gaveTo = ""
  var ends: [String: Hash] = [:]
  /// What the onlooker knows of the file.
  var memory: Memory
  /// Older copies of the file.
  var copies: [Copy] = []
  /// Where the file stood when it was last looked at.
  var standings: [String: Standing] = [:]
  /// Writes to the file until it was last looked at.
  var writesSeen = -1

  enum Partition: String { case none, full, requestsLost, repliesLost }

  /// What the onlooker knows of a file; it goes with each copy.
  struct Memory {
    /// Each space's own past.
    var pasts: [String: Past]
    /// Rows edited since the last seal, with the log's hash at that time.
    var dirty: [RowKey: Hash] = [:]
    /// Own changes in the file.
    var held: Set<Hash> = []
  }

  /// What is known of the own changes of one space in a file.
  struct Past {
    /// Which line of copies it belongs to, and how many own changes stand in it.
    var line: Int
    var order = 0
    /// Who writes, and how many changes of that actor were seen.
    var actor: ActorID?
    var observed = 0
    /// Whose change the last one seals again: the actor that had it until then.
    var stem: ActorID?
    /// Where the last actor's own past ended, while nothing of the present one's says that it was seen.
    var rest: Rest?
    /// Own changes by the place each was first sealed at, to find what was sealed again.
    var own: [Dot: Own] = [:]

    struct Rest {
      var actor: ActorID
      var line: Int
      var order: Int
    }

    /// Where an own change stands now.
    struct Own {
      var sight: Sight
      var hash: Hash
      /// Who has it: the last that sealed it.
      var holder: ActorID
    }
  }

  /// An older state of a file.
  struct Copy {
    let path: String
    let memory: Memory
    let witness: Witness
  }

  struct Standing: Equatable {
    var life: String
    var seq: Int
    var vector: [ActorID: Int]
  }

  init(
    name: String, path: String, key: SigningKey, role: String, schema: Int, offset: Int64,
    memory: Memory, machine: Machine, inode: UInt64
  ) {
    self.name = name
    self.path = path
    self.key = key
    self.role = role
    self.schema = schema
    self.offset = offset
    self.memory = memory
    self.machine = machine
    self.inode = inode
  }

  var isOpen: Bool { replica != nil }

  /// Whether bytes of central's answers were altered in its last conversation, or are in the one that goes on.
  var mayBeMisled: Bool { wasDamaged || weather.isDamaging || lies != nil }

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

/// A member's machine, as far as a witness tells it from others.
final class Machine {
  let name: String
  var witness = Witness()

  init(_ name: String) { self.name = name }
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
  /// Older copies of its file.
  var backups: [Backup] = []
  /// Devices shut out so far.
  var revoked: Set<ReplicaID> = []
  /// Whether it ever went back.
  var hasGoneBack = false
  /// The life it was last seen in.
  var life: InstanceID?
  /// Where its log stood, and writes to the file, when it was last looked at.
  var standings: [String: Station.Standing] = [:]
  var writesSeen = -1

  struct Backup {
    let path: String
    let revoked: Set<ReplicaID>
  }

  init(path: String, schema: Int, offset: Int64) {
    self.path = path
    key = .generate()
    self.schema = schema
    self.offset = offset
  }
}
