public import Changes

/// One conflict by its place.
public struct ConflictName: Sendable, Hashable {
  /// Which row.
  public let row: RowKey
  /// The contested field; nil when the row was edited while somebody deleted it.
  public let field: String?
}

/// What a transaction does to conflicts, without looking at the rows it does not touch.
extension Store {
  /// Notes from here on, to the end of the transaction, what its rows held against each other before.
  ///
  /// Call inside `write`.
  public func watchConflicts() { cache.watched = [:] }

  /// The conflicts that are there since `watchConflicts`, and those that are gone.
  ///
  /// - Complexity: O(rows written in expanded form since then).
  public func conflictsChanged() throws -> (opened: [ConflictName], closed: [ConflictName]) {
    var (opened, closed): ([ConflictName], [ConflictName]) = ([], [])
    for row in (cache.watched ?? [:]).keys.sorted() {
      let before = cache.watched?[row] ?? []
      let after = Self.conflicts(of: row, try load(row))
      opened += after.filter { !before.contains($0) }
      closed += before.filter { !after.contains($0) }
    }
    return (opened, closed)
  }

  /// Notes a row before its state changes.
  ///
  /// A row that is settled and stays so never comes here: it holds no conflict.
  func watch(_ row: RowKey, _ state: RowState) {
    guard cache.watched != nil, cache.watched?[row] == nil else { return }
    cache.watched?[row] = Self.conflicts(of: row, state)
  }

  /// What a row in this state holds against each other.
  public static func conflicts(of row: RowKey, _ state: RowState) -> [ConflictName] {
    guard state.isShown else { return [] }
    let fields = state.contestedFields.map { ConflictName(row: row, field: $0) }
    return (state.isContested ? [ConflictName(row: row, field: nil)] : []) + fields
  }
}
