import Causality
import Central
import Changes
import Disk
import HTTP
import Replica
import SQLite
import Seal
import Store
import Wire

/// Syncs and merges, and what their failures are put down to.
extension World {
  /// One sync of one member under some weather.
  ///
  /// - Returns: the report, or nil when it failed.
  @discardableResult
  func sync(_ station: Station, _ weather: Weather) throws -> SyncReport? {
    guard let replica = station.replica else { return nil }
    station.weather = weather
    defer {
      station.wasDamaged = weather.isDamaging || station.lies != nil
      station.weather = .fair
    }
    station.wasForgotten = false
    do {
      try witness(station)
      let ends = try logEnds(of: replica)
      let report = try replica.sync(
        now: self.time(station.offset), at: label(station.offset))
      try note(station, isConfirmed: !report.isCentralRestoring)
      station.isTainted = false
      station.mayBeForgotten = false
      if report.snapshotRows > 0 { marks.hit(.snapshotTaken) }
      if report.history > 0 { marks.hit(.historyFetched) }
      if weather.logPieces > replica.identity.spaces.count { marks.hit(.spooled) }
      marks.hit(.lateVerdict, report.refused.count)
      if report.isCentralRestoring {
        marks.hit(.logGivenBack)
        station.gaveTo = try running().central.instance.description
        station.ends = ends
      }
      if report.offered > 0 { marks.hit(.offered, report.offered) }
      if let epoch = report.epoch {
        marks.hit(.epoch)
        tell("  \(station.name) began an epoch: \(epoch.reason), \(epoch.resealed) sealed again")
      }
      tell("  \(station.name) synced: \(report.pushed) out, \(report.pulled) in")
      return report
    } catch {
      let (code, words) = Self.words(of: error)
      if station.isRevoked, code == "signature.refused" {
        marks.hit(.revokedRefused)
        tell("  \(station.name) is refused, being revoked")
        return nil
      }
      if station.mayBeForgotten, code == "signature.refused" {
        marks.hit(.forgotten)
        station.wasForgotten = true
        tell("  \(station.name) is refused, being forgotten")
        return nil
      }
      let isDamaged =
        weather.isDamaging || station.isTainted || isStruck
      let cause: Cause =
        station.lies != nil
        ? .hostile : isDamaged ? .damaged : weather.isLossy ? .lossy : .none
      if cause == .damaged { station.isTainted = true }
      fail(station.name, code, cause, words)
      return nil
    }
  }

  /// Up to where central signed a file's log, for each space it holds whole.
  private func logEnds(of replica: Replica) throws -> [String: Hash] {
    guard house.hasGoneBack, try running().central.isRestoring else { return [:] }
    var ends: [String: Hash] = [:]
    for space in replica.identity.spaces where try replica.store.gap(in: space) == nil {
      if case .blob? = try replica.store.meta("checkpoint.\(space)"),
        let cursor = try replica.store.meta("cursor.\(space)")?.text.flatMap({ Cursor($0) })
      {
        ends[space] = cursor.hash
        continue
      }
      // Cut on its way into another life, it shows what was signed before.
      let signed = try replica.store.checkpoints(of: space).map(\.checkpoint).filter {
        try replica.store.logHash(of: space, at: $0.seq) == $0.hash
      }
      ends[space] = signed.max { $0.seq < $1.seq }?.hash
    }
    return ends
  }

  static func words(of error: any Error) -> (code: String, words: String) {
    switch error {
    case let error as HTTPFailure: ("\(error.code)", error.message)
    case let error as SyncError: (error.code, error.message)
    case let error as StoreError: (error.code.rawValue, error.message)
    case let error as WireError: ("wire", "\(error)")
    default: ("other", "\(error)")
    }
  }

  func merge() {
    do {
      guard try !running().central.isRestoring else { return }
      let report = try running().central.merge(at: label(house.offset))
      marks.hit(.merge)
      if report.waiting > 0 { marks.hit(.waited) }
      if report.conflictsOpened > 0 { marks.hit(.conflict, report.conflictsOpened) }
      tell("  merged \(report.applied), refused \(report.quarantined.count)")
    } catch {
      let isBad = isStruck
      fail("central", "merge", isBad ? .damaged : .none, Self.words(of: error).words)
    }
  }
}
