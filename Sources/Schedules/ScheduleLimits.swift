/// What a keeper's settings may make this module take, each with its unit and its reason.
public enum ScheduleLimits {
  /// Bytes of a schedule: room for every number of every field.
  public static let textBytesMax = 512
  /// Seconds of the longest period of `every`: 366 days.
  public static let periodSecondsMax: Int64 = 366 * 86_400
  /// Bytes of a zone's file; the largest in `tzdata` has under 4 KiB.
  public static let tzifBytesMax = 262_144
}
