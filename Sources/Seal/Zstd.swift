/// Zstandard in one call (RFC 8878); one frame, with a checksum.
public enum Zstd {
  /// The bytes every frame begins with.
  public static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// Compresses; `level` is 1 to 19 and brought into that range.
  public static func compress(_ bytes: [UInt8], level: Int = 3) -> [UInt8] {
    let encoder = ZstdEncoder(level: level, size: bytes.count)
    return encoder.finish(bytes)
  }

  /// Decompresses one whole frame of at most `limit` decoded bytes.
  ///
  /// Throws `tooLarge` as soon as one byte more is decoded; `truncated`, `trailing` or `malformed` for any other input.
  public static func decompress(_ bytes: [UInt8], limit: Int) throws(SealError) -> [UInt8] {
    var decoder = ZstdDecoder(limit: limit)
    let decoded = try decoder.decode(bytes)
    try decoder.finish()
    return decoded
  }
}
