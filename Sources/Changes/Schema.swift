/// What a field may hold, as SQLite's STRICT tables name it.
public enum FieldType: String, Sendable {
  /// Text, UTF-8.
  case text = "TEXT"
  /// A 64-bit integer.
  case integer = "INTEGER"
  /// A double.
  case real = "REAL"
  /// Bytes.
  case blob = "BLOB"
}

/// How two concurrent values of a field meet.
public enum MergeRule: String, Sendable {
  /// Both stay, as siblings, until a person settles it.
  case keepBoth = "keep both"
}

/// Who may write a table's rows.
public enum Writers: String, Sendable {
  /// Every role that may write in the table's space.
  case members
  /// Central alone.
  case central
}

/// A short text in the two working languages, for help, documentation and forms.
public struct Label: Sendable, Hashable {
  /// English.
  public let en: String
  /// French.
  public let fr: String

  /// Makes a label from both texts.
  public init(_ en: String, fr: String) {
    self.en = en
    self.fr = fr
  }
}

/// The form a text value must have: a name, what is expected in words, and the check itself.
public struct ValueFormat: Sendable {
  /// A short standard name: `EDTF`, `BCP 47`.
  public let name: String
  /// What would be right, in words, with an example: used in error messages.
  public let expected: String
  /// Says whether a text has the form.
  public let accepts: @Sendable (String) -> Bool

  /// Makes a format.
  public init(_ name: String, expected: String, accepts: @escaping @Sendable (String) -> Bool) {
    self.name = name
    self.expected = expected
    self.accepts = accepts
  }
}

/// One column of a shared table.
public struct Field: Sendable {
  /// The column, snake_case; a reference ends in `_id`.
  public let name: String
  /// What it stores.
  public let type: FieldType
  /// The table a reference points to.
  public let references: String?
  /// The form of its text, if any.
  public let format: ValueFormat?
  /// Whether a NULL is a mistake.
  public let isRequired: Bool
  /// How concurrent values meet.
  public let rule: MergeRule
  /// What it means.
  public let label: Label

  /// Declares a field.
  public init(
    _ name: String, _ type: FieldType = .text, references: String? = nil,
    format: ValueFormat? = nil,
    isRequired: Bool = false, rule: MergeRule = .keepBoth, label: Label
  ) {
    self.name = name
    self.type = type
    self.references = references
    self.format = format
    self.isRequired = isRequired
    self.rule = rule
    self.label = label
  }

  /// Says what is wrong with `value` for this field, or nil when it may stand.
  ///
  /// - Returns: what is expected, in words, without the value itself.
  public func violation(of value: Value) -> String? {
    switch (value, type) {
    case (.null, _): isRequired ? "a value" : nil
    case (.text(let text), .text):
      if let format, !format.accepts(text) { format.expected } else { nil }
    case (.integer, .integer), (.real, .real), (.blob, .blob): nil
    case (_, .integer): "a whole number"
    case (_, .real): "a number"
    case (_, .text): "text"
    case (_, .blob): "bytes"
    }
  }
}

/// One shared table: a row is a record, `id` its key, and each field merges by itself.
public struct Table: Sendable {
  /// Singular, snake_case.
  public let name: String
  /// The one space its rows belong to.
  public let space: String
  /// The columns after `id`, in order.
  public let fields: [Field]
  /// Who may write it.
  public let writers: Writers
  /// What a row is.
  public let label: Label
  /// The fields that name a row for people, the best first; the first that holds text counts.
  public let namedBy: [String]

  /// Declares a table.
  public init(
    _ name: String, space: String, writers: Writers = .members, label: Label, fields: [Field],
    namedBy: [String] = []
  ) {
    self.name = name
    self.space = space
    self.fields = fields
    self.writers = writers
    self.label = label
    self.namedBy = namedBy
  }

  /// The field called `name`, compared by bytes.
  public func field(_ name: String) -> Field? {
    fields.firstIndex { $0.name.hasBytes(of: name) }.map { fields[$0] }
  }
}

/// The shared tables, their spaces and who may read them: all the engine knows of a domain.
///
/// SQL, triggers, JSON names, help and documentation are derived from it. Fields and tables are only ever added; `number`
/// rises with each addition. What a newer schema sends is carried untouched.
public struct Schema: Sendable {
  /// Rises by one with every addition.
  public let number: Int
  /// The spaces, the one everybody reads first.
  public let spaces: [String]
  /// The tables, in the order they are created and shown.
  public let tables: [Table]
  /// For each role the spaces it may read and whether it may write.
  public let roles: [Role]

  /// What a member may do.
  public struct Role: Sendable {
    /// Its name, as invites give it.
    public let name: String
    /// The spaces it receives.
    public let reads: [String]
    /// The spaces it may write in.
    public let writes: [String]

    /// Declares a role.
    public init(_ name: String, reads: [String], writes: [String]) {
      self.name = name
      self.reads = reads
      self.writes = writes
    }
  }

  /// Declares a schema.
  public init(number: Int, spaces: [String], roles: [Role], tables: [Table]) {
    self.number = number
    self.spaces = spaces
    self.roles = roles
    self.tables = tables
  }

  /// The table called `name`, compared by bytes.
  public func table(_ name: String) -> Table? {
    tables.first { $0.name.hasBytes(of: name) }
  }

  /// The role called `name`.
  public func role(_ name: String) -> Role? { roles.first { $0.name == name } }
}
