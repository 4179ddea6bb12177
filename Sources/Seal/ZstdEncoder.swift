internal import CZstd

/// Compresses a stream chunk by chunk into one frame, in constant memory.
@safe public struct ZstdEncoder: ~Copyable {
  private let context: OpaquePointer

  /// Starts a frame; `level` is 1 to 19 and brought into that range.
  ///
  /// Higher levels need a larger window than decoders take. `size`: the bytes to come, when known exactly.
  public init(level: Int = 3, size: Int? = nil) {
    guard let context = unsafe ZSTD_createCCtx() else {
      preconditionFailure("there is no memory to compress")
    }
    unsafe self.context = context
    let level = Int32(min(max(level, 1), 19))
    unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    if let size { unsafe _ = ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size)) }
  }

  deinit { unsafe _ = ZSTD_freeCCtx(context) }

  /// Takes a chunk and gives what is ready, which may be nothing yet.
  public mutating func encode(_ chunk: [UInt8]) -> [UInt8] {
    unsafe Self.run(context, chunk, ZSTD_e_continue)
  }

  /// Takes a chunk and gives all so far, so that a reader can decode it now; costs some bytes each time.
  public mutating func flush(_ chunk: [UInt8] = []) -> [UInt8] {
    unsafe Self.run(context, chunk, ZSTD_e_flush)
  }

  /// Takes the last chunk and gives the rest of the frame.
  public consuming func finish(_ chunk: [UInt8] = []) -> [UInt8] {
    unsafe Self.run(context, chunk, ZSTD_e_end)
  }
}

extension ZstdEncoder {
  private static func run(
    _ context: OpaquePointer, _ chunk: [UInt8], _ mode: ZSTD_EndDirective
  ) -> [UInt8] {
    let pieceBytes = min(ZSTD_compressBound(chunk.count) + 64, ZSTD_CStreamOutSize())
    var encoded: [UInt8] = []
    var offset = 0
    var isDone = false
    while !isDone {
      let piece = unsafe [UInt8](unsafeUninitializedCapacity: pieceBytes) { room, filled in
        unsafe chunk.withUnsafeBytes { source in
          var input = unsafe ZSTD_inBuffer(
            src: source.baseAddress, size: source.count, pos: offset)
          var output = unsafe ZSTD_outBuffer(dst: room.baseAddress, size: pieceBytes, pos: 0)
          let left = unsafe ZSTD_compressStream2(context, &output, &input, mode)
          // Fails only without memory, or when the promised size is not kept.
          precondition(ZSTD_isError(left) == 0, "zstd cannot compress")
          unsafe (offset, filled) = (input.pos, output.pos)
          isDone = mode == ZSTD_e_continue ? offset == chunk.count : left == 0
        }
      }
      if isDone && encoded.isEmpty { return piece }
      encoded += piece
    }
    return encoded
  }
}
