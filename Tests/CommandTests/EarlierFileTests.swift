import Foundation
import Programs
import Seal
import Testing

@Suite("Looking at files of earlier versions", .timeLimit(.minutes(15)))
struct EarlierFileTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/files").standardizedFileURL

  /// The program beside the test bundle, as the package built it.
  private static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "cordee").path

  /// The files there are.
  static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: fixtures.path))
    .map { $0.filter { $0.hasSuffix(".zst") }.sorted() } ?? []

  @Test("R14: verify finds every one of them sound, and leaves it as it was", arguments: names)
  func verified(_ name: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "cordee-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "replica.sqlite")
    let packed = Array(try Data(contentsOf: Self.fixtures.appending(path: name)))
    let file = Data(try Zstd.decompress(packed, limit: 1 << 26))
    try file.write(to: path)
    // A program of its own: a check ends its process when that is asked to stop, as another test here asks this one.
    let (status, told) = try Program.said(by: Self.program, ["verify", "--replica", path.path])
    // A file from elsewhere has no witness here, and one of layout 1 kept no checkpoints.
    let codes = told.split(separator: "\n").filter { $0.hasPrefix("incomplete: ") }
      .compactMap { $0.split(separator: "[").last?.dropLast() }
    #expect(codes == (name.contains("layout-1") ? ["kept.missing"] : []) + ["witness.missing"])
    #expect(status == 3 && told.contains("\nSound as far as it can be shown: "), "\(told)")
    #expect(try Data(contentsOf: path) == file)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["replica.sqlite"])
  }
}
