import Changes
import Wire

/// Segments as they were verified at receipt, kept in memory until the next merge.
///
/// A merge takes what is here as it is: the very changes whose chain, head and signature were checked, whatever the disk made
/// of the inbox since. What is not here, after a restart or for want of room, is read from the inbox and verified anew.
struct VerifiedSegments {
  /// Bytes of lines that are kept; in memory they take about three times as much.
  static let bytesMax = 8 * 1024 * 1024

  /// A segment's changes in their chain, and the signatures over its head.
  struct Content {
    let changes: [(change: Change, body: Body?)]
    let signatures: [UInt8]
  }

  /// The head's hash covers network, space, actor, counts and all changes from the first on.
  private struct Key: Hashable {
    let from: Int
    let head: [UInt8]
  }

  private var contents: [Key: Content] = [:]
  private var bytes = 0

  /// Keeps what was verified, if there is room.
  mutating func keep(
    _ changes: [(change: Change, body: Body?)], signatures: [UInt8], of segment: Segment,
    bytes size: Int
  ) {
    guard bytes + size <= Self.bytesMax else { return }
    bytes += size
    contents[Key(from: segment.from, head: segment.head.bytes)] = Content(
      changes: changes, signatures: signatures)
  }

  /// What was verified of a segment in the inbox.
  subscript(_ segment: QueuedSegment) -> Content? {
    contents[Key(from: segment.from, head: segment.head)]
  }
}
