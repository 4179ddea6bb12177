import SQLite

/// How edits are cut into transactions.
enum EditGrouping: String {
  /// Each its own, as a person's are.
  case eachItsOwn = "each"
  /// All in one, as an import's are.
  case oneTransaction = "one"
}

/// Plain SQL edits, the same for a replica and for a table without an engine.
enum Edits {
  static func apply(
    _ edits: [Edit], to db: borrowing Connection, _ grouping: EditGrouping
  ) throws {
    func run() throws {
      for edit in edits {
        try db.run(Plain.update(edit.field), edit.value.argument, .text(edit.id))
      }
    }
    switch grouping {
    case .eachItsOwn: try run()
    case .oneTransaction: try db.transaction { try run() }
    }
  }

  /// What the edits cost in one file, through a connection of a program that knows nothing of us.
  static func measure(_ path: String, _ edits: [Edit], _ grouping: EditGrouping) throws -> Figures {
    var figures = Figures()
    let db = try Connection(path: path, mode: .readWrite)
    try db.execute("PRAGMA synchronous=FULL")
    _ = try db.first("PRAGMA journal_mode=TRUNCATE") { $0.text(0) }
    Meter.forgetPeak()
    try Meter.measure(&figures) { try apply(edits, to: db, grouping) }
    return figures
  }
}
