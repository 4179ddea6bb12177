/// What central, and a file from somebody else, may make a replica take, each with its unit and its reason.
package enum ReplicaLimits {
  /// Bytes of an answer, as sent and decoded: a piece of the log ends with the line that reaches 2 MiB, and no line has half as many.
  static let answerBytesMax = 16 * 1024 * 1024
  /// Bytes of a line taken up from an interrupted transfer: a change with its header has under 1 MiB.
  static let spoolLineBytesMax = 4 * 1024 * 1024
  /// Bytes of an image, decoded: eight million rows of 1 KiB; more would fill the disk for a hostile central.
  static let imageBytesMax = 8 * 1024 * 1024 * 1024
  /// Bytes of a bundle's line: a change with its header, or a segment's line, has under 1 MiB.
  static let bundleLineBytesMax = 2 * 1024 * 1024
  /// Bytes of a bundle, decoded: as much as an image.
  static let bundleBytesMax = 8 * 1024 * 1024 * 1024
  /// Bytes of a segment in a bundle: what one push may hold.
  static let segmentBytesMax = 1024 * 1024
  /// Files that a witness remembers, the latest: one for each time this device's file was replaced.
  package static let witnessEntriesMax = 16
}
