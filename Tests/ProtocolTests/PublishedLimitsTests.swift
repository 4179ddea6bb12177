import Causality
import Changes
import Foundation
import HTTP
import Seal
import Testing
import Wire

@testable import Central

@Suite("The limits that central publishes (R15)")
struct PublishedLimitsTests {
  /// Each limit that a client of central can meet, under its name there.
  private static let published: [String: (name: String, value: Int)] = {
    let central = CentralLimits()
    return [
      "ChangeLimits.writesMax": ("writes_max", ChangeLimits.writesMax),
      "ChangeLimits.bodyBytesMax": ("body_bytes_max", ChangeLimits.bodyBytesMax),
      "ChangeLimits.headerBytesMax": ("header_bytes_max", ChangeLimits.headerBytesMax),
      "ChangeLimits.segmentChangesMax": ("segment_changes_max", ChangeLimits.segmentChangesMax),
      "ChangeLimits.valueBytesMax": ("value_bytes_max", ChangeLimits.valueBytesMax),
      "ChangeLimits.rowIDBytesMax": ("row_id_bytes_max", ChangeLimits.rowIDBytesMax),
      "ChangeLimits.carriedTablesMax": ("carried_tables_max", ChangeLimits.carriedTablesMax),
      "ChangeLimits.namesMax": ("names_max", ChangeLimits.namesMax),
      "ChangeLimits.nameLengthMax": ("name_length_max", ChangeLimits.nameLengthMax),
      "ChangeLimits.countMax": ("count_max", ChangeLimits.countMax),
      "WireLimits.depthMax": ("json_depth_max", WireLimits.depthMax),
      "WireLimits.numberLengthMax": ("json_number_length_max", WireLimits.numberLengthMax),
      "WireLimits.nodesMax": ("json_values_max", WireLimits.nodesMax),
      "WireLimits.signaturesMax": ("signatures_max", WireLimits.signaturesMax),
      "WireLimits.timeBytesMax": ("time_bytes_max", WireLimits.timeBytesMax),
      "WireLimits.deviceNameLengthMax": (
        "device_name_length_max", WireLimits.deviceNameLengthMax
      ),
      "WireLimits.tailMarksMax": ("tail_marks_max", WireLimits.tailMarksMax),
      "WireLimits.heldActorsMax": ("held_actors_max", WireLimits.heldActorsMax),
      "SealLimits.windowLogMax": ("zstd_window_log_max", SealLimits.windowLogMax),
      "Limits.targetBytesMax": ("target_bytes_max", Limits.targetBytesMax),
      "Limits.requestHeaderBytesMax": ("request_header_bytes_max", Limits.requestHeaderBytesMax),
      "Limits.connectionsMax": ("connections_max", Limits.connectionsMax),
      "Limits.connectionsPerAddressMax": (
        "connections_per_address_max", Limits.connectionsPerAddressMax
      ),
      "Limits.connectionsPerCallerMax": (
        "connections_per_device_max", Limits.connectionsPerCallerMax
      ),
      "Limits.waitingConnectionsMax": ("waiting_connections_max", Limits.waitingConnectionsMax),
      "Limits.unsignedBodyBytesMax": ("unsigned_body_bytes_max", Limits.unsignedBodyBytesMax),
      "Limits.idleSeconds": ("idle_seconds_max", Limits.idleSeconds),
      "Limits.headerSeconds": ("header_seconds_max", Limits.headerSeconds),
      "Limits.bodySeconds": ("body_seconds_max", Limits.bodySeconds),
      "Limits.responseSeconds": ("response_seconds_max", Limits.responseSeconds),
      "Limits.bodyBytesPerSecond": ("bytes_per_extra_second", Limits.bodyBytesPerSecond),
      "CentralLimits.pushBytesMax": ("push_bytes_max", CentralLimits.pushBytesMax),
      "CentralLimits.messageBytesMax": ("message_bytes_max", CentralLimits.messageBytesMax),
      "CentralLimits.clockSkewSecondsMax": (
        "clock_skew_seconds_max", Int(CentralLimits.clockSkewSecondsMax)
      ),
      "CentralLimits.queueBytesMax": ("queue_bytes_max", central.queueBytesMax),
      "CentralLimits.offeredBytesMax": ("offered_bytes_max", central.offeredBytesMax),
      "CentralLimits.reserveBytes": ("disk_reserve_bytes", central.reserveBytes),
      "CentralLimits.reserveDivisor": ("disk_reserve_divisor", central.reserveDivisor),
      "CentralLimits.requestsPerMinute": ("requests_per_minute", central.requestsPerMinute),
    ]
  }()

  /// What no client of central meets, and why.
  private static let others = [
    "Limits.requestBodyBytesMax": "central's routes have caps of their own",
    "Limits.drainedBytesMax": "another limit refused the body by then",
    "Limits.lingerSeconds": "the answer was given by then",
    "Limits.lingeringMax": "the answer was given by then",
    "Limits.responseHeaderBytesMax": "a client's", "Limits.connectSeconds": "a client's",
    "Limits.stallBytesPerSecond": "a client's", "Limits.stallSeconds": "a client's",
    "WireLimits.tailWantsMax": "bounds central's answer",
    "CentralLimits.helloLogBytesMax": "bounds central's answer",
    "CentralLimits.rememberedDevicesMax": "bounds central's memory",
    "ServerLimits": "takes its figures from Limits",
    "ScheduleLimits": "a keeper's settings", "StoreLimits": "a file's",
    "ReplicaLimits": "a replica's", "CommandLimits": "a command's",
  ]

  /// The constants of every limits file, as `Type.name`.
  private static func declared() throws -> [String] {
    let constant = #/^  (?:[a-z]+ )*(?:let|var) (\w+).* = /#
    var names: [String] = []
    for file in try Specification.files(below: "Sources", ["Limits.swift"]) {
      var type: Substring?
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        if let found = line.firstMatch(of: #/^(?:public )?(?:enum|struct) (\w+)/#) {
          type = found.1.hasSuffix("Limits") ? found.1 : nil
        } else if line == "}" {
          type = nil
        } else if let type, let name = line.firstMatch(of: constant)?.1 {
          names.append("\(type).\(name)")
        }
      }
    }
    return names
  }

  private static func isOther(_ name: String) -> Bool {
    others[name] != nil || others[String(name.prefix { $0 != "." })] != nil
  }

  @Test(
    "Every limit of the limits files is told by GET /v1, or is none that a client meets [SP-514]")
  func all() throws {
    let world = try World()
    let answer = world.tap.routes.answer(
      Request(method: "GET", target: "/v1"), now: World.now, at: World.at)
    let told = try #require(try JSON.parse(answer.bytes)["limits"])
    let declared = try Self.declared()
    #expect(declared.count > Self.published.count)
    for name in declared where !Self.isOther(name) {
      let limit = try #require(
        Self.published[name], "\(name) is neither published nor said why not")
      #expect(told[limit.name]?.integer == Int64(limit.value), "\(name)")
    }
    #expect(Set(Self.published.keys).subtracting(declared) == [])
    #expect(Set(told.members.map(\.0)) == Set(Self.published.values.map(\.name)))
    let schema = try JSON.parse(
      Array(Data(contentsOf: Specification.folder.appending(path: "schemas/about.json"))))
    let limits = try schema.member("properties").member("limits")
    #expect(Set(try limits.cases("required").map(\.string)) == Set(told.members.map(\.0)))
    #expect(Set(try limits.member("properties").members.map(\.0)) == Set(told.members.map(\.0)))
  }
}
