/// The official list of the group as at a day.
///
/// The group is the organisation of kind `leading_group`; its list is its memberships of class `official_stakeholder`.
/// Each membership has one of three answers on a day: *member* if it had started on or before and not ended, or if a
/// source attests that day; *not a member* if it had not started or had ended; else *not attested*: nobody knows. Where no
/// membership can be placed and some are not attested, the list itself is not attested, which is not the same as empty.
public struct OfficialList: Sendable {
  /// The day, `YYYY-MM-DD`.
  public let asAt: String
  /// What was known, by the caller's word for it; nil for all that is known now.
  public let asKnown: String?
  /// The members in order; nil when the day is not attested.
  public let entries: [Entry]?
  /// Members of other classes, such as observers.
  public let others: [Entry]
  /// Memberships of which nobody knows whether they held on the day, in order.
  public let unattested: [Entry]

  /// One member.
  public struct Entry: Sendable {
    /// Its place, where it has one.
    public let position: Int?
    /// Its row id.
    public let member: String
    /// Its short name; empty when it has none.
    public let slug: String
    /// As printed in the edition of the day, or its name.
    public let label: String
    /// Its kind.
    public let kind: String
    /// Its class of membership.
    public let membershipClass: String
    /// Its country, if it has one.
    public let country: String?
    /// Whether its row id is one of an organisation; else nothing but the id, or a printed label, is known.
    public let isKnown: Bool
    /// Why it stands here.
    public let basis: Basis
    /// The members of a member that is a body, as at the same day.
    public let members: [Entry]
  }

  /// Why a membership counts on a day, or that nobody knows.
  public enum Basis: String, Sendable {
    /// Its dates cover the day.
    case dated
    /// A source states it for that day.
    case attested
    /// No date and no source places it.
    case notAttested = "not_attested"
  }

  /// Makes the list from rows.
  ///
  /// - Parameters:
  ///   - day: `YYYY-MM-DD`.
  ///   - asKnown: what the rows are a state of, shown as it is.
  /// - Complexity: O(rows · log rows). A member that is a body is unfolded, its members are not: work and answer stay in the
  ///   size of the rows, whatever they say of each other.
  public init(_ rows: OfficialListRows, on day: String, asKnown: String? = nil) {
    self.asAt = day
    self.asKnown = asKnown
    let group = rows.group
    let builder = OfficialListBuilder(rows, on: day)
    let answers = group.map { builder.answers(body: $0, under: []) }
    let official = answers?.filter { $0.membershipClass == Self.officialClass } ?? []
    let placed = official.filter { $0.basis != .notAttested }
    unattested = official.filter { $0.basis == .notAttested }
    others =
      answers?.filter { $0.membershipClass != Self.officialClass && $0.basis != .notAttested } ?? []
    let hasMemberships = group.map { builder.hasMembers($0, Self.officialClass) } ?? false
    entries = placed.isEmpty && !(hasMemberships && unattested.isEmpty) ? nil : placed
  }

  static let officialClass = "official_stakeholder"
}

/// What the list needs, found by key.
struct OfficialListBuilder {
  private let day: String
  private let organisations: [String: OfficialListRows.Organisation]
  private let memberships: [String: [OfficialListRows.Membership]]
  private let attested: Set<String>
  private let labels: [Line: String]

  private struct Line: Hashable {
    let body: String?
    let member: String
  }

  init(_ rows: OfficialListRows, on day: String) {
    self.day = day
    organisations = Dictionary(rows.organisations.map { ($0.id, $0) }) { first, _ in first }
    memberships = Dictionary(grouping: rows.memberships, by: \.body)
    attested = Set(
      rows.attestations.filter { PartialDate($0.day) != nil && $0.day == day }.map(\.membership))
    let editions = Set(rows.editions.filter { $0.asAt == day }.map(\.id))
    let printed = Dictionary(rows.entries.map { ($0.id, $0) }) { first, _ in first }
    var labels: [Line: String] = [:]
    let entries = rows.entries.filter { editions.contains($0.edition) }
      .sorted { ($0.edition, $0.id) < ($1.edition, $1.id) }
    for entry in entries {
      let line = Line(body: entry.parent.flatMap { printed[$0]?.member }, member: entry.member)
      labels[line] = labels[line] ?? entry.label
    }
    self.labels = labels
  }

  func hasMembers(_ body: String, _ membershipClass: String) -> Bool {
    memberships[body]?.contains { $0.membershipClass == membershipClass } ?? false
  }

  /// The memberships of `body` that hold or may hold, each member once a class, in order of the list.
  func answers(body: String, under bodies: [String]) -> [OfficialList.Entry] {
    guard bodies.count < 2, !bodies.contains(body) else { return [] }
    var best: [String: OfficialList.Entry] = [:]
    for membership in memberships[body] ?? [] {
      guard let basis = basis(membership) else { continue }
      let entry = entry(membership, basis, under: bodies)
      let key = "\(membership.membershipClass)\n\(membership.member)"
      if let other = best[key], Self.isBefore(other, entry, byBasis: true) { continue }
      best[key] = entry
    }
    return best.values.sorted { Self.isBefore($0, $1, byBasis: false) }
  }

  private func entry(
    _ membership: OfficialListRows.Membership, _ basis: OfficialList.Basis, under bodies: [String]
  ) -> OfficialList.Entry {
    let member = organisations[membership.member]
    let printed = labels[
      Line(body: bodies.isEmpty ? nil : membership.body, member: membership.member)]
    return OfficialList.Entry(
      position: membership.position, member: membership.member, slug: member?.slug ?? "",
      label: printed ?? member?.name ?? membership.member, kind: member?.kind ?? "",
      membershipClass: membership.membershipClass, country: member?.country,
      isKnown: member != nil, basis: basis,
      members: answers(body: membership.member, under: bodies + [membership.body]))
  }

  /// The answer for one membership; nil when it certainly did not hold on the day.
  private func basis(_ membership: OfficialListRows.Membership) -> OfficialList.Basis? {
    let start = membership.start.flatMap { PartialDate($0) }
    let end = membership.end.flatMap { PartialDate($0) }
    let hasStarted = start.map { $0.latest <= day } ?? false
    let mayHaveEnded = membership.end != nil && (end.map { $0.earliest < day } ?? true)
    if hasStarted && !mayHaveEnded { return .dated }
    if attested.contains(membership.id) { return .attested }
    let hasNotStarted = start.map { $0.earliest > day } ?? false
    let hasEnded = end.map { $0.latest < day } ?? false
    return hasNotStarted || hasEnded ? nil : .notAttested
  }

  private static func isBefore(
    _ left: OfficialList.Entry, _ right: OfficialList.Entry, byBasis: Bool
  ) -> Bool {
    let ranks: [OfficialList.Basis: Int] = [.dated: 0, .attested: 1, .notAttested: 2]
    if byBasis, left.basis != right.basis {
      return ranks[left.basis, default: 3] < ranks[right.basis, default: 3]
    }
    let places = (left.position ?? .max, right.position ?? .max)
    if places.0 != places.1 { return places.0 < places.1 }
    if left.slug != right.slug { return left.slug < right.slug }
    if left.member != right.member { return left.member < right.member }
    return left.membershipClass < right.membershipClass
  }
}
