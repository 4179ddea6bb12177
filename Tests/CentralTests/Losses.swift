import Causality
import Central
import Changes
import Replica
import SQLite
import Store
import Testing
import Wire

/// Looks for writes that were lost without a word: what a run leaves behind is compared with what was accepted.
///
/// Every text written in a run is written once, so that a text names its edit under whatever dot it came to stand.
struct Losses {
  /// A text, and the cell it was written to.
  struct Written: Hashable {
    let row: RowKey
    let field: String
    let text: String
  }

  /// One applied change of the log with all its author had seen.
  private struct Applied {
    let author: Authorship
    let writes: [Write]
  }

  /// All texts that were sealed anywhere.
  private(set) var accepted: Set<Written> = []
  /// Texts whose last copy went with a file that was replaced.
  private(set) var gone: Set<Written> = []

  /// Seals what is touched in a file and takes note of it.
  mutating func seal(_ file: Replica) throws {
    let before = try file.store.head(of: file.identity.actor, in: "commons").n
    _ = try file.store.write { try file.store.seal(as: file.author) }
    let sealed = try file.store.ownChanges(of: file.identity.actor, in: "commons", after: before)
    for change in sealed { accepted.formUnion(try Self.written(change)) }
  }

  /// A file is about to be replaced: what neither central nor any of the others holds is gone.
  mutating func lose(_ file: Replica, others: [Replica], _ central: Central) throws {
    var kept: Set<Written> = []
    for other in others { kept.formUnion(try Self.waiting(in: other, beyond: nil)) }
    gone.formUnion(try Self.waiting(in: file, beyond: central).subtracting(kept))
  }

  /// The accepted texts that are neither shown, nor superseded by a change that had seen them, nor kept as a sibling.
  ///
  /// Changes in quarantine are kept with their reason; they are left out here.
  func unexplained(in central: Central) throws -> [Written] {
    let (log, refused) = try Self.log(of: central.store)
    var places: [Written: [Dot]] = [:]
    var cells: [RowKey: [(Authorship, Verb)]] = [:]
    for change in log {
      for write in change.writes {
        cells[write.row, default: []].append((change.author, write.verb))
        for field in write.verb.fields {
          guard let text = field.value.text else { continue }
          let written = Written(row: write.row, field: field.name, text: text)
          places[written, default: []].append(change.author.dot)
        }
      }
    }
    return try accepted.subtracting(gone).subtracting(refused).filter { written in
      let siblings = try central.store.state(of: written.row).cells[written.field] ?? []
      return !(places[written] ?? []).contains { dot in
        siblings.contains { $0.dot == dot }
          || cells[written.row, default: []].contains { author, verb in
            verb.fields.contains { $0.name == written.field } && author.supersedes(dot)
          }
      }
    }
  }

  private static func written(_ change: Change) throws -> Set<Written> {
    var all: Set<Written> = []
    for write in try ChangeDecoding.body(change.bodyBytes ?? []).writes {
      for field in write.verb.fields {
        guard let text = field.value.text else { continue }
        all.insert(Written(row: write.row, field: field.name, text: text))
      }
    }
    return all
  }

  /// Texts of own changes without a verdict; with central at hand, those it does not hold.
  private static func waiting(in file: Replica, beyond central: Central?) throws -> Set<Written> {
    var all: Set<Written> = []
    for actor in try file.store.epochs().map(\.from) + [file.identity.actor] {
      for change in try file.store.ownChanges(of: actor, in: "commons") {
        let isHeld = try central?.holds(change) ?? false
        if !isHeld { all.formUnion(try written(change)) }
      }
    }
    return all
  }

  private static func log(of store: Store) throws -> (applied: [Applied], refused: Set<Written>) {
    var contexts: [ActorID: VersionVector] = [:]
    var applied: [Applied] = []
    var refused: Set<Written> = []
    try store.forEachEntry(of: "commons", after: 0) { entry in
      let dot = entry.change.dot
      contexts[dot.actor, default: VersionVector()].merge(entry.change.header.context)
      if entry.verdict.isApplied {
        let author = Authorship(dot: dot, context: contexts[dot.actor] ?? VersionVector())
        let writes = try ChangeDecoding.body(entry.change.bodyBytes ?? []).writes
        applied.append(Applied(author: author, writes: writes))
      } else {
        refused.formUnion(try written(entry.change))
      }
      return true
    }
    return (applied, refused)
  }
}

extension Central {
  /// Whether central holds this very change.
  func holds(_ change: Change) throws -> Bool {
    try standing(
      of: change.dot.actor, in: change.header.space, head: (change.dot.n, change.hash),
      cursor: (0, .zero)
    ).holdsHead
  }
}
