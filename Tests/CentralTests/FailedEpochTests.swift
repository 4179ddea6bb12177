import Central
import Disk
import Foundation
import HTTP
import Replica
import Seal
import Store
import Testing

@Suite("An epoch whose commit fails")
struct FailedEpochTests {
  @Test("leaves a program that goes on writing as whom the file says, whether or not it stands")
  func goesOn() throws {
    let world = try World()
    let folder = world.folder.resolvingSymlinksInPath().appending(path: "disk").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let disk = try #require(Disk(folder: folder))
    defer { withExtendedLifetime(disk) {} }
    let path = "\(folder)/a.sqlite"
    let ana = try Replica.join(
      Store(path: path, schema: clubs, use: .replica, create: true),
      invite: world.central.invite(
        organisation: "club-1", role: "member", expires: world.loop.now + 3600),
      origin: try #require(Origin("http://127.0.0.1")), key: .generate(), name: nil,
      now: world.loop.now, exchange: world.loop)
    try world.sync(ana)
    var (struck, stood) = (0, 0)
    for after in 1...80 {
      let former = ana.identity.actor
      try ana.store.write { try ana.store.demandEpoch(.copied) }
      disk.arm(.error, after: after, prefix: path)
      let isWhole = (try? world.sync(ana)) != nil
      let hasStruck = disk.hasStruck
      disk.disarm()
      #expect(try ana.store.currentActor() == ana.identity.actor, "call \(after)")
      if hasStruck { struck += 1 }
      if !isWhole, ana.identity.actor != former { stood += 1 }
      try ana.edit("INSERT INTO club(id, name) VALUES('c\(after)', 'C')")
      try world.settle(with: [ana])
      if !hasStruck { break }
    }
    #expect(struck > 5 && stood > 0)
    try world.audit(ana)
  }
}
