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
    // Central keeps neither for itself.
    guard try store.currentActor() != nil else { return }
    try checkReceived(space)
    try checkOrdinals(space)
  }

  /// What is shown as received has central's signed word behind it, or stands in the log. `[SP-1618]`
  ///
  /// Of a former epoch's changes, and in a file of a version that kept no receipts, an answer of central may have said so.
  private func checkReceived(_ space: String) throws {
    let current = try store.currentActor()
    for actor in try store.ownActors() {
      let promised = try store.receipt(of: actor, in: space)?.n ?? 0
      let count = try store.waitingCount(
        of: actor, in: space, after: promised, upTo: store.received(of: actor, in: space))
      guard count > 0 else { continue }
      report.add(
        Finding(
          .incomplete, "receipt.missing",
          "of \(count) own changes of \(space) that are shown as received no receipt of central is here",
          advice: actor == current
            ? "`cordee sync` has central sign for them again; until then nothing here shows that it took them."
            : "They were written before the last new epoch; the sync after central's next merge brings their verdicts."
        ))
    }
  }

  /// Of the checkpoints that central signed none is missing: they are numbered, thinned by a rule, and the newest is the one
  /// that the file stands at. `[SP-1617]`
  private func checkOrdinals(_ space: String) throws {
    guard case .blob(let line)? = try store.meta("checkpoint.\(space)"),
      case .checkpoint(_, let named, _)? = try? LogLine.parse(line)
    else { return }
    let held = try store.checkpointOrdinals(of: space)
    guard let newest = held.last else {
      // A version that kept none may have brought the file here.
      return report.add(
        Finding(
          .incomplete, "kept.missing",
          "none of the checkpoints that central signed for \(space) is kept",
          advice:
            "The next one comes with central's news; what it signed before can be shown no more."
        ))
    }
    if try store.checkpoints(of: space).last?.checkpoint != named {
      damage("kept.newest", "the newest checkpoint kept of \(space) is not the one it stands at")
    }
    let missing = Set(Store.keptOrdinals(newest: newest)).subtracting(held)
    if !missing.isEmpty {
      damage("kept.hole", "\(missing.count) of the checkpoints kept of \(space) were taken away")
    }
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
