/// How often each kind of fault struck and each rare branch was taken: what never happened was not tested.
package struct Marks: Sendable {
  /// Counts by name.
  package private(set) var counts: [Mark: Int] = [:]

  package init() {}

  mutating func hit(_ mark: Mark, _ count: Int = 1) { counts[mark, default: 0] += count }

  /// Adds another run's counts.
  package mutating func merge(_ other: Marks) {
    counts.merge(other.counts) { $0 + $1 }
  }

  /// The table, one line a mark, those that never happened included.
  package var table: String {
    let width = Mark.allCases.map(\.rawValue.count).max() ?? 0
    return Mark.allCases.map { mark in
      let name = mark.rawValue + String(repeating: " ", count: width - mark.rawValue.count)
      let count = String(counts[mark] ?? 0)
      return "\(name)  \(String(repeating: " ", count: max(0, 9 - count.count)))\(count)"
    }.joined(separator: "\n")
  }
}

/// A kind of event, of fault, or a rare branch.
package enum Mark: String, CaseIterable, Sendable {
  // What people and programs do.
  case insert, update, delete, upsert, replace
  case severalRows = "several rows"
  case changedKey = "changed primary key"
  case valuePutBack = "value put back"
  case rolledBack = "program rolled back"
  case wrongValue = "value central refuses"
  case forbiddenTable = "write to central's table"
  case forbiddenSpace = "write without the right"
  case editDuringSync = "edit during a sync"
  case commandSet = "command: set"
  case commandResolve = "command: resolve"
  case commandUndelete = "command: undelete"
  case commandRemove = "command: remove"
  // What the network does.
  case requestDropped = "request dropped"
  case replyDropped = "reply dropped"
  case requestDoubled = "request doubled"
  case requestDelayed = "request delayed, delivered later"
  case requestTruncated = "request truncated"
  case replyTruncated = "reply truncated"
  case requestFlipped = "request flipped"
  case replyFlipped = "reply flipped"
  case partition = "partition"
  case oneWayPartition = "one-way partition"
  case swizzle
  // What machines do.
  case replicaCrash = "replica crashed"
  case centralCrash = "central crashed"
  case tornWrite = "crash in a write, half of it written"
  case powerCut = "power cut, writes lost"
  case diskError = "I/O error"
  case diskFull = "disk full"
  case interrupted = "statement interrupted"
  case lyingSync = "replica: lying sync, writes lost"
  case lostWrite = "replica: lost write"
  case misdirectedWrite = "replica: misdirected write"
  case lyingSyncOfCentral = "central: lying sync, writes lost"
  case lostWriteOfCentral = "central: lost write"
  case misdirectedWriteOfCentral = "central: misdirected write"
  case clockJump = "clock jumped"
  case upgrade = "schema upgraded"
  // What keepers do.
  case merge
  case mergeOnPush = "merge on push"
  case joined
  case joinRefused = "invite used twice"
  case expiredInvite = "expired invite"
  case revoked
  case revokedRefused = "revoked device refused"
  case restoredReplica = "replica restored by command"
  case putBackReplica = "replica put back by hand"
  case rolledBackReplica = "replica rolled back with its machine"
  case witnessLost = "witness lost"
  case twin = "replica cloned"
  case adopted = "copy adopted"
  case adoptionCut = "adoption cut"
  case centralBackup = "central backed up"
  case centralRestored = "central restored from a backup"
  case centralRewound = "central rewound unnoticed"
  case lifeAccepted = "central's life accepted"
  case declaredLost = "sometimes: changes declared lost"
  // What hostile ones do.
  case forgedBody = "central: forged body"
  case forgedBodySigned = "central: forged body, signed anew"
  case droppedEntry = "central: dropped entry, signed anew"
  case swappedEntries = "central: reordered entries, signed anew"
  case changedVerdict = "central: changed verdict, signed anew"
  case changedVerdictUnsigned = "central: changed verdict, not signed anew"
  case strangerSigned = "central: signed by a stranger"
  case forgedImage = "central: forged image"
  case forgedImageSigned = "central: forged image, signed anew"
  case oldCheckpoint = "central: old checkpoint replayed"
  case rewound = "central: rewound hello"
  case frozen = "central: frozen hello"
  case forkedHistory = "central: forked history"
  case frozenHistory = "central: frozen history"
  case rewoundHistory = "central: rewound history"
  case forgedContext = "member: forged context"
  case foreignSegment = "member: foreign segment"
  case forkedSegment = "member: fork"
  case badSignature = "member: bad signature"
  case replayedRequest = "member: replayed request"
  case oldRequest = "member: old request"
  case stolenName = "member: another's name"
  case stolenKeyID = "member: another's key id"
  case alteredBody = "member: altered body"
  case foreignTable = "member: row of another space's table"
  // What came of a disk that lied.
  case damageFound = "sometimes: replica: damage found, set aside"
  case stoodEarlier = "sometimes: replica: stood at an earlier state"
  case nothingLost = "sometimes: replica: nothing was lost"
  case damageFoundInCentral = "sometimes: central: damage found, restored"
  case centralStoodEarlier = "sometimes: central: stood at an earlier state"
  case nothingLostInCentral = "sometimes: central: nothing was lost"
  // Rare branches.
  case refusedChange = "sometimes: change refused"
  case conflict = "sometimes: conflict"
  case editedWhileDeleted = "sometimes: edited while deleted"
  case waited = "sometimes: segment waited"
  case snapshotTaken = "sometimes: snapshot taken"
  case historyFetched = "sometimes: history fetched"
  case epoch = "sometimes: new epoch"
  case resealed = "sometimes: change sealed again"
  case spooled = "sometimes: pull in pieces"
  case clockCorrected = "sometimes: signed again with central's time"
  case witnessDoubted = "sometimes: witness doubted a file"
  case secondHash = "sometimes: one dot met with two hashes"
  case logGivenBack = "sometimes: log given back to central"
  case entriesTakenOver = "sometimes: entry taken over as it was"
  case judgedAnew = "sometimes: change judged anew"
  case offered = "sometimes: change offered again"
  case forkedLog = "sometimes: central's histories differed"
  case forgotten = "sometimes: member forgotten by central"
  case carried = "sometimes: unknown field carried"
  case lateVerdict = "sometimes: refusal undone on its author's replica"
  case tamperingNoticed = "sometimes: tampering noticed at once"
  case splitNoticed = "sometimes: split view noticed at the next contact"
  case splitShown = "sometimes: split view shown by two files"
  case splitByBundle = "sometimes: split view shown by a bundle"
}
