public import Causality
import Changes
public import Seal
public import Wire

/// What is wrong with the bytes of a snapshot.
public enum SnapshotFault: Error, Sendable, Hashable {
  /// Its first line is not signed by central, or is about something else.
  case unsigned
  /// Its bytes are not those that were signed: a reason in words.
  case damaged(String)
}

/// A snapshot read piece by piece and held against central's signature: its first line, its image. `[SP-1106]`
///
/// Memory stays within one piece and the first line.
public struct SnapshotReading: ~Copyable {
  /// A snapshot, and central's signed word for the log at its place.
  public typealias Taken = (
    snapshot: Snapshot, checkpoint: (content: Checkpoint, line: [UInt8])?
  )

  private let key: PublicKey
  private let network: NetworkID
  private let isWanted: (Snapshot) -> Bool
  private var head: [UInt8] = []
  private var taken: Taken?
  private var hash = Blake2b()
  private var size = 0

  /// Prepares for the bytes of one snapshot.
  ///
  /// - Parameters:
  ///   - key: central's.
  ///   - isWanted: whether what the first line names is what was asked for.
  public init(
    key: PublicKey, network: NetworkID, isWanted: @escaping (Snapshot) -> Bool
  ) {
    self.key = key
    self.network = network
    self.isWanted = isWanted
    hash.update(Preimage.image)
  }

  /// Takes the next bytes, and gives those of them that belong to the image.
  public mutating func take(_ piece: [UInt8]) throws(SnapshotFault) -> [UInt8] {
    guard taken == nil else { return count(piece) }
    head += piece
    guard let end = head.firstIndex(of: UInt8(ascii: "\n")) else {
      guard head.count < StoreLimits.snapshotHeadBytesMax else {
        throw .damaged("its first line has no end")
      }
      return []
    }
    taken = try verified(Array(head[..<end]))
    let image = Array(head[(end + 1)...])
    head = []
    return count(image)
  }

  private mutating func count(_ image: [UInt8]) -> [UInt8] {
    hash.update(image)
    size += image.count
    return image
  }

  /// Makes sure that the image is the one that was signed.
  ///
  /// - Parameter isAnyRight: whether any image will do; for a seeded fault alone.
  public consuming func finish(isAnyRight: Bool = false) throws(SnapshotFault) -> Taken {
    guard let taken, size == taken.snapshot.bytes,
      Hash(bytes: hash.finalize()) == taken.snapshot.hash || isAnyRight
    else { throw .damaged("its image is not the one that was signed") }
    return taken
  }

  private func verified(_ line: [UInt8]) throws(SnapshotFault) -> Taken {
    guard let (snapshot, signed, signatures) = try? Snapshot.parse(line: line) else {
      throw .damaged("its first line cannot be read")
    }
    let message = Preimage.snapshot(signed)
    guard signatures.contains(where: { key.verifies($0.value, of: message) }),
      snapshot.network == network, isWanted(snapshot)
    else { throw .unsigned }
    guard let word = (try? Snapshot.checkpoint(in: line)) ?? nil else { return (snapshot, nil) }
    guard case .checkpoint(let bytes, let checkpoint, let signatures)? = try? LogLine.parse(word),
      checkpoint.network == snapshot.network, checkpoint.space == snapshot.space,
      checkpoint.instance == snapshot.instance, checkpoint.seq == snapshot.seq,
      checkpoint.hash == snapshot.logHash,
      signatures.contains(where: { key.verifies($0.value, of: Preimage.checkpoint(bytes)) })
    else { throw .damaged("its checkpoint is not central's for that place") }
    return (snapshot, (checkpoint, word))
  }
}
