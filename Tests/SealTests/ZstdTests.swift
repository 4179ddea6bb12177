import Seal
import Testing

@Suite("Compression")
struct ZstdTests {
  private func code(_ bytes: [UInt8], limit: Int = 1 << 20) -> SealError.Code? {
    do throws(SealError) {
      _ = try Zstd.decompress(bytes, limit: limit)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(
    "what is compressed comes back, at the limit and at every level",
    arguments: [0, 1, 1000, 131_072, 700_000], [-5, 1, 3, 19, 22])
  func roundTrip(_ count: Int, _ level: Int) throws {
    let bytes = noise(count / 2) + [UInt8](repeating: 7, count: count - count / 2)
    let frame = Zstd.compress(bytes, level: level)
    #expect(try Zstd.decompress(frame, limit: count) == bytes)
    if count > 0 { #expect(code(frame, limit: count - 1) == .tooLarge) }
  }

  @Test("a bomb is refused at the cap, without being decoded further")
  func bomb() throws {
    let frame = Zstd.compress([UInt8](repeating: 0, count: 64 << 20))
    #expect(frame.count < 10_000)
    #expect(code(frame, limit: 1 << 20) == .tooLarge)
    var decoder = ZstdDecoder(limit: 1 << 20)
    decoder.feed(frame)
    var decoded = 0
    let error = #expect(throws: SealError.self) {
      while let piece = try decoder.next() {
        #expect(piece.count <= ZstdDecoder.pieceBytesMax)
        decoded += piece.count
      }
    }
    #expect(error?.code == .tooLarge)
    #expect(decoded <= 1 << 20)
    // Asking again does not go on.
    #expect(#expect(throws: SealError.self) { try decoder.next() } == error)
  }

  @Test("a frame cut anywhere is refused as truncated")
  func truncated() {
    let frame = Zstd.compress(noise(300) + noise(300))
    for count in 0..<frame.count { #expect(code(Array(frame[..<count])) == .truncated) }
  }

  @Test("bytes after the frame are refused, a second frame too")
  func trailing() {
    let frame = Zstd.compress(Array("abc".utf8))
    #expect(code(frame + [0]) == .trailing)
    #expect(code(frame + frame) == .trailing)
  }

  @Test("any flipped bit is refused or changes nothing")
  func flipped() {
    let bytes = Array("The rope holds whoever falls. The rope holds.".utf8)
    let frame = Zstd.compress(bytes)
    var refused = 0
    for bit in 0..<(frame.count * 8) {
      var flipped = frame
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      do throws(SealError) {
        let decoded = try Zstd.decompress(flipped, limit: 1 << 20)
        #expect(decoded == bytes)
      } catch {
        refused += 1
        #expect(!error.message.isEmpty)
      }
    }
    #expect(refused > frame.count * 7)
    #expect(code(Array("plain text, no frame".utf8)) == .malformed)
  }

  @Test("a window above the cap is refused, and taken when the cap is raised")
  func window() throws {
    // Magic number, no content size, a window of 128 MiB, one empty last raw block.
    let frame = hex("28b52ffd 00 88 010000")
    #expect(code(frame) == .tooLarge)
    var decoder = ZstdDecoder(limit: 10, windowLogMax: 27)
    #expect(try decoder.decode(frame).isEmpty)
  }

  @Test("streaming gives what one call gives, however it is cut", arguments: [1, 7, 4096, 1 << 20])
  func streaming(_ chunkBytes: Int) throws {
    let count = chunkBytes == 1 ? 5000 : 900_000
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 100 &* 31) } + noise(1000)
    var encoder = ZstdEncoder(level: 5)
    var frame: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: chunkBytes) {
      frame += encoder.encode(Array(bytes[start..<min(start + chunkBytes, bytes.count)]))
    }
    frame += encoder.finish()
    #expect(try Zstd.decompress(frame, limit: bytes.count) == bytes)

    var decoder = ZstdDecoder(limit: bytes.count)
    var decoded: [UInt8] = []
    for start in stride(from: 0, to: frame.count, by: chunkBytes) {
      decoded += try decoder.decode(
        Array(frame[start..<min(start + chunkBytes, frame.count)]))
    }
    try decoder.finish()
    #expect(decoded == bytes)
  }

  @Test("after a flush all so far can be read")
  func flush() throws {
    var encoder = ZstdEncoder()
    var decoder = ZstdDecoder(limit: 100)
    for line in ["one\n", "two\n", "three\n"] {
      #expect(try decoder.decode(encoder.flush(Array(line.utf8))) == Array(line.utf8))
    }
    #expect(try decoder.decode(encoder.finish()).isEmpty)
    try decoder.finish()
  }

  @Test("chunks handed in before the last is used up are kept")
  func feeding() throws {
    let bytes = noise(400_000)
    let frame = Zstd.compress(bytes)
    var decoder = ZstdDecoder(limit: bytes.count)
    decoder.feed(Array(frame[..<200_000]))
    decoder.feed(Array(frame[200_000...]))
    var decoded: [UInt8] = []
    while let piece = try decoder.next() { decoded += piece }
    try decoder.finish()
    #expect(decoded == bytes)
  }
}
