/// What a command takes of a person and of the other end of a connection, each with its unit and its reason.
enum CommandLimits {
  /// Bytes of a keeper's request: a bundle's segment of up to 1 MiB comes as a text within JSON.
  static let keeperRequestBytesMax = 8 * 1024 * 1024
  /// Bytes of a serving node's answer to its keeper: a piece of the log of 1 MiB comes as a text within JSON.
  static let keeperAnswerBytesMax = 16 * 1024 * 1024
  /// Bytes of what central says of itself: a few kilobytes, and a line for each of its lives.
  static let aboutBytesMax = 1024 * 1024
  /// Bytes of a note to what is settled: a paragraph, shown in one line.
  static let noteBytesMax = 1000
}
