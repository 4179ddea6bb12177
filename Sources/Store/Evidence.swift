import Causality
import Changes
import SQLite
public import Wire

/// What does not fit what central said before, with the statements that show it.
public struct Evidence: Sendable {
  /// How much it shows.
  public enum Kind: String, Sendable {
    /// Central's own signatures contradict each other: anybody can check it.
    case proof
    /// An answer that was not signed contradicts what was: it may have been the wire. The next good contact settles it.
    case suspicion
  }

  /// When it was noticed; a label.
  public let at: String
  /// The space.
  public let space: String
  /// How much it shows.
  public let kind: Kind
  /// A stable code.
  public let code: String
  /// One line.
  public let message: String
  /// Lines as they came: checkpoints, receipts, entries, answers.
  public let statements: [[UInt8]]
  /// When a good contact settled it, if one did.
  public let settledAt: String?

  /// Makes evidence that is not settled.
  public init(
    at: String, space: String, kind: Kind, code: String, message: String, statements: [[UInt8]]
  ) {
    self.init(at, space, kind, code, message, statements, nil)
  }

  init(
    _ at: String, _ space: String, _ kind: Kind, _ code: String, _ message: String,
    _ statements: [[UInt8]], _ settledAt: String?
  ) {
    self.at = at
    self.space = space
    self.kind = kind
    self.code = code
    self.message = message
    self.statements = statements
    self.settledAt = settledAt
  }
}

/// Evidence and the checkpoints that make it possible.
extension Store {
  /// Bytes of statements kept with one piece of evidence.
  static let statementBytesMax = 1024 * 1024

  /// Keeps evidence, once; call inside `write`.
  public func keep(_ evidence: Evidence) throws {
    try prepareKept()
    var bytes: [UInt8] = []
    for line in evidence.statements where bytes.count + line.count < Store.statementBytesMax {
      bytes += line + [UInt8(ascii: "\n")]
    }
    try db.run(
      """
      INSERT INTO cordee_evidence(at, space, kind, code, message, statements) VALUES(?, ?, ?, ?, ?, ?)
      ON CONFLICT(message) DO UPDATE SET settled_at = NULL
      """, .text(evidence.at), .text(evidence.space), .text(evidence.kind.rawValue),
      .text(evidence.code), .text(evidence.message), .blob(bytes))
    guardRows(of: .evidence)
  }

  /// What is kept, in the order it was noticed.
  public func evidence() throws -> [Evidence] {
    guard try hasKept() else { return [] }
    return try db.all(
      """
      SELECT at, space, kind, code, message, statements, settled_at FROM cordee_evidence ORDER BY id
      """
    ) { row in
      Evidence(
        row.text(0), row.text(1), Evidence.Kind(rawValue: row.text(2)) ?? .suspicion, row.text(3),
        row.text(4), Lines.split(row.bytes(5)), row.textOrNil(6))
    }
  }

  /// A good contact settles a space's suspicions, but not those of `codes`; call inside `write`.
  public func settleSuspicions(in space: String, at: String, except codes: [String] = []) throws {
    guard try hasKept() else { return }
    try db.run(
      """
      UPDATE cordee_evidence SET settled_at = ? WHERE space = ? AND kind = 'suspicion' AND settled_at IS NULL
        AND instr(?, ' ' || code || ' ') = 0
      """, .text(at), .text(space), .text(" \(codes.joined(separator: " ")) "))
    noteSettled()
  }

  /// Settles one kind of suspicion; call inside `write`.
  public func settle(_ code: String, in space: String, at: String) throws {
    guard try hasKept() else { return }
    try db.run(
      """
      UPDATE cordee_evidence SET settled_at = ? WHERE space = ? AND kind = 'suspicion' AND settled_at IS NULL
        AND code = ?
      """, .text(at), .text(space), .text(code))
    noteSettled()
  }

  private func noteSettled() {
    if db.changes > 0 { guardRows(of: .evidence) }
  }

  /// Remembers a signed checkpoint that fits this file's log; call inside `write`.
  ///
  /// The newest are all kept, older ones ever more thinly (`isKept`): the log here holds the hash of every place, so that a
  /// signed one near the place in question is enough.
  public func remember(_ checkpoint: Checkpoint, line: [UInt8]) throws {
    try prepareKept()
    let last =
      try db.first(
        "SELECT ordinal, seq, instance FROM cordee_checkpoint WHERE space = ? ORDER BY ordinal DESC LIMIT 1",
        .text(checkpoint.space)
      ) { ($0.int(0), $0.int(1), $0.bytes(2)) } ?? (0, -1, [])
    guard last.1 != checkpoint.seq || last.2 != checkpoint.instance.bytes else { return }
    let ordinal = last.0 + 1
    try db.run(
      "INSERT INTO cordee_checkpoint(space, ordinal, seq, instance, hash, line) VALUES(?, ?, ?, ?, ?, ?)",
      .text(checkpoint.space), .int(ordinal), .int(checkpoint.seq),
      .blob(checkpoint.instance.bytes), .blob(checkpoint.hash.bytes), .blob(line))
    let held = try db.all(
      "SELECT ordinal FROM cordee_checkpoint WHERE space = ?", .text(checkpoint.space)
    ) { $0.int(0) }
    for old in held where !Store.isKept(old, newest: ordinal) {
      try db.run(
        "DELETE FROM cordee_checkpoint WHERE space = ? AND ordinal = ?", .text(checkpoint.space),
        .int(old))
    }
  }

  /// Whether the checkpoint of this ordinal is kept when another is the newest: the first, the last 32, and of each
  /// doubling of the distance at most 16.
  static func isKept(_ ordinal: Int, newest: Int) -> Bool {
    let distance = newest - ordinal
    guard distance >= 32, ordinal > 1 else { return true }
    let step = 1 << (Int.bitWidth - distance.leadingZeroBitCount - 5)
    return ordinal % step == 0
  }

  /// The checkpoints kept of a space, oldest first.
  public func checkpoints(of space: String) throws -> [(checkpoint: Checkpoint, line: [UInt8])] {
    guard try hasKept() else { return [] }
    var found: [(Checkpoint, [UInt8])] = []
    for line in try db.all(
      "SELECT line FROM cordee_checkpoint WHERE space = ? ORDER BY ordinal", .text(space),
      read: { $0.bytes(0) })
    {
      if case .checkpoint(_, let checkpoint, _) = try LogLine.parse(line) {
        found.append((checkpoint, line))
      }
    }
    return found
  }
}
