import Causality
import Changes
import Replica
import Store
import Testing
import Wire

@Suite("A witness outside the file (R9)")
struct WitnessTests {
  private let actor = ActorID(replica: ReplicaID(high: 1, low: 2), epoch: 3)
  private let home = Witness.Place(
    machine: "m", device: 8, inode: 100, path: "/home/a/replica.sqlite")

  private func hash(_ n: Int, _ twin: Bool = false) -> Hash {
    Hash(bytes: [UInt8](repeating: UInt8(n + (twin ? 100 : 0)), count: 32)) ?? .zero
  }

  private func file(
    _ n: Int, at place: Witness.Place? = nil, actor: ActorID? = nil, isConfirmed: Bool = true
  ) -> Witness.Entry {
    Witness.Entry(
      actor: actor ?? self.actor, heads: ["s": Witness.Head(n: n, hash: hash(n))],
      place: place ?? home, isConfirmed: isConfirmed)
  }

  /// What is found on a file whose chain holds `n` changes, of which those above `parting` are others.
  private func finding(
    on file: Witness.Entry, n: Int, parting: Int = .max, former: [ActorID] = [],
    seen: [Witness.Entry]
  ) -> Witness.Finding {
    var witness = Witness()
    for entry in seen { _ = witness.note(entry) }
    // As its file gives it back.
    let read = Witness(witness.json) ?? Witness()
    #expect(read == witness)
    return read.finding(on: file, former: former) { _, at in
      at > n ? nil : hash(at, at > parting)
    }
  }

  @Test(
    "the file that wrote last, one a crash left ahead of its witness, and one that only moved are sound"
  )
  func sound() {
    #expect(finding(on: file(5), n: 5, seen: [file(5)]) == .sound)
    #expect(finding(on: file(7), n: 7, seen: [file(5)]) == .sound)
    let moved = Witness.Place(machine: "m", device: 8, inode: 100, path: "/home/a/other.sqlite")
    #expect(finding(on: file(5, at: moved), n: 5, seen: [file(5)]) == .sound)
    // The number of a file system may be another after a reboot.
    let remounted = Witness.Place(machine: "m", device: 9, inode: 100, path: home.path)
    #expect(finding(on: file(5, at: remounted), n: 5, seen: [file(5)]) == .sound)
  }

  @Test("a head below the witness, or another one at its place, is an old state")
  func old() {
    #expect(finding(on: file(4), n: 4, seen: [file(5)]) == .doubt(.old))
    #expect(finding(on: file(6), n: 6, parting: 4, seen: [file(5)]) == .doubt(.old))
    let space = Witness.Entry(actor: actor, heads: [:], place: home)
    #expect(finding(on: space, n: 0, seen: [file(1)]) == .doubt(.old))
  }

  @Test(
    "what was only looked at vouches for nothing, until central was met; an older state is one all the same"
  )
  func lookedAt() throws {
    let looked = file(5, isConfirmed: false)
    #expect(finding(on: file(5), n: 5, seen: [looked]) == .unconfirmed)
    #expect(finding(on: file(7), n: 7, seen: [looked]) == .unconfirmed)
    let copy = Witness.Place(machine: "m", device: 8, inode: 101, path: "/home/a/copy.sqlite")
    #expect(finding(on: file(5, at: copy), n: 5, seen: [looked]) == .unconfirmed)
    #expect(finding(on: file(4), n: 4, seen: [looked]) == .doubt(.old))
    #expect(finding(on: file(6), n: 6, parting: 4, seen: [looked]) == .doubt(.old))
    let next = ActorID(replica: actor.replica, epoch: 4)
    let after = file(1, actor: next)
    #expect(finding(on: after, n: 1, former: [actor], seen: [looked]) == .unconfirmed)
    // A sync confirms, and edits after it change nothing of that; nor does another look.
    let seen = [looked, file(5), file(6, isConfirmed: false), file(6, isConfirmed: false)]
    #expect(finding(on: file(6), n: 6, seen: seen) == .sound)
    #expect(finding(on: file(6, at: copy), n: 6, seen: seen) == .doubt(.copied))
    // What an earlier version wrote does not say.
    var witness = Witness()
    _ = witness.note(file(5))
    let text = String(decoding: witness.json.bytes(), as: UTF8.self)
    let older = text.replacing(#","confirmed":true"#, with: "")
    #expect(older != text)
    let read = Witness(try JSON.parse(Array(older.utf8)))
    #expect(read?.entries == [looked])
  }

  @Test("another file, file system or machine is a copy")
  func copied() {
    for place in [
      Witness.Place(machine: "m", device: 8, inode: 101, path: home.path),
      Witness.Place(machine: "m", device: 8, inode: 101, path: "/tmp/copy.sqlite"),
      Witness.Place(machine: "m", device: 9, inode: 100, path: "/media/usb/replica.sqlite"),
      Witness.Place(machine: "n", device: 8, inode: 100, path: home.path),
    ] {
      #expect(finding(on: file(5, at: place), n: 5, seen: [file(5)]) == .doubt(.copied))
    }
  }

  @Test(
    "no witness says nothing; a former epoch's says the file went on; a stranger's, that it is old")
  func epochs() {
    let next = ActorID(replica: actor.replica, epoch: 4)
    #expect(finding(on: file(5), n: 5, seen: []) == .unwitnessed)
    #expect(finding(on: file(1, actor: next), n: 1, former: [actor], seen: [file(5)]) == .sound)
    #expect(finding(on: file(5), n: 5, seen: [file(2, actor: next)]) == .doubt(.old))
    // A copy beside its original has an entry of its own.
    let beside = Witness.Place(machine: "m", device: 8, inode: 7, path: "/home/a/copy.sqlite")
    let both = [file(5), file(1, at: beside, actor: next)]
    #expect(finding(on: file(5), n: 5, seen: both) == .sound)
    #expect(
      finding(on: file(1, at: beside, actor: next), n: 1, former: [actor], seen: both) == .sound)
  }

  @Test("the latest files are kept, and bytes that are no witness count as none")
  func bounds() throws {
    var witness = Witness()
    for epoch in 0..<40 {
      let entry = file(1, actor: ActorID(replica: actor.replica, epoch: UInt64(epoch)))
      let news = [witness.note(entry), witness.note(entry)]
      #expect(news == [true, false])
    }
    #expect(witness.entries.count == ReplicaLimits.witnessEntriesMax)
    #expect(witness.entries.last?.actor.epoch == 39)
    for text in ["{}", "[]", #"{"files":[{}]}"#, #"{"files":[{"actor":"x"}]}"#] {
      #expect(Witness(try JSON.parse(Array(text.utf8))) == nil)
    }
  }
}
