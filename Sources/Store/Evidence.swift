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

  /// A person's word that a piece of evidence was looked into.
  public struct Settlement: Sendable, Hashable {
    /// The device on which it was given, as its edits are signed for readers.
    public let by: String
    /// What came of it.
    public let note: String
  }

  /// Its number in this file; 0 before it is kept.
  public let id: Int
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
  /// When a good contact or a person settled it, if one did.
  public let settledAt: String?
  /// The person's word, if a person settled it.
  public let settlement: Settlement?

  /// Makes evidence that is not settled.
  public init(
    at: String, space: String, kind: Kind, code: String, message: String, statements: [[UInt8]]
  ) {
    self.init(0, at, space, kind, code, message, statements, nil, nil)
  }

  init(
    _ id: Int, _ at: String, _ space: String, _ kind: Kind, _ code: String, _ message: String,
    _ statements: [[UInt8]], _ settledAt: String?, _ settlement: Settlement?
  ) {
    self.id = id
    self.at = at
    self.space = space
    self.kind = kind
    self.code = code
    self.message = message
    self.statements = statements
    self.settledAt = settledAt
    self.settlement = settlement
  }
}

/// Evidence and the checkpoints that make it possible.
extension Store {
  /// Keeps evidence, once; call inside `write`.
  ///
  /// What was settled and comes again is open again, but for a proof of the very words that are kept: those are what was
  /// settled. Other words for the same are added.
  public func keep(_ evidence: Evidence) throws {
    try prepareKept()
    let held = try db.first(
      "SELECT id, kind, statements FROM cordee_evidence WHERE message = ?", .text(evidence.message)
    ) { ($0.int(0), $0.text(1), $0.bytes(2)) }
    guard let (id, kind, bytes) = held else {
      try db.run(
        """
        INSERT INTO cordee_evidence(at, space, kind, code, message, statements) VALUES(?, ?, ?, ?, ?, ?)
        """, .text(evidence.at), .text(evidence.space), .text(evidence.kind.rawValue),
        .text(evidence.code), .text(evidence.message),
        .blob(Self.joined(evidence.statements, to: [])))
      return guardRows(of: .evidence)
    }
    let known = Set(Lines.split(bytes))
    let isProof = evidence.kind == .proof
    let isSame = isProof && evidence.statements.last.map(known.contains) ?? true
    guard !isSame || kind != evidence.kind.rawValue else { return }
    let added = isProof ? evidence.statements.filter { !known.contains($0) } : []
    try db.run(
      "UPDATE cordee_evidence SET settled_at = NULL, kind = ?, statements = ? WHERE id = ?",
      .text(isProof ? evidence.kind.rawValue : kind), .blob(Self.joined(added, to: bytes)),
      .int(id))
    guardRows(of: .evidence)
  }

  private static func joined(_ statements: [[UInt8]], to bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for line in statements where bytes.count + line.count < StoreLimits.statementBytesMax {
      bytes += line + [UInt8(ascii: "\n")]
    }
    return bytes
  }

  /// What is kept, in the order it was noticed.
  public func evidence() throws -> [Evidence] {
    guard try hasKept() else { return [] }
    // Nearly always there is none.
    guard try db.first("SELECT 1 FROM cordee_evidence", read: { _ in true }) != nil else {
      return []
    }
    let settlements = try settlements()
    return try db.all(
      """
      SELECT id, at, space, kind, code, message, statements, settled_at FROM cordee_evidence
        ORDER BY id
      """
    ) { row in
      Evidence(
        row.int(0), row.text(1), row.text(2), Evidence.Kind(rawValue: row.text(3)) ?? .suspicion,
        row.text(4), row.text(5), Lines.split(row.bytes(6)), row.textOrNil(7),
        row.textOrNil(7).flatMap { settlements["\(row.int(0)) \($0)"] })
    }
  }

  /// Whether a suspicion of one kind is open.
  public func isSuspected(_ code: String, in space: String) throws -> Bool {
    guard try hasKept() else { return false }
    return try db.first(
      """
      SELECT 1 FROM cordee_evidence WHERE space = ? AND kind = 'suspicion' AND settled_at IS NULL
        AND code = ?
      """, .text(space), .text(code)
    ) { _ in true } ?? false
  }

  /// What persons said, by the number of the evidence and the time.
  private func settlements() throws -> [String: Evidence.Settlement] {
    guard try hasTable("cordee_settlement") else { return [:] }
    let all = try db.all("SELECT evidence, at, author, note FROM cordee_settlement ORDER BY id") {
      ("\($0.int(0)) \($0.text(1))", Evidence.Settlement(by: $0.text(2), note: $0.text(3)))
    }
    return Dictionary(all) { _, last in last }
  }

