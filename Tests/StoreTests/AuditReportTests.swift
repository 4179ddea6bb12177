import Testing

@testable import Store

@Suite("What an audit keeps of what it finds [R11]")
struct AuditReportTests {
  @Test("notices beyond the limit hide no damage, and whoever they ask for is asked")
  func full() {
    var report = AuditReport()
    for number in 1...150 {
      report.add(Finding(.notice, "schema.foreign", "table \(number)", asksPerson: false))
    }
    #expect(!report.asksPerson && !report.has(.damage))
    report.add(Finding(.incomplete, "history.missing", "not here yet"))
    #expect(report.asksPerson)
    report.add(Finding(.damage, "change.hash", "altered"))
    #expect(report.has(.damage))
    #expect(report.findings.count == AuditReport.findingsMax)
    #expect(report.findings.count + report.more == 152)
    for _ in 1...150 { report.add(Finding(.damage, "change.hash", "altered")) }
    #expect(report.findings.allSatisfy { $0.kind == .damage })
    #expect(report.findings.count + report.more == 302)
  }

  @Test("which checkpoints are kept can be told from the newest alone, and soon [SP-1617]")
  func keptOrdinals() {
    var held: [Int] = []
    for newest in 1...3_000 {
      held = (held + [newest]).filter { Store.isKept($0, newest: newest) }
      #expect(Store.keptOrdinals(newest: newest) == held.reversed())
    }
    #expect(held.count < 32 + 16 * 8)
    // A number that a damaged file may hold.
    #expect(Store.keptOrdinals(newest: .max).count < 1_200)
    #expect(Store.keptOrdinals(newest: 0) == [] && Store.keptOrdinals(newest: -5) == [])
  }
}
