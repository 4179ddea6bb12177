import Causality
import Changes
import SQLite
import Seal
import Wire

/// What a file keeps of others' words: central's checkpoints and receipts, and segments carried for others.
extension Audit {
  /// Every one is signed by whom it says, and fits the history here.
  func checkKept(_ space: String) throws {
    for (checkpoint, line) in try store.checkpoints(of: space) {
      guard case .checkpoint(let bytes, _, let signatures) = try LogLine.parse(line),
        signatures.contains(where: {
          centralKey.verifies($0.value, of: Preimage.checkpoint(bytes))
        })
      else {
        damage("kept.checkpoint", "a checkpoint kept of \(space) is not signed by central")
        continue
      }
      report.signatures += 1
      let cursor = try store.meta("cursor.\(space)")?.text.flatMap { Cursor($0) }
      let isHeld = try store.gap(in: space).map { checkpoint.seq > $0.upTo.seq } ?? true
      if isHeld, cursor?.instance == checkpoint.instance,
        try store.logHash(of: space, at: checkpoint.seq) != checkpoint.hash
      {
        parted("central once signed another log of \(space) at entry \(checkpoint.seq)")
      }
    }
    for (actor, line) in try store.receipts(in: space) {
      let parsed = try ReceiptNote.parse(line: line)
      guard
        parsed.signatures.contains(where: {
          centralKey.verifies($0.value, of: Preimage.receipt(parsed.signed))
        })
      else {
        damage("kept.receipt", "a receipt kept of \(space) is not signed by central")
        continue
      }
      report.signatures += 1
      let isNamed = try store.receipt(of: actor, in: space).map { kept in
        parsed.note.heads.contains {
          $0.dot == Dot(actor: actor, n: kept.n) && $0.hash == kept.hash
        }
      }
      if isNamed != true {
        damage("kept.receipt", "a receipt kept of \(space) names another change than its own")
      }
      for head in parsed.note.heads where head.dot.actor == actor {
        if let held = try store.changeHash(head.dot, in: space), held != head.hash {
          parted("central once received another change \(head.dot) of \(space)")
        }
      }
    }
    try checkParcels(space)
  }

  /// What central signed before it was put back: history here is held against its present word, so that nothing is damaged.
  private func parted(_ words: String) {
    report.add(Finding(.notice, "kept.parted", "\(words): it was put back since"))
  }

  /// Every kept checkpoint stands under the place, life, hash and space that central signed.
  func checkPlacesOfCheckpoints() throws {
    guard try store.hasKept() else { return }
    try store.db.scan("SELECT space, seq, instance, hash, line FROM cordee_checkpoint", []) { row in
      guard case .checkpoint(_, let signed, _)? = try? LogLine.parse(row.bytes(4)),
        signed.space.hasBytes(of: row.text(0)), signed.seq == row.int(1),
        signed.instance.bytes == row.bytes(2), signed.hash.bytes == row.bytes(3)
      else {
        damage("kept.checkpoint", "a checkpoint is kept under another place than central signed")
        return true
      }
      return true
    }
  }

  private func checkParcels(_ space: String) throws {
    var after = 0
    while true {
      let parcels = try store.parcels(in: space, after: after, bytesMax: 1 << 20, all: true)
      guard let last = parcels.last else { return }
      after = last.id
      for parcel in parcels {
        let lines = Lines.split(parcel.lines)
        do {
          let segment = try Segment.parse(lines.first ?? [])
          try segment.verify(
            Array(lines.dropFirst()), key: try key(of: segment.actor.replica),
            network: networkID(), space: space)
          guard segment.head == parcel.hash, segment.to == parcel.head.n else {
            throw WireError(.shape, "its head is another")
          }
        } catch {
          damage("kept.parcel", "a segment carried for \(parcel.head.actor) was altered")
        }
      }
    }
  }

  private func networkID() throws -> NetworkID {
    guard case .blob(let bytes)? = try store.meta("network"), let id = NetworkID(bytes: bytes)
    else {
      throw StoreError(.corrupt, "\(store.path) has lost its network")
    }
    return id
  }

  /// Evidence that is not settled: the file is sound, and a person should look.
  func noteEvidence() throws {
    for evidence in try store.evidence() where evidence.settledAt == nil {
      report.add(Finding(.notice, "central.\(evidence.kind.rawValue)", evidence.message))
    }
  }
}
