import Testing
import Wire

@Suite("R15: what a device may be called [SP-609]")
struct DeviceNameTests {
  @Test(arguments: [
    "Paris office", "x", "Bureau de l’Équipe", "مكتب الرباط", "机 事務所", "می\u{200C}خواهم",
    "👩\u{200D}🚀 team", "葛\u{E0100}城", "Centrale", "central office", "of organisation/quebec",
    String(repeating: "é", count: 64), String(repeating: "机", count: 64),
  ])
  func `a name in any script stands`(_ name: String) {
    #expect(DeviceName.fault(in: name) == nil)
  }

  @Test(arguments: [
    ("", "empty"), ("\u{200D}\u{FE0F}", "empty"), (String(repeating: "x", count: 65), "over 64"),
    (String(repeating: "e\u{301}", count: 33), "over 64"),
    (String(repeating: "x", count: 5_000), "over 64"), ("central", "central itself"),
    ("Central", "central itself"), ("cent\u{200D}ral", "central itself"), (" x", "white space"),
    ("x ", "white space"), ("\u{A0}x", "white space"), ("x\u{3000}", "white space"),
    ("Paris office  organisation/quebec", "white space"), (" ", "white space"),
    ("x\u{A0} y", "white space"), ("x\ty", "cannot be seen"), ("x\ny", "cannot be seen"),
    ("x\u{0}y", "cannot be seen"), ("x\u{1B}[2J", "cannot be seen"),
    ("x\u{9B}1m", "cannot be seen"),
    ("x\u{202E}y", "cannot be seen"), ("x\u{2067}y", "cannot be seen"),
    ("x\u{200F}", "cannot be seen"), ("\u{61C}x", "cannot be seen"), ("cen\u{200B}tral", "cannot"),
    ("\u{FEFF}central", "cannot be seen"), ("x\u{2028}y", "cannot be seen"),
    ("\u{3164}", "cannot be seen"), ("\u{2800}", "cannot be seen"), ("x\u{E0041}", "cannot"),
  ])
  func `a name that hides, reorders, fills or passes for central does not`(
    _ name: String, _ why: String
  ) {
    #expect(DeviceName.fault(in: name)?.contains(why) == true)
  }
}
