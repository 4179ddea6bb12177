import Causality
import Changes
import SQLite
import Store
import Wire

/// The same edits through real files' code: sealed bytes, stamps, siblings and tables in SQLite, in memory.
enum Stores {
  static let schema = Schema(
    number: 1, spaces: ["commons"], roles: [],
    tables: [
      Table(
        Cases.table, space: "commons", label: Label("Club", fr: "Club"),
        fields: Cases.fields.map { Field($0, label: Label($0, fr: $0)) })
    ])
  static let network = NetworkID(high: 1, low: 2)

  static let quarantined = Verdict.quarantined(reason: "role.space: not by this role")

  /// What a store holds after a log of these edits: its dump and its tables, line by line.
  static func content(of edits: [Edit]) throws -> [[UInt8]] {
    let store = try Store(path: ":memory:", schema: schema, use: .replica, create: true)
    var chains: [ActorID: (hash: Hash, context: VersionVector)] = [:]
    var end = Hash.zero
    try store.write {
      for (offset, edit) in edits.enumerated() {
        let chain = chains[edit.dot.actor] ?? (.zero, VersionVector())
        let header = Header(
          network: network, space: "commons", dot: edit.dot,
          context: edit.author.context.exceeding(chain.context))
        let body = Body(
          key: [UInt8](repeating: 7, count: 16), at: "2027-01-15T08:00:00Z", writes: edit.writes)
        let change = Store.change(header, body, previous: chain.hash)
        chains[edit.dot.actor] = (change.hash, edit.author.context)
        let verdict = edit.isRefused ? quarantined : .applied
        end = Store.hash(
          Preimage.log(
            previous: end, seq: offset + 1, dot: edit.dot, verdict: verdict, hash: change.hash))
        try store.integrate(
          LogEntry(seq: offset + 1, change: change, verdict: verdict, hash: end, signatures: nil))
      }
    }
    var lines: [[UInt8]] = []
    try store.dump("commons") { lines.append($0) }
    let columns = (["id"] + Cases.fields).joined(separator: ", ")
    lines += try store.withConnection { connection in
      try connection.all("SELECT json_array(\(columns)) FROM \(Cases.table) ORDER BY id") {
        $0.bytes(0)
      }
    }
    return lines
  }

  /// What the tables must show by the pure rules.
  static func shown(by node: Node) -> Int { node.rows.values.count { $0.isShown } }
}
