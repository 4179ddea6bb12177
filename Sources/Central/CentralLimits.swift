import Causality
import Changes
import Files
import HTTP
import SQLite
import Seal
import Store
import Wire

/// What devices may use of central, each with its unit and its reason; published by `GET /v1`. `[SP-514]`
public struct CentralLimits: Sendable {
  /// Bytes of one push or offer, decoded: whole segments, one request.
  public static let pushBytesMax = 1024 * 1024
  /// Bytes of any other request's body, never compressed: a hello has under 1 KiB, an enrolment a few.
  public static let messageBytesMax = 64 * 1024
  /// Seconds by which a signature's time may differ from central's; nonces are remembered for twice as long.
  public static let clockSkewSecondsMax: Int64 = 300
  /// Devices of which central remembers how often they asked: a bucket takes under 100 bytes, so that all take 1 MB.
  static let rememberedDevicesMax = 10_000
  /// Bytes of log, in full form, that go with the answer to hello: a few hundred edits; also the most that central reads in
  /// vain for who is further behind.
  public static let helloLogBytesMax = 128 * 1024
  /// Bytes of segments of one device that wait in the inbox: a year's offline work of an office is a tenth of it.
  public var queueBytesMax = 64 * 1024 * 1024
  /// Bytes of log that one device gives back to a restored central: a million changes take about half a gigabyte.
  public var offeredBytesMax = 4 * 1024 * 1024 * 1024
  /// Bytes of disk that pushes leave free, so that merging and reading go on.
  public var reserveBytes = 256 * 1024 * 1024
  /// The part of a small disk that pushes leave free: one of so many.
  public var reserveDivisor = 10
  /// Requests of one device in a minute; a sync is one to ten, a history of years a few hundred.
  public var requestsPerMinute = 600

  /// The standard ones.
  public init() {}

  /// Every limit that a client can meet, for `GET /v1`.
  var json: JSON {
    let limits: [(String, Int)] = [
      ("push_bytes_max", Self.pushBytesMax), ("message_bytes_max", Self.messageBytesMax),
      ("unsigned_body_bytes_max", Limits.unsignedBodyBytesMax),
      ("queue_bytes_max", queueBytesMax), ("offered_bytes_max", offeredBytesMax),
      ("requests_per_minute", requestsPerMinute),
      ("clock_skew_seconds_max", Int(Self.clockSkewSecondsMax)),
      ("disk_reserve_bytes", reserveBytes), ("disk_reserve_divisor", reserveDivisor),
      ("segment_changes_max", ChangeLimits.segmentChangesMax),
      ("writes_max", ChangeLimits.writesMax), ("header_bytes_max", ChangeLimits.headerBytesMax),
      ("body_bytes_max", ChangeLimits.bodyBytesMax),
      ("value_bytes_max", ChangeLimits.valueBytesMax),
      ("row_id_bytes_max", ChangeLimits.rowIDBytesMax),
      ("carried_tables_max", ChangeLimits.carriedTablesMax),
      ("names_max", ChangeLimits.namesMax), ("name_length_max", ChangeLimits.nameLengthMax),
      ("count_max", ChangeLimits.countMax), ("json_depth_max", WireLimits.depthMax),
      ("json_number_length_max", WireLimits.numberLengthMax),
      ("json_values_max", WireLimits.nodesMax), ("signatures_max", WireLimits.signaturesMax),
      ("time_bytes_max", WireLimits.timeBytesMax),
      ("device_name_length_max", WireLimits.deviceNameLengthMax),
      ("tail_marks_max", WireLimits.tailMarksMax), ("held_actors_max", WireLimits.heldActorsMax),
      ("zstd_window_log_max", SealLimits.windowLogMax),
      ("connections_max", Limits.connectionsMax),
      ("connections_per_address_max", Limits.connectionsPerAddressMax),
      ("connections_per_device_max", Limits.connectionsPerCallerMax),
      ("waiting_connections_max", Limits.waitingConnectionsMax),
      ("request_header_bytes_max", Limits.requestHeaderBytesMax),
      ("target_bytes_max", Limits.targetBytesMax), ("idle_seconds_max", Limits.idleSeconds),
      ("header_seconds_max", Limits.headerSeconds), ("body_seconds_max", Limits.bodySeconds),
      ("response_seconds_max", Limits.responseSeconds),
      ("bytes_per_extra_second", Limits.bodyBytesPerSecond),
    ]
    return .object(limits.map { ($0.0, .integer(Int64($0.1))) })
  }
}