  /// Notes that a person looked into evidence, which stays kept; call inside `write`.
  ///
  /// - Returns: the evidence, settled; as it was when it had been settled before.
  /// - Throws: `StoreError` `.notFound` when there is none of that number.
  public func settle(evidence id: Int, by author: String, note: String, at: String) throws
    -> (evidence: Evidence, already: Bool)
  {
    func found() throws -> Evidence {
      guard let evidence = try evidence().first(where: { $0.id == id }) else {
        throw StoreError(
          .notFound, "no evidence is kept under the number \(id)",
          hint: "`cordee evidence` lists what is kept.")
      }
      return evidence
    }
    let before = try found()
    if before.settledAt != nil { return (before, true) }
    try db.execute(Store.settlementTable)
    try db.run(
      "INSERT INTO cordee_settlement(evidence, at, author, note) VALUES(?, ?, ?, ?)", .int(id),
      .text(at), .text(author), .text(note))
    try db.run(
      "UPDATE cordee_evidence SET settled_at = ? WHERE id = ?", .text(at), .int(id))
    guardRows(of: .settlement)
    guardRows(of: .evidence)
    return (try found(), false)
  }

  private static let settlementTable = """
    CREATE TABLE IF NOT EXISTS cordee_settlement(id INTEGER PRIMARY KEY, evidence INTEGER NOT NULL,
      at TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL) STRICT
    """

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

  /// Remembers a signed checkpoint that fits this file's log, unless it is the newest already; call inside `write`.
  ///
  /// Two of one place and life may differ: central was rewound between them.
  ///
  /// The newest are all kept, older ones ever more thinly (`isKept`): the log here holds the hash of every place, so that a
  /// signed one near the place in question is enough.
  public func remember(_ checkpoint: Checkpoint, line: [UInt8]) throws {
    try prepareKept()
    let last = try db.first(
      "SELECT ordinal, line FROM cordee_checkpoint WHERE space = ? ORDER BY ordinal DESC LIMIT 1",
      .text(checkpoint.space)
    ) { (ordinal: $0.int(0), line: $0.bytes(1)) }
    guard last?.line != line else { return }
    let ordinal = (last?.ordinal ?? 0) + 1
    try db.run(
      "INSERT INTO cordee_checkpoint(space, ordinal, seq, instance, hash, line) VALUES(?, ?, ?, ?, ?, ?)",
      .text(checkpoint.space), .int(ordinal), .int(checkpoint.seq),
      .blob(checkpoint.instance.bytes), .blob(checkpoint.hash.bytes), .blob(line))
    for old in try checkpointOrdinals(of: checkpoint.space)
    where !Store.isKept(old, newest: ordinal) {
      try db.run(
        "DELETE FROM cordee_checkpoint WHERE space = ? AND ordinal = ?", .text(checkpoint.space),
        .int(old))
    }
  }

  /// Whether the checkpoint of this ordinal is kept when another is the newest: the first, the last 32, and of each
  /// doubling of the distance at most 16.
  static func isKept(_ ordinal: Int, newest: Int) -> Bool {
    let distance = newest - ordinal
    return ordinal <= 1 || ordinal % step(distance) == 0
  }

  /// How far apart checkpoints are kept at a distance from the newest.
  private static func step(_ distance: Int) -> Int {
    distance < 32 ? 1 : 1 << (Int.bitWidth - distance.leadingZeroBitCount - 5)
  }

  /// The ordinals that are kept when one is the newest, the highest first. `[SP-1617]`
  ///
  /// - Complexity: O(log newest), whatever a damaged file says the newest is.
  static func keptOrdinals(newest: Int) -> [Int] {
    var kept: [Int] = []
    var ordinal = newest
    while ordinal >= 1 {
      if isKept(ordinal, newest: newest) { kept.append(ordinal) }
      let step = step(newest - ordinal)
      ordinal = ordinal == 1 ? 0 : max(1, (ordinal - 1) / step * step)
    }
    return kept
  }

  /// The ordinals of a space's checkpoints, the lowest first.
  func checkpointOrdinals(of space: String) throws -> [Int] {
    guard try hasKept() else { return [] }
    return try db.all(
      "SELECT ordinal FROM cordee_checkpoint WHERE space = ? ORDER BY ordinal", .text(space)
    ) { $0.int(0) }
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
