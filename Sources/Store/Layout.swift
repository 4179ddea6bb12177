import Changes
import Mutants

/// The SQL of one file: engine tables, shared tables and the triggers that notice edits.
///
/// Triggers use built-in SQL only, so that any SQLite program's edits are noticed. A trigger of `cordee_touched` stands where
/// `OR IGNORE` would be natural: the outer statement's conflict policy overrides the latter
/// (sqlite.org/lang_createtrigger.html).
enum Layout {
  /// The number of the engine's own tables; raised with every change to them.
  static let number = 4

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
    \(refusedIndex);
    CREATE TABLE cordee_run(space INTEGER NOT NULL, actor INTEGER NOT NULL, n_from INTEGER NOT NULL,
      n_to INTEGER NOT NULL, secret BLOB NOT NULL, open INTEGER NOT NULL, PRIMARY KEY(space, actor, n_to))
      STRICT, WITHOUT ROWID;
    CREATE INDEX cordee_run_open ON cordee_run(open) WHERE open = 1;
    CREATE TABLE cordee_row(tbl INTEGER NOT NULL, id TEXT NOT NULL, actor INTEGER NOT NULL, n INTEGER NOT NULL,
      weight INTEGER NOT NULL, width INTEGER NOT NULL, exceptions BLOB, PRIMARY KEY(tbl, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX cordee_row_expanded ON cordee_row(tbl, id) WHERE width < 0;
    \(recentStamps);
    CREATE TABLE cordee_sibling(tbl INTEGER NOT NULL, id TEXT NOT NULL, field INTEGER NOT NULL,
      actor INTEGER NOT NULL, n INTEGER NOT NULL, weight INTEGER NOT NULL, seen INTEGER NOT NULL, value ANY,
      PRIMARY KEY(tbl, id, field, actor, n)) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_base(tbl INTEGER NOT NULL, id TEXT NOT NULL, pending INTEGER NOT NULL, state BLOB NOT NULL,
      PRIMARY KEY(tbl, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE cordee_touched(tbl TEXT NOT NULL, id TEXT NOT NULL, field TEXT NOT NULL, old ANY) STRICT;
    CREATE INDEX cordee_touched_cell ON cordee_touched(tbl, id, field);
    \(touchedOnce);
    """

  /// What was refused is asked for at every sync, and is little of a long log.
  static let refusedIndex =
    "CREATE INDEX cordee_log_refused ON cordee_log(actor) WHERE reason IS NOT NULL"

  /// Stamps that `cordee_row` takes later.
  static let recentStamps = """
    CREATE TABLE cordee_row_recent(tbl INTEGER NOT NULL, id TEXT NOT NULL, line INTEGER NOT NULL, actor INTEGER NOT NULL,
      n INTEGER NOT NULL, weight INTEGER NOT NULL, width INTEGER NOT NULL, exceptions BLOB, PRIMARY KEY(tbl, id))
      STRICT, WITHOUT ROWID
    """

  /// What a cell held when it was first touched counts.
  static let touchedOnce = """
    CREATE TRIGGER cordee_touched_once BEFORE INSERT ON cordee_touched WHEN EXISTS(SELECT 1 FROM cordee_touched
      WHERE tbl = NEW.tbl AND id IS NEW.id AND field = NEW.field) BEGIN SELECT RAISE(IGNORE); END
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
    triggerList(table).map { "DROP TRIGGER IF EXISTS \(quoted($0.name));\n\($0.sql);\n" }.joined()
  }

  /// The triggers of a table by name, each as SQLite keeps its text.
  ///
  /// Whoever opens a file parses them all, so they are short: `cordee_touched_once` says for all of them that a cell is
  /// noted once, and one statement notes a whole row.
  static func triggerList(_ table: Table) -> [(name: String, sql: String)] {
    var list: [(name: String, sql: String)] = []
    func trigger(_ suffix: String, _ event: String, when condition: String = "", _ body: String) {
      let name = "cordee_\(table.name)_\(suffix)"
      let head = "CREATE TRIGGER \(quoted(name)) \(event) ON \(quoted(table.name))"
      list.append(
        (name, head + (condition.isEmpty ? "" : " WHEN \(condition)") + " BEGIN \(body) END"))
    }
    func standing(_ condition: String) -> String {
      "EXISTS(SELECT 1 FROM \(quoted(table.name)) WHERE \(condition))"
    }
    let isThere = standing("id IS NEW.id")
    let appears = "INSERT INTO cordee_touched SELECT '\(table.name)', NEW.id, '\(liveness)', 0"
    trigger("insert", "BEFORE INSERT", when: "NOT \(isThere)", appears + ";")
    if !mutant(18, "R2: REPLACE by another program goes unnoticed") {
      // A rowid given by hand can be another row's, which REPLACE takes away; one that is not given reads as −1.
      trigger(
        "replace", "BEFORE INSERT", when: standing("id IS NEW.id OR rowid IS NEW.rowid"),
        keepRows(table, "r.id IS NEW.id OR r.rowid IS NEW.rowid"))
      trigger(
        "rowid", "BEFORE UPDATE", when: "NEW.rowid IS NOT OLD.rowid",
        keepRows(table, "r.rowid IS NEW.rowid"))
    }
    trigger("delete", "BEFORE DELETE", keepRows(table, "r.id IS OLD.id"))
    trigger(
      "key", "BEFORE UPDATE OF id", when: "NEW.id IS NOT OLD.id",
      keepRows(table, "r.id IN (OLD.id, NEW.id)") + " \(appears) WHERE NOT \(isThere);")
    for field in table.fields {
      let column = quoted(field.name)
      trigger(
        "set_\(field.name)", "BEFORE UPDATE OF \(column)",
        when: "NEW.\(column) IS NOT OLD.\(column)",
        "INSERT INTO cordee_touched VALUES('\(table.name)', OLD.id, '\(field.name)', OLD.\(column));"
      )
    }
    return list
  }

  /// Notes every cell of the standing rows `r` that fit, and that they were there.
  private static func keepRows(_ table: Table, _ condition: String) -> String {
    let names = ([liveness] + table.fields.map(\.name)).map { "('\($0)')" }
    let cells = table.fields.map { " WHEN '\($0.name)' THEN r.\(quoted($0.name))" }
    return "INSERT INTO cordee_touched SELECT '\(table.name)', r.id, f.column1, "
      + "CASE f.column1 WHEN '\(liveness)' THEN 1\(cells.joined()) END "
      + "FROM \(quoted(table.name)) r, (VALUES \(names.joined(separator: ", "))) f WHERE \(condition);"
  }

  /// A name as an SQL identifier; names are checked by the schema to hold no quote.
  static func quoted(_ name: String) -> String { "\"\(name)\"" }
}
