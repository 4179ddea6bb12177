import Foundation
import Testing
import Wire

@testable import Schedules

@Suite(.timeLimit(.minutes(15))) struct ZoneTests {
  @Test func `every zone of this machine can be read`() throws {
    let files = try #require(FileManager.default.enumerator(atPath: Zones.folder))
    var read = 0
    for case let name as String in files where !name.hasPrefix("right/") {
      guard let bytes = Zones.bytes(name), bytes.starts(with: Array("TZif".utf8)) else { continue }
      #expect(throws: Never.self, "\(name)") { try ZoneRules(tzif: bytes) }
      read += 1
    }
    #expect(read > 300)
  }

  @Test func `a zone cut anywhere is refused, not misread`() throws {
    let bytes = try #require(Zones.bytes("Europe/Paris"))
    for count in bytes.indices {
      let error = #expect(throws: ZoneError.self) { try ZoneRules(tzif: Array(bytes[..<count])) }
      #expect(error?.code == .malformed)
    }
  }

  @Test func `a flipped byte is refused or read, never a trap`() throws {
    let bytes = try #require(Zones.bytes("Australia/Lord_Howe"))
    for place in bytes.indices {
      for flip in [0x01, 0x80, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[place] ^= flip
        guard let rules = try? ZoneRules(tzif: damaged) else { continue }
        _ = rules.offset(at: 4_000_000_000)
        _ = rules.latestLocal(until: .max)
      }
    }
  }

  @Test func `counts larger than the file are refused`() throws {
    var bytes = try #require(Zones.bytes("Etc/UTC"))
    for place in 20..<44 { bytes[place] = 0xFF }
    #expect(throws: ZoneError.self) { try ZoneRules(tzif: bytes) }
    #expect(throws: ZoneError.self) { try ZoneRules(tzif: Array(repeating: 0, count: 300_000)) }
    #expect(throws: ZoneError.self) { try ZoneRules(tzif: []) }
  }

  @Test(
    arguments: [
      ("UTC0", "2026-07-01T00:00:00Z", 0), ("<+0545>-5:45", "2026-07-01T00:00:00Z", 20_700),
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600),
      ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200),
      ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-01T00:00:00Z", 0),
      ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600),
      ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200),
      ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600),
      ("EST5EDT,0/0,J365/25", "2026-07-01T00:00:00Z", -14_400),
      ("XXX3YYY,J60/0,300/0", "2028-03-01T02:59:59Z", -10_800),
      ("XXX3YYY,J60/0,300/0", "2028-03-01T03:00:00Z", -7200),
    ])
  func `a footer's rule holds at an instant`(_ footer: String, _ at: String, _ offset: Int) throws {
    let tail = try ZoneTail(posix: Array(footer.utf8))
    #expect(tail.offset(at: try #require(Timestamp.unixSeconds(at))) == offset)
  }

  @Test(
    arguments: [
      "", "X0", "UTC", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
      "CET-1CEST,M3.5.7,M10.5.0", "CET-25", "UTC0 ", "<+05-5", "CET-1CEST,J0,J1", "A😀A0",
    ])
  func `a footer that is none is refused`(_ footer: String) {
    #expect(throws: ZoneError.self) { try ZoneTail(posix: Array(footer.utf8)) }
  }

  @Test func `a local time is shown once, never or twice`() throws {
    let paris = try Zones.load("Europe/Paris")
    func local(_ text: String) throws -> Int64 { try #require(Timestamp.unixSeconds(text)) }
    #expect(paris.instants(ofLocal: try local("2026-06-01T02:30:00Z")).count == 1)
    #expect(paris.instants(ofLocal: try local("2026-03-29T02:30:00Z")).isEmpty)
    let twice = paris.instants(ofLocal: try local("2026-10-25T02:30:00Z"))
    #expect(
      twice.map { Timestamp.text(unixSeconds: $0) } == [
        "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
      ])
  }

  @Test func `names that lead out of the folder are no zones`() {
    for name in [
      "../etc/passwd", "/etc/passwd", "Europe//Paris", "", "Europe/", "a.b", "Europe/Par is",
    ] {
      #expect(!ZoneRules.isName(name))
    }
    #expect(ZoneRules.isName("America/Argentina/Buenos_Aires"))
    #expect(ZoneRules.isName("Etc/GMT+5"))
  }
}
