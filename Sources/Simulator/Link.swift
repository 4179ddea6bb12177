import Causality
import Central
import Changes
import Disk
import Files
import HTTP
import Replica
import Seal
import Wire

/// The simulated network between one member and central, with its weather.
final class Link: Exchange {
  private unowned let world: World
  private unowned let station: Station

  init(_ world: World, _ station: Station) {
    self.world = world
    self.station = station
  }

  func send(_ request: Request, responseBytesMax: Int) throws(HTTPFailure) -> Response {
    world.note(Array("\(request.method) \(request.target)\n".utf8) + request.body)
    let weather = station.weather
    weather.messages += 1
    let response: Response
    do {
      response = try carry(request, weather)
    } catch let failure as HTTPFailure {
      throw failure
    } catch {
      throw HTTPFailure(.interrupted, "central died: \(error)")
    }
    world.note(Array("\(response.status)\n".utf8) + response.bytes)
    return response
  }

  private func carry(_ request: Request, _ weather: Weather) throws -> Response {
    if station.partition == .full || station.partition == .requestsLost {
      weather.isLossy = true
      world.marks.hit(station.partition == .full ? .partition : .oneWayPartition)
      throw HTTPFailure(.unreachable, "there is no way")
    }
    var request = request
    // Lies about the log are told where it comes by itself.
    if station.lies != nil { request.headers.remove("Accept") }
    switch weather.next() {
    case .dropRequest:
      world.marks.hit(.requestDropped)
      throw HTTPFailure(.unreachable, "the request was lost")
    case .delayRequest:
      world.marks.hit(.requestDelayed)
      world.delayed.append(request)
      throw HTTPFailure(.timedOut, "the request is late")
    case .dropReply:
      world.marks.hit(.replyDropped)
      _ = try world.answer(request, from: station)
      throw HTTPFailure(.timedOut, "the reply was lost")
    case .double:
      let response = try world.answer(request, from: station)
      _ = try world.answer(request, from: station)
      world.marks.hit(.requestDoubled)
      return try arrived(response, request)
    case .truncateRequest where !request.body.isEmpty:
      world.marks.hit(.requestTruncated)
      weather.isDamaging = true
      request.body.removeLast(weather.draw.within(1...request.body.count))
    case .flipRequest where !request.body.isEmpty:
      world.marks.hit(.requestFlipped)
      weather.isDamaging = true
      request.body[weather.draw.below(request.body.count)] ^= 1 << UInt8(weather.draw.below(8))
    case .truncateReply:
      weather.isDamaging = true
      let response = try world.answer(request, from: station)
      return try damaged(response, request, .replyTruncated) { bytes in
        bytes.removeLast(weather.draw.within(1...bytes.count))
      }
    case .flipReply:
      weather.isDamaging = true
      let response = try world.answer(request, from: station)
      return try damaged(response, request, .replyFlipped) { bytes in
        bytes[weather.draw.below(bytes.count)] ^= 1 << UInt8(weather.draw.below(8))
      }
    case .edit:
      world.marks.hit(.editDuringSync)
      try world.observe(station)
      try world.edit(station, &weather.draw)
    case .truncateRequest, .flipRequest, .fair: break
    }
    return try arrived(try world.answer(request, from: station), request)
  }

  private func arrived(_ response: Response, _ request: Request) throws -> Response {
    guard station.partition == .repliesLost else {
      if response.status == 401,
        Problem.parse(response.bytes, status: 401)?.code == "signature.time"
      {
        world.marks.hit(.clockCorrected)
      }
      if request.path.hasSuffix("/log"), response.status == 200 { station.weather.logPieces += 1 }
      return try station.lies.map { try $0.bend(response, to: request) } ?? response
    }
    station.weather.isLossy = true
    world.marks.hit(.oneWayPartition)
    throw HTTPFailure(.timedOut, "the reply was lost")
  }

  private func damaged(
    _ response: Response, _ request: Request, _ mark: Mark, _ damage: (inout [UInt8]) -> Void
  ) throws -> Response {
    var response = try arrived(response, request)
    var bytes = response.bytes
    if !bytes.isEmpty {
      damage(&bytes)
      world.marks.hit(mark)
    }
    response.body = .bytes(bytes)
    return response
  }
}

/// What the link does with the messages of one sync.
final class Weather {
  /// What one message meets.
  enum Fate: CaseIterable {
    case fair, dropRequest, delayRequest, dropReply, double
    case truncateRequest, flipRequest, truncateReply, flipReply
    case edit
  }

  var draw: Seeded
  /// Fates that may come, and how many messages out of a thousand meet one.
  var fates: [Fate] = []
  var roughness = 0
  /// A message, counted from 0, that meets this fate for certain.
  var certain: (message: Int, fate: Fate)?
  /// Messages so far.
  var messages = 0
  /// Pieces of the log that came.
  var logPieces = 0
  /// Whether a message was lost, doubled or delayed.
  var isLossy = false
  /// Whether bytes were cut or altered.
  var isDamaging = false

  static var fair: Weather { Weather(draw: Seeded(0)) }

  init(draw: Seeded) { self.draw = draw }

  func next() -> Fate {
    var fate = Fate.fair
    if let certain, certain.message == messages - 1 {
      fate = certain.fate
    } else if !fates.isEmpty, draw.chance(roughness) {
      fate = draw.pick(fates)
    }
    if [.dropRequest, .delayRequest, .dropReply, .double].contains(fate) { isLossy = true }
    return fate
  }
}

extension World {
  /// Central's answer, or the failure of a link whose other end died.
  func answer(_ request: Request, from station: Station?) throws -> Response {
    let routes = try station?.mirror ?? running()
    centralFailure = nil
    var response = routes.answer(request, now: time(house.offset), at: label(house.offset))
    if station?.mirror == nil { noteLife(of: routes.central) }
    if let armed, armed.fault == .crash, armed.prefix == house.path, disk.hasStruck {
      // Nobody answers for a process that died; what was on its way is lost.
      house.routes = nil
      disk.disarm()
      self.armed = nil
      marks.hit(.centralCrash)
      station?.weather.isLossy = true
      throw HTTPFailure(.interrupted, "central died")
    }
    if let failure = centralFailure {
      fail("central", "internal", isStruck ? .damaged : .none, failure)
    }
    if case .file(let path, let offset, let length) = response.body {
      response.body = .bytes(try Self.bytes(of: path, offset, length))
    }
    if let station, station.mirror == nil, response.status == 200,
      request.path.hasSuffix("/changes")
    {
      try noteReceipts(response, of: station)
    }
    return response
  }

  private static func bytes(of path: String, _ offset: Int, _ length: Int) throws -> [UInt8] {
    var reader = try FileReader(path)
    _ = try reader.read(offset)
    return try reader.read(length)
  }

  private func noteReceipts(_ response: Response, of station: Station) throws {
    guard let note = try? ReceiptNote.parse(line: response.bytes).note else { return }
    for head in note.heads where head.dot.actor.replica.bytes == station.key.publicKey.fingerprint {
      happened(
        .acknowledged(node: station.name, space: note.space, dot: head.dot, hash: head.hash))
    }
  }

  /// Brings what was on its way for long.
  func deliverDelayed() throws {
    let late = delayed
    delayed = []
    for request in late { _ = try? answer(request, from: nil) }
  }

  func fail(_ node: String, _ code: String, _ cause: Cause, _ words: String) {
    // A run is the same wherever its folder lies.
    let words = words.replacing("\(folder)/", with: "")
    tell("  \(node) failed (\(cause.rawValue)): \(code): \(words)")
    happened(.failed(node: node, code: code, cause: cause, words: words))
  }
}
