import Changes
public import Registry
public import Store

/// What public pages are made of: a value read once a merge, from the space `commons` alone.
public struct PublicState: Sendable {
  /// What central's keeper calls the network.
  public var network = ""
  /// What the group says of itself.
  public var group = GroupProfile()
  /// The rows that may be shown.
  public var rows = OfficialListRows()
  /// When central last merged, RFC 3339; nil before the first time.
  public var lastMerge: String?
  /// The end of the log of `commons`: its number and hash; nil while it is empty.
  public var checkpoint: (seq: Int, hash: String)?

  /// Makes a state in which nothing is known.
  public init() {}

  /// Reads it from central's store, as it stands after a merge.
  ///
  /// - Complexity: O(rows of organisations, memberships, attestations and lists).
  public init(_ store: Store, lastMerge: String?) throws {
    self.lastMerge = lastMerge
    try store.read {
      network = try store.meta("name")?.text ?? ""
      rows = try OfficialListRows(store).forPublic
      group = try GroupProfile(store, group: rows.group)
      let end = try store.logEnd(of: "commons")
      if end.seq > 0 { checkpoint = (end.seq, end.hash.description) }
    }
  }

  /// The name over the pages: the group's, else the network's.
  var title: String { group.name ?? (network.isEmpty ? "Cordée" : network) }
}
