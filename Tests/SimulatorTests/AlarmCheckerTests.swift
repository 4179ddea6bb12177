import Store
import Testing

@testable import Simulator

@Suite("Alarms are taken for false where nothing is their cause, and missed where they are due")
struct AlarmCheckerTests {
  private func check(_ events: [Event]) -> Set<String> {
    Set(AlarmChecker.check(events, with: AlarmChecker()).map(\.rule))
  }

  @Test("a lie that goes unnoticed, an attack that is taken, a cry without cause")
  func alarms() {
    func failed(_ code: String, _ cause: Cause) -> Event {
      .failed(node: "r1", code: code, cause: cause, words: "")
    }
    #expect(check([failed("log.signature", .none)]) == ["false alarm"])
    #expect(check([failed("log.signature", .lossy)]) == ["false alarm"])
    #expect(check([failed("http.timed-out", .lossy)]).isEmpty)
    #expect(check([failed("http.timed-out", .none)]) == ["false alarm"])
    #expect(check([failed("log.checkpoint", .damaged)]).isEmpty)
    #expect(check([failed("log.checkpoint", .hostile)]).isEmpty)
    func lied(_ wasNoticed: Bool, _ isKept: Bool) -> Set<String> {
      check([.lied(node: "r1", kind: .forgedBody, wasNoticed: wasNoticed, isKept: isKept)])
    }
    #expect(lied(true, true).isEmpty)
    #expect(lied(false, false) == ["tampering"])
    #expect(lied(true, false) == ["evidence"])
    #expect(check([.hostileAnswered(kind: .badSignature, status: 422)]).isEmpty)
    #expect(check([.hostileAnswered(kind: .badSignature, status: 200)]) == ["tampering"])
  }

  @Test("what a deceived file holds against central goes with its copies, nothing else")
  func copiedEvidence() {
    let lied = Event.lied(node: "r1", kind: .forgedBody, wasNoticed: true, isKept: true)
    let twin = Event.copied(node: "r2", of: "r1")
    let accused = Event.accused(node: "r2", kind: .proof, code: "log.forged", isSettled: false)
    #expect(check([lied, twin, accused]).isEmpty)
    #expect(check([twin, accused]) == ["false alarm"])
    #expect(check([twin, lied, accused]) == ["false alarm"])
    #expect(check([lied, .copied(node: "r2"), accused]) == ["false alarm"])
    let back = Event.wentBack(log: [], revoked: [])
    #expect(check([back, accused]) == ["false alarm"])
    let split = Event.accused(node: "r2", kind: .proof, code: "checkpoint.split", isSettled: false)
    #expect(check([split]) == ["false alarm"])
    #expect(check([back, split]).isEmpty)
  }

  @Test("one epoch for each life that central began, and none without a cause")
  func epochs() {
    func epoch(_ reason: EpochReason, misled: Bool = false) -> Event {
      .epoch(node: "r1", reason: reason, mayBeMisled: misled)
    }
    let back = Event.wentBack(log: [], revoked: [])
    let life = [back, .lifeBegan]
    #expect(check(life + [epoch(.central)]).isEmpty)
    #expect(check(life + [epoch(.central)] + life + [epoch(.central)]).isEmpty)
    #expect(check([epoch(.central)]) == ["false alarm"])
    #expect(check([back, epoch(.central)]) == ["false alarm"])
    #expect(check(life + [epoch(.central), epoch(.central)]) == ["false alarm"])
    #expect(check(life + [epoch(.forked)]) == ["false alarm"])
    #expect(check(life + [epoch(.central), .restored(node: "r1"), epoch(.central)]).isEmpty)
    #expect(check(life + [.joined(node: "r1"), epoch(.central)]) == ["false alarm"])
    #expect(check([.joined(node: "r1")] + life + [epoch(.central)]).isEmpty)
    #expect(check([.copied(node: "r1"), epoch(.forked)]).isEmpty)
    // A twin met what its original had met, and no more.
    let twin = [Event.joined(node: "r0"), .copied(node: "r1", of: "r0")]
    #expect(check(twin + life + [epoch(.central)]).isEmpty)
    #expect(check(life + twin + [epoch(.central)]) == ["false alarm"])
    // Put back into a life that it had left, central is met in another life again.
    #expect(check(life + [epoch(.central), back, .lifeReturned, epoch(.central)]).isEmpty)
    #expect(check(life + [epoch(.central), back, epoch(.central)]) == ["false alarm"])
    // Told of a life that is none, a file comes back from there.
    let misled = [epoch(.central, misled: true), epoch(.central)]
    #expect(check(life + misled).isEmpty)
    #expect(check(life + [epoch(.central)] + misled).isEmpty)
    #expect(check(life + [epoch(.central)] + misled + [epoch(.central)]) == ["false alarm"])
    #expect(check(misled) == ["false alarm"])
  }

  @Test("central begins a life when it went back, or was accepted too early, and else never")
  func lives() {
    let life = [Event.wentBack(log: [], revoked: []), .lifeBegan]
    func accepted(early: Bool) -> Event { .lifeAccepted(life: "", given: [], mayBeEarly: early) }
    #expect(check(life).isEmpty)
    #expect(check(life + [accepted(early: true), .lifeBegan]).isEmpty)
    #expect(check([.lifeBegan]) == ["false alarm"])
    #expect(check(life + [.lifeBegan]) == ["false alarm"])
    #expect(check(life + [accepted(early: false), .lifeBegan]) == ["false alarm"])
    #expect(check(life + [.lifeReturned]).isEmpty)
  }
}
