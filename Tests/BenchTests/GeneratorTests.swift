import Changes
import Seal
import Testing
import Wire

@testable import cordee_bench

@Suite("The generator")
struct GeneratorTests {
  /// SHA-256 of the NDJSON or TSV that the generator's first form, in Python, wrote.
  private static let figures = (
    rows1000: "16a3a30f852a266c878a4e262386718f7413f4e918d26fa1e0568f8162ba19a8",
    rows12000: "b967ec2c2dff07c08d659a99b58516e7620fad29b98af6768eed59d7d33b0b3a",
    edits100: "51f25290aff6927dcdd480441e68799f5975b88f3e8096369c945f8f4488d481",
    edits900: "3cf708ff77f2ef1559097a25f6c8c705da863eb64fe080eceade25eb97277fb2",
    edits100Of100000: "9e61751ed57b362c2bf1069c8a24adbc69d7adb4dfd34dfee8fa871f064436dd"
  )

  @Test("the same number and seed give the rows they gave in Python")
  func rows() {
    #expect(Self.digest(ofRows: 1000) == Self.figures.rows1000)
    // Beyond 9973 rows the names begin again.
    #expect(Self.digest(ofRows: 12_000) == Self.figures.rows12000)
  }

  @Test("the same edits, whether few of many rows or nearly all are touched")
  func edits() {
    #expect(Self.digest(ofEdits: 100, records: 1000, seed: 1) == Self.figures.edits100)
    #expect(Self.digest(ofEdits: 900, records: 1000, seed: 3) == Self.figures.edits900)
    #expect(
      Self.digest(ofEdits: 100, records: 100_000, seed: 1) == Self.figures.edits100Of100000)
  }

  @Test("a smaller registry is the beginning of a larger one")
  func prefix() {
    let small = Generator(count: 10).map(\.id)
    #expect(Array(Generator(count: 30).map(\.id).prefix(10)) == small)
    #expect(small == small.sorted())
  }

  private static func digest(ofRows count: Int) -> String {
    var text: [UInt8] = []
    for record in Generator(count: count) {
      let values = zip(Generator.fields, record.values).map { ($0, ChangeEncoding.json($1)) }
      text += JSON.object([("id", .string(record.id))] + values).bytes() + [UInt8(ascii: "\n")]
    }
    return hex(SHA256.hash(text))
  }

  private static func digest(ofEdits count: Int, records: Int, seed: UInt32) -> String {
    let lines = Generator.edits(count, records: records, seed: seed).map { edit in
      let value = edit.value.text ?? edit.value.integer.map { "\($0)" } ?? ""
      return "\(edit.id)\t\(edit.field)\t\(value)\n"
    }
    return hex(SHA256.hash(Array(lines.joined().utf8)))
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
