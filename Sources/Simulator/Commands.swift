import Changes
import Disk
import Replica
import Store

/// What people do through the engine's own commands.
extension World {
  /// One command on a member's device, as the stream draws it.
  func command(_ station: Station, _ draw: inout Seeded) throws {
    guard let replica = station.replica else { return }
    let store = replica.store
    let author = Author(
      network: replica.identity.network, actor: replica.identity.actor,
      at: label(station.offset))
    let table = table(for: station, &draw)
    let row = RowKey(table: table.name, id: id(in: table, &draw))
    let choice = draw.below(4)
    do {
      let finding = try witness(station)
      defer { try? note(station, isConfirmed: finding == .sound) }
      try store.write {
        try store.seal(as: author)
        guard let write = try write(choice, on: row, table, store, &draw) else { return }
        try store.withConnection { try noteTouched(station, [write.row], $0) }
        let space = store.schema.table(write.row.table)?.space ?? table.space
        try store.seal([write], space: space, author: author)
        tell("  \(station.name): command \(write.verb) on \(write.row.table)/\(write.row.id)")
      }
    } catch {
      fail(
        station.name, "command", isStruck ? .damaged : .none, "\(error)")
    }
  }

  private func write(
    _ choice: Int, on row: RowKey, _ table: Table, _ store: Store, _ draw: inout Seeded
  ) throws -> Write? {
    let state = try store.state(of: row)
    switch choice {
    case 0 where state.isShown:
      marks.hit(.commandSet)
      let field = draw.pick(table.fields)
      return Write(row, .set([FieldValue(field.name, value(for: field, &draw))]))
    case 1 where state.isShown:
      marks.hit(.commandRemove)
      return Write(row, .delete)
    case 2 where !state.liveness.isEmpty && (!state.isShown || state.isContested):
      marks.hit(.commandUndelete)
      return Write(row, .undelete)
    default: return try settlement(store, &draw)
    }
  }

  /// Settles one of the conflicts by one of its values.
  private func settlement(_ store: Store, _ draw: inout Seeded) throws -> Write? {
    let conflicts = try store.conflicts().filter {
      store.schema.table($0.row.table)?.writers == .members
    }
    guard !conflicts.isEmpty else { return nil }
    let conflict = draw.pick(conflicts)
    let side = draw.pick(conflict.siblings)
    marks.hit(.commandResolve)
    guard let field = conflict.field else {
      return Write(conflict.row, side.value == .integer(1) ? .undelete : .delete)
    }
    return Write(conflict.row, .set([FieldValue(field, side.value)]))
  }
}
