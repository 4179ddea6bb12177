import Changes

/// One `FIELD=VALUE` word; no value after `=` means NULL.
struct FieldArgument: Equatable, Sendable {
  let field: String
  let value: String?
}

/// `FIELD=VALUE` words of one command.
enum FieldArguments {
  /// Reads the words in their order; the first `=` splits, so a value may hold more of them.
  ///
  /// - Throws: `field.form` without `=`, `field.name` for no field's name, `field.twice`.
  static func parse(_ words: some Sequence<String>) throws(Failure) -> [FieldArgument] {
    var fields: [FieldArgument] = []
    for word in words {
      let field = try parse(word)
      guard !fields.contains(where: { $0.field == field.field }) else {
        throw .usage(
          "field.twice", "Field \(field.field) is given twice", hint: "Give each field one value.")
      }
      fields.append(field)
    }
    return fields
  }

  /// Reads one word.
  static func parse(_ word: String) throws(Failure) -> FieldArgument {
    // Bytes, because `=` and a combining mark after it are one Character.
    let bytes = Array(word.utf8)
    guard let split = bytes.firstIndex(of: UInt8(ascii: "=")) else {
      throw .usage(
        "field.form", "\(word) is not FIELD=VALUE", hint: "Quote values that hold spaces.")
    }
    let field = String(decoding: bytes[..<split], as: UTF8.self)
    guard isIdentifier(field) else {
      throw .usage(
        "field.name", "\"\(field)\" is no field's name",
        hint: "Names are lower-case letters, digits and underscores.")
    }
    let value = bytes[(split + 1)...]
    return FieldArgument(
      field: field, value: value.isEmpty ? nil : String(decoding: value, as: UTF8.self))
  }
}
