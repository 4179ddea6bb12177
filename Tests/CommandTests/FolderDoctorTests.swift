import Files
import Testing

@testable import cordee

@Suite struct FolderDoctorTests {
  private func fault(
    _ mode: UInt32, owner: UInt32 = 1000, group: UInt32 = 1000, isHolding: Bool = false
  ) -> String? {
    FolderDoctor.fault(
      of: Files.Rights(mode: mode, owner: owner, group: group), isHolding: isHolding, user: 1000
    ) { $0 == 1000 }
  }

  @Test
  func `one's own folder, one's own group, root's folders and sticky ones above are no fault`() {
    for mode: UInt32 in [0o700, 0o755, 0o775] { #expect(fault(mode) == nil) }
    #expect(fault(0o755, owner: 0, group: 0) == nil)
    for owner: UInt32 in [0, 1000] { #expect(fault(0o1777, owner: owner, group: 0) == nil) }
  }

  @Test func `others, a shared group, another owner and a sticky folder that holds the file are`() {
    #expect(fault(0o757) == "anybody can write there")
    #expect(fault(0o775, group: 100) == "a group can write there")
    #expect(fault(0o775, owner: 0, group: 0) == "a group can write there")
    #expect(fault(0o700, owner: 1001) == "belongs to another user")
    #expect(fault(0o1777, owner: 1001) == "belongs to another user")
    #expect(fault(0o1777, isHolding: true) == "anybody can write there")
    #expect(fault(0o1777, owner: 0, group: 0, isHolding: true) == "anybody can write there")
  }

  @Test func `a file straight under the root has one folder above it`() {
    let checks = FolderDoctor.checks(["/replica.sqlite"], own: [])
    #expect(checks.map(\.name) == ["folders", "paths"])
  }
}
