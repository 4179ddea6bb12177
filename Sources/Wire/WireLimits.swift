/// What one message may hold, each with its reason.
public enum WireLimits {
  /// Levels of objects and lists within each other: our deepest message has seven.
  public static let depthMax = 32
  /// Characters of a number: every 64-bit integer and every double in its shortest form has fewer.
  public static let numberLengthMax = 32
  /// Values of one JSON text, unless its reader says otherwise: bounds the memory of a hostile message.
  ///
  /// A value may be two bytes; a body of 512 KiB has under half as many, since its values have names.
  public static let nodesMax = 200_000
  /// Signatures of one statement: one is made, the rest is room for further keys.
  public static let signaturesMax = 16
  /// Bytes of a label of time: RFC 3339 with nanoseconds and a zone has 35.
  public static let timeBytesMax = 40
  /// Code points of a device's name: it stands in one line beside each edit.
  public static let deviceNameLengthMax = 64
  /// Places of a log that one message asks about: four such questions find one entry of ten million.
  public static let tailMarksMax = 64
  /// Bodies that one answer asks for: of 5 kB each they fill one push.
  public static let tailWantsMax = 200
  /// Authors that one message asks about, in about 120 kB; more are asked about in several.
  public static let heldActorsMax = 2_000
}
