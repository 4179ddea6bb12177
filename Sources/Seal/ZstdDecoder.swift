internal import CZstd

/// Decompresses one frame chunk by chunk, with every decoded byte counted.
///
/// Hand in a chunk by `feed`, take pieces by `next` until it gives nil, and end with `finish`. Memory stays within the window,
/// one chunk and one piece, however much the frame expands. After an error it only repeats that error.
@safe public struct ZstdDecoder: ~Copyable {
  /// The most bytes one piece has.
  public static let pieceBytesMax = 128 * 1024

  private let context: OpaquePointer
  private let limit: Int
  private var decodedBytes = 0
  private var chunk: [UInt8] = []
  private var offset = 0
  /// The last piece filled its room, so the library may hold more.
  private var mayHoldMore = false
  private var isAtEnd = false
  private var failure: SealError?

  /// Starts a frame of at most `limit` decoded bytes and a window of at most 2 to the power `windowLogMax` bytes.
  public init(limit: Int, windowLogMax: Int = SealLimits.windowLogMax) {
    guard let context = unsafe ZSTD_createDCtx() else {
      preconditionFailure("there is no memory to decompress")
    }
    unsafe self.context = context
    self.limit = max(0, limit)
    let code = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(windowLogMax))
    precondition(ZSTD_isError(code) == 0, "zstd windows are 2^10 to 2^31 bytes")
  }

  deinit { unsafe _ = ZSTD_freeDCtx(context) }

  /// Hands in the next chunk; the one before is used up first.
  public mutating func feed(_ chunk: [UInt8]) {
    self.chunk = offset < self.chunk.count ? Array(self.chunk[offset...]) + chunk : chunk
    offset = 0
  }

  /// Gives the next decoded piece, never an empty one; nil when the chunk is used up.
  public mutating func next() throws(SealError) -> [UInt8]? {
    if let failure { throw failure }
    while offset < chunk.count || mayHoldMore {
      guard !isAtEnd else {
        throw fail(SealError(.trailing, "bytes follow the compressed frame"))
      }
      let piece = try decodePiece()
      if !piece.isEmpty { return piece }
    }
    return nil
  }

  /// Gives all that a chunk decodes to, at most what the limit leaves.
  public mutating func decode(_ chunk: [UInt8]) throws(SealError) -> [UInt8] {
    feed(chunk)
    guard var decoded = try next() else { return [] }
    while let piece = try next() { decoded += piece }
    return decoded
  }

  /// Makes sure that the frame is whole and nothing follows it.
  public consuming func finish() throws(SealError) {
    if let failure { throw failure }
    guard isAtEnd else { throw SealError(.truncated, "the compressed frame ends too early") }
    guard offset == chunk.count else {
      throw SealError(.trailing, "bytes follow the compressed frame")
    }
  }

  private mutating func decodePiece() throws(SealError) -> [UInt8] {
    // One byte of room above the limit tells a full output from one too large.
    let room = min(Self.pieceBytesMax, limit - decodedBytes + 1)
    var result = 0
    var position = offset
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
      unsafe chunk.withUnsafeBytes { source in
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: position)
        var output = unsafe ZSTD_outBuffer(dst: buffer.baseAddress, size: room, pos: 0)
        result = unsafe ZSTD_decompressStream(context, &output, &input)
        unsafe (position, filled) = (input.pos, output.pos)
      }
    }
    offset = position
    guard ZSTD_isError(result) == 0 else { throw fail(Self.refusal(of: result)) }
    decodedBytes += piece.count
    guard decodedBytes <= limit else {
      throw fail(SealError(.tooLarge, "more than \(limit) decoded bytes"))
    }
    isAtEnd = result == 0
    mayHoldMore = piece.count == room && !isAtEnd
    return piece
  }

  private mutating func fail(_ error: SealError) -> SealError {
    failure = error
    return error
  }

  private static func refusal(of result: Int) -> SealError {
    // ZSTD_error_frameParameter_windowTooLarge of zstd_errors.h, whose numbers below 100 are stable.
    let windowTooLarge = 16
    if result == -windowTooLarge {
      return SealError(.tooLarge, "the compressed frame needs too large a window")
    }
    return SealError(.malformed, unsafe String(cString: ZSTD_getErrorName(result)))
  }
}
