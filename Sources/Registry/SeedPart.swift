import Changes
import Wire

/// One object of the founding records and where it stands, read so that a mistake names its place.
struct SeedPart {
  let path: String
  private let members: [String: JSON]

  /// Takes an object whose members are all among `known`.
  ///
  /// A member nobody translates would be lost, so it is refused.
  init(_ json: JSON, at path: String, known: [String]) throws(SeedError) {
    guard case .object(let members) = json else {
      throw SeedError(message: "\(path): an object is expected")
    }
    for (key, _) in members where !known.contains(key) {
      throw SeedError(
        message: "\(path)/\(key): no table holds this; known are \(known.joined(separator: ", "))")
    }
    self.path = path
    self.members = Dictionary(members.map { ($0.0, $0.1) }) { first, _ in first }
  }

  /// The text under `key`, which must be there.
  func text(_ key: String) throws(SeedError) -> String {
    guard let text = members[key]?.string else { throw wrong(key, "a text") }
    return text
  }

  /// The text, number or nothing under `key`.
  func value(_ key: String) throws(SeedError) -> Value? {
    switch members[key] {
    case nil, .null?: nil
    case .string(let text)?: .text(text)
    case .integer(let number)?: .integer(number)
    default: throw wrong(key, "a text, a whole number or null")
    }
  }

  /// The value under the one of two keys that is given; both would leave one without a field.
  func value(_ key: String, or other: String) throws(SeedError) -> Value? {
    let (first, second) = (try value(key), try value(other))
    guard first == nil || second == nil else {
      throw SeedError(message: "\(path)/\(other): there is no field for both this and \(key)")
    }
    return first ?? second
  }

  /// The texts under `key`; none when it is absent.
  func texts(_ key: String) throws(SeedError) -> [String] {
    var texts: [String] = []
    for item in try items(key) {
      guard let text = item.string else { throw wrong(key, "a list of texts") }
      texts.append(text)
    }
    return texts
  }

  /// The objects under `key`, in order; none when it is absent.
  func parts(_ key: String, known: [String]) throws(SeedError) -> [SeedPart] {
    var parts: [SeedPart] = []
    for (index, item) in try items(key).enumerated() {
      parts.append(try SeedPart(item, at: "\(path)/\(key)/\(index)", known: known))
    }
    return parts
  }

  /// The object under `key`; nil when it is absent or null.
  func part(_ key: String, known: [String]) throws(SeedError) -> SeedPart? {
    switch members[key] {
    case nil, .null?: nil
    case let json?: try SeedPart(json, at: "\(path)/\(key)", known: known)
    }
  }

  private func items(_ key: String) throws(SeedError) -> [JSON] {
    switch members[key] {
    case nil, .null?: []
    case .array(let items)?: items
    default: throw wrong(key, "a list")
    }
  }

  private func wrong(_ key: String, _ expected: String) -> SeedError {
    SeedError(message: "\(path)/\(key): \(expected) is expected")
  }
}
