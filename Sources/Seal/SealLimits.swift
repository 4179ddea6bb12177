/// What compressed bytes may ask of a decoder.
public enum SealLimits {
  /// The largest window a decoder takes unless told otherwise, as a power of two: 8 MiB, what RFC 8878 advises everyone to support.
  public static let windowLogMax = 23
}
