internal import CSQLite

extension Connection {
  /// Runs any number of statements, none with parameters; rows are ignored.
  ///
  /// It stops at the first that fails; those before it stand unless a transaction is open.
  public func execute(_ script: String) throws(SQLiteError) {
    var script = try Script(script)
    while let pointer = unsafe try script.next(on: handle) {
      defer { unsafe _ = sqlite3_finalize(pointer) }
      var code = SQLITE_ROW
      while code == SQLITE_ROW { code = unsafe sqlite3_step(pointer) }
      guard code == SQLITE_DONE else {
        let sql = unsafe sqlite3_sql(pointer).map { unsafe String(cString: $0) }
        throw unsafe SQLiteError(of: handle, code: code, statement: sql)
      }
    }
  }

  /// Runs one statement to its end; rows are ignored.
  ///
  /// It is prepared once and kept. One argument is due for each parameter, else nothing runs.
  public func run(_ sql: String, _ arguments: Argument...) throws(SQLiteError) {
    try run(sql, arguments)
  }

  /// Runs one statement to its end with a list of arguments.
  public func run(_ sql: String, _ arguments: [Argument]) throws(SQLiteError) {
    let statement = try statements.take(sql)
    defer { statements.finish(statement) }
    try statement.bind(arguments)
    while try statement.step() {}
  }

  /// Lends every row of a query to `row` until it returns false.
  public func forEach(
    _ sql: String, _ arguments: Argument...,
    row: (borrowing Row) throws(SQLiteError) -> Bool
  ) throws(SQLiteError) {
    try forEach(sql, arguments, row: row)
  }

  /// Lends every row of a query with a list of arguments to `row` until it returns false.
  public func forEach(
    _ sql: String, _ arguments: [Argument],
    row: (borrowing Row) throws(SQLiteError) -> Bool
  ) throws(SQLiteError) {
    let statement = try statements.take(sql)
    defer { statements.finish(statement) }
    try statement.bind(arguments)
    let current = Row(statement)
    while try statement.step() {
      guard try row(current) else { return }
    }
  }

  /// Lends every row of a query to `row` until it returns false; `row` may throw any error.
  public func scan(
    _ sql: String, _ arguments: Argument..., row: (borrowing Row) throws -> Bool
  ) throws {
    try scan(sql, arguments, row: row)
  }

  /// Lends every row to `row`, which may throw any error, until it returns false; arguments as a list.
  public func scan(
    _ sql: String, _ arguments: [Argument], row: (borrowing Row) throws -> Bool
  ) throws {
    var failure: (any Error)?
    try forEach(sql, arguments) { current throws(SQLiteError) in
      do {
        return try row(current)
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
  }

  /// Reads the first row of a query; nil when there is none.
  public func first<T>(
    _ sql: String, _ arguments: Argument...,
    read: (borrowing Row) throws(SQLiteError) -> T
  ) throws(SQLiteError) -> T? {
    try first(sql, arguments, read: read)
  }

  /// Reads the first row of a query with a list of arguments; nil when there is none.
  public func first<T>(
    _ sql: String, _ arguments: [Argument],
    read: (borrowing Row) throws(SQLiteError) -> T
  ) throws(SQLiteError) -> T? {
    let statement = try statements.take(sql)
    defer { statements.finish(statement) }
    try statement.bind(arguments)
    return try statement.step() ? try read(Row(statement)) : nil
  }

  /// Reads every row of a query, in order.
  public func all<T>(
    _ sql: String, _ arguments: Argument...,
    read: (borrowing Row) throws(SQLiteError) -> T
  ) throws(SQLiteError) -> [T] {
    try all(sql, arguments, read: read)
  }

  /// Reads every row of a query with a list of arguments, in order.
  public func all<T>(
    _ sql: String, _ arguments: [Argument],
    read: (borrowing Row) throws(SQLiteError) -> T
  ) throws(SQLiteError) -> [T] {
    var rows: [T] = []
    try forEach(sql, arguments) { row throws(SQLiteError) in
      rows.append(try read(row))
      return true
    }
    return rows
  }
}
