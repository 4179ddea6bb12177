import CZstd

/// Why bytes could not be unpacked.
public enum SealError: Error, Sendable, Hashable {
  /// Not a zstd frame, or damaged, or cut short.
  case notZstd
  /// More decoded bytes than the limit.
  case tooLarge
}

/// Zstandard (RFC 8878), bounded: a small message cannot unpack into a large one unnoticed.
public enum Zstd {
  /// One frame holding `bytes`.
  public static func compress(_ bytes: [UInt8], level: Int32 = 3) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      let written = unsafe ZSTD_compress(buffer.baseAddress, bound, bytes, bytes.count, level)
      // Cannot fail: the buffer has the bound's size (zstd.h).
      count = ZSTD_isError(written) == 0 ? written : 0
    }
  }

  /// The content of exactly one frame.
  ///
  /// - Parameter limit: the most decoded bytes accepted.
  /// - Throws: `SealError`.
  public static func decompress(_ bytes: [UInt8], limit: Int) throws(SealError) -> [UInt8] {
    var decoder = ZstdDecoder(limit: limit)
    let content = try decoder.feed(bytes)
    guard decoder.isAtEnd else { throw .notZstd }
    return content
  }
}

/// A zstd frame unpacked piece by piece, in constant memory.
@safe
public struct ZstdDecoder: ~Copyable {
  private let context: OpaquePointer?
  private let limit: Int
  private var total = 0
  /// Whether the frame is complete: only then may its content be trusted to be whole.
  public private(set) var isAtEnd = false

  /// Begins a frame; at most `limit` bytes come out.
  public init(limit: Int) {
    unsafe context = ZSTD_createDCtx()
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 25)
    self.limit = limit
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Unpacks the next piece.
  public mutating func feed(_ piece: [UInt8]) throws(SealError) -> [UInt8] {
    if isAtEnd && !piece.isEmpty { throw .notZstd }
    var content: [UInt8] = []
    var position = 0
    var chunk = [UInt8](repeating: 0, count: 128 * 1024)
    while true {
      let (rest, written, read) = unsafe piece.withUnsafeBytes { source in
        unsafe chunk.withUnsafeMutableBytes { target in
          var input = unsafe ZSTD_inBuffer(
            src: source.baseAddress, size: source.count, pos: position)
          var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          let rest = unsafe ZSTD_decompressStream(context, &output, &input)
          return unsafe (rest, output.pos, input.pos)
        }
      }
      guard ZSTD_isError(rest) == 0 else { throw .notZstd }
      total += written
      guard total <= limit else { throw .tooLarge }
      content += chunk[0..<written]
      position = read
      if rest == 0 {
        guard position == piece.count else { throw .notZstd }
        isAtEnd = true
        return content
      }
      if position == piece.count && written < chunk.count { return content }
    }
  }
}
