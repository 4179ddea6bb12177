import FuzzTargets

#if canImport(Glibc)
  import Glibc
#endif

/// The target that `CORDEE_FUZZ_TARGET` names.
private let target: FuzzTarget = {
  let name = unsafe getenv("CORDEE_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError("CORDEE_FUZZ_TARGET names none of \(FuzzTarget.all.map(\.name))")
  }
  return target
}()

/// libFuzzer's entry (llvm.org/docs/LibFuzzer.html).
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
