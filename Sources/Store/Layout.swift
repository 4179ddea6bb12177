import Changes
import Mutants

/// The SQL of one file: engine tables, shared tables and the triggers that notice edits.
///
/// Triggers use built-in SQL only, so that any SQLite program's edits are noticed. Inside them `WHERE NOT EXISTS` stands
/// where `OR IGNORE` would be natural: the outer statement's conflict policy overrides the latter
/// (sqlite.org/lang_createtrigger.html).
enum Layout {
  /// The number of the engine's own tables; raised with every change to them.
  static let number = 1

  /// `cordee_change` has rowids: without them each comparison on the way to a change reads a whole body where one is large,
  /// and pushing costs more the more large ones there are.
  static let engine = """
    CREATE TABLE cordee_meta(key TEXT PRIMARY KEY NOT NULL, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_name(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE cordee_carried(tbl INTEGER PRIMARY KEY, space INTEGER NOT NULL) STRICT;
    CREATE TABLE cordee_actor(id INTEGER PRIMARY KEY, actor BLOB NOT NULL UNIQUE) STRICT;
    CREATE TABLE cordee_known(space INTEGER NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
      hash BLOB NOT NULL, context BLOB NOT NULL, PRIMARY KEY(space, actor)) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_change(space INTEGER NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
      header BLOB NOT NULL, body BLOB, body_hash BLOB NOT NULL, hash BLOB NOT NULL, state INTEGER NOT NULL,
      PRIMARY KEY(space, actor, n)) STRICT;
    CREATE TABLE cordee_log(seq INTEGER PRIMARY KEY, space INTEGER NOT NULL, actor INTEGER NOT NULL,
      n INTEGER NOT NULL, reason TEXT, hash BLOB NOT NULL, signatures TEXT) STRICT;
    CREATE INDEX cordee_log_place ON cordee_log(space, seq);
    CREATE TABLE cordee_run(space INTEGER NOT NULL, actor INTEGER NOT NULL, n_from INTEGER NOT NULL,
      n_to INTEGER NOT NULL, secret BLOB NOT NULL, open INTEGER NOT NULL, PRIMARY KEY(space, actor, n_to))
      STRICT, WITHOUT ROWID;
    CREATE INDEX cordee_run_open ON cordee_run(open) WHERE open = 1;
    CREATE TABLE cordee_row(tbl INTEGER NOT NULL, id TEXT NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
      weight INTEGER NOT NULL, width INTEGER NOT NULL, exceptions BLOB, PRIMARY KEY(tbl, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX cordee_row_expanded ON cordee_row(tbl, id) WHERE width < 0;
    CREATE TABLE cordee_sibling(tbl INTEGER NOT NULL, id TEXT NOT NULL, field INTEGER NOT NULL,
      actor INTEGER NOT NULL, n INTEGER NOT NULL, weight INTEGER NOT NULL, seen INTEGER NOT NULL, value ANY,
      PRIMARY KEY(tbl, id, field, actor, n)) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_base(tbl INTEGER NOT NULL, id TEXT NOT NULL, pending INTEGER NOT NULL, state BLOB NOT NULL,
      PRIMARY KEY(tbl, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_touched(tbl TEXT NOT NULL, id TEXT NOT NULL, field TEXT NOT NULL, old ANY) STRICT;
    CREATE INDEX cordee_touched_cell ON cordee_touched(tbl, id, field);
    """

  /// The name under which a row's liveness is noted; no field can be called so.
  static let liveness = "$alive"

  static func create(_ table: Table) -> String {
    let columns = table.fields.map { "\(quoted($0.name)) \($0.type.rawValue)" }
    return "CREATE TABLE \(quoted(table.name))("
      + (["id TEXT PRIMARY KEY NOT NULL"] + columns).joined(separator: ", ") + ") STRICT;\n"
  }

  static func addColumn(_ field: Field, to table: Table) -> String {
    "ALTER TABLE \(quoted(table.name)) ADD COLUMN \(quoted(field.name)) \(field.type.rawValue);\n"
  }

  /// Drops and makes anew the triggers of a table, so that they always fit its columns.
  static func triggers(_ table: Table) -> String {
    let name = table.name
    var sql = ""
    func trigger(_ suffix: String, _ event: String, _ condition: String, _ body: String) {
      sql += "DROP TRIGGER IF EXISTS \(quoted("cordee_\(name)_\(suffix)"));\n"
      sql += "CREATE TRIGGER \(quoted("cordee_\(name)_\(suffix)")) \(event) ON \(quoted(name))"
      sql += condition.isEmpty ? " BEGIN\n" : " WHEN \(condition) BEGIN\n"
      sql += body + "END;\n"
    }
    let standing = "EXISTS(SELECT 1 FROM \(quoted(name)) WHERE id IS NEW.id)"
    trigger("insert", "BEFORE INSERT", "NOT \(standing)", keep(liveness, name, "NEW.id", "0"))
    if !mutant(18, "R2: REPLACE by another program goes unnoticed") {
      trigger("replace", "BEFORE INSERT", standing, keepRow(table, "NEW.id"))
    }
    trigger("delete", "BEFORE DELETE", "", keepRow(table, "OLD.id"))
    trigger(
      "key", "BEFORE UPDATE OF id", "NEW.id IS NOT OLD.id",
      keepRow(table, "OLD.id") + keepRow(table, "NEW.id")
        + keep(liveness, name, "NEW.id", "0", when: "NOT \(standing)"))
    for field in table.fields {
      let column = quoted(field.name)
      trigger(
        "set_\(field.name)", "BEFORE UPDATE OF \(column)", "NEW.\(column) IS NOT OLD.\(column)",
        keep(field.name, name, "OLD.id", "OLD.\(column)"))
    }
    return sql
  }

  /// Every cell of a standing row, and that it was there.
  private static func keepRow(_ table: Table, _ row: String) -> String {
    let standing = "EXISTS(SELECT 1 FROM \(quoted(table.name)) WHERE id IS \(row))"
    let cells = table.fields.map { field in
      keep(
        field.name, table.name, row,
        "(SELECT \(quoted(field.name)) FROM \(quoted(table.name)) WHERE id IS \(row))",
        when: standing)
    }
    return cells.joined() + keep(liveness, table.name, row, "1", when: standing)
  }

  private static func keep(
    _ field: String, _ table: String, _ row: String, _ value: String, when condition: String = "1"
  ) -> String {
    """
    INSERT INTO cordee_touched(tbl, id, field, old) SELECT '\(table)', \(row), '\(field)', \(value)
      WHERE \(condition) AND NOT EXISTS(SELECT 1 FROM cordee_touched
        WHERE tbl = '\(table)' AND id IS \(row) AND field = '\(field)');

    """
  }

  /// A name as an SQL identifier; names are checked by the schema to hold no quote.
  static func quoted(_ name: String) -> String { "\"\(name)\"" }
}
