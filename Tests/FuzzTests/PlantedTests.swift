import Foundation
import Testing

/// Faults that a sanitizer must find.
///
/// The battery's part `sanitizers` alone asks for one by name, before it believes that there are none.
@Suite("A planted fault")
struct PlantedTests {
  private static let planted = ProcessInfo.processInfo.environment["CORDEE_PLANTED"]

  @Test("two threads write one number", .enabled(if: planted == "race"))
  func race() {
    let number = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    unsafe number.initialize(to: 0)
    nonisolated(unsafe) let shared = unsafe number
    let done = DispatchGroup()
    for _ in 0..<2 {
      done.enter()
      Thread {
        for _ in 0..<1_000 { unsafe shared.pointee += 1 }
        done.leave()
      }.start()
    }
    done.wait()
    #expect(unsafe number.pointee > 0)
    unsafe number.deallocate()
  }

  @Test(
    "a number is read after its memory was given back", .enabled(if: planted == "use-after-free"))
  func useAfterFree() {
    let number = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    unsafe number.initialize(to: 1)
    unsafe number.deallocate()
    #expect(unsafe number.pointee != 2)
  }
}