/// How many requests each device has left: a bucket that fills with time.
///
/// In memory alone: a restart gives everybody a full one.
struct Allowance {
  private var buckets: [ReplicaID: (left: Double, at: Int64)] = [:]

  /// Takes one request of a device.
  ///
  /// - Parameters:
  ///   - now: Unix seconds; a clock set back neither fills nor empties.
  ///   - perMinute: the size of a bucket, and what flows into it in a minute.
  /// - Returns: whole seconds to wait when nothing is left, else nil.
  mutating func take(_ device: ReplicaID, now: Int64, perMinute: Int) -> Int? {
    let rate = Double(perMinute) / 60
    var (left, at) = buckets[device] ?? (Double(perMinute), now)
    left = min(Double(perMinute), left + Double(max(0, now - at)) * rate)
    at = max(at, now)
    guard left >= 1 else {
      buckets[device] = (left, at)
      return max(1, Int(((1 - left) / rate).rounded(.up)))
    }
    // The ones that are full again are forgotten first.
    if buckets.count >= CentralLimits.rememberedDevicesMax {
      buckets = buckets.filter { now - $0.value.at < 60 }
    }
    buckets[device] = (left - 1, at)
    return nil
  }
}

extension Central {
  /// Refuses what would leave too little of the disk, before anything is taken.
  ///
  /// - Throws: `Problem` 507; the device keeps its changes and sends them later.
  func checkDisk(for bytes: Int) throws(Problem) {
    guard let volume = Files.volume(of: store.path) else { return }
    let reserve = min(limits.reserveBytes, volume.bytes / limits.reserveDivisor)
    guard volume.freeBytes - bytes >= reserve else {
      throw Problem(
        "disk.reserve", status: 507, "central's disk is nearly full",
        hint: "Nothing was lost here; tell the secretariat, and sync again later.")
    }
  }

  /// Refuses more history than one device may give back, and counts what it gave; call inside `write`.
  ///
  /// What is here already counts for nobody.
  func countOffered(_ bytes: Int, by device: ReplicaID) throws {
    guard bytes > 0 else { return }
    let given = Int(try store.meta(Self.offeredKey + "\(device)")?.integer ?? 0) + bytes
    guard given <= limits.offeredBytesMax else {
      throw Problem(
        "tail.too_much", status: 413,
        "this device has given back \(given - bytes) bytes of history, at most \(limits.offeredBytesMax) are taken",
        hint: "Others can give what is missing; tell whoever keeps central.")
    }
    try store.setMeta(Self.offeredKey + "\(device)", .integer(Int64(given)))
  }

  /// Under which each device's count stands while a restore goes on.
  static let offeredKey = "offered."

  /// Refuses more than one device may have waiting; call inside `write`.
  ///
  /// - Complexity: O(segments of the device that wait).
  func checkQueue(of device: ReplicaID, adding bytes: Int) throws {
    let waiting =
      try store.withConnection { connection in
        try connection.first(
          "SELECT ifnull(sum(length(lines)), 0) FROM cordee_inbox WHERE substr(actor, 1, 16) = ?",
          .blob(device.bytes)
        ) { $0.int(0) }
      } ?? 0
    guard waiting + bytes <= limits.queueBytesMax else {
      throw Problem(
        "queue.full", status: 429,
        "\(waiting) bytes of this device wait for a merge, at most \(limits.queueBytesMax) may",
        hint: "Nothing was lost here; sync again after the next merge.")
    }
  }
}
