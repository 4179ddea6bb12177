import Causality
import Changes
import Files
import FoundationEssentials
import Replica
import SQLite
import Seal
import Store
import Wire

/// What the commands that carry changes in files do.
enum BundleActions {
  static func export(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let path = try newFile(invocation)
      defer { Files.remove(path + ".part") }
      let since = try invocation.integer("since", in: 0...Int.max) ?? 0
      let plain = invocation.flag("plain")
      let contents: BundleContents
      if let folder = invocation.option("data") {
        contents = try exportCentral(folder, path, since: since, plain: plain, invocation)
      } else if invocation.flag("log") {
        let replica = try invocation.replica()
        let reader = try invocation.option("for").map { try device($0, in: replica.store) }
        contents = try replica.exportLog(
          to: path, for: reader, since: since, plain: plain, at: Now().label)
      } else {
        contents = try invocation.replica().exportChanges(to: path, plain: plain, at: Now().label)
      }
      if invocation.wantsJSON {
        invocation.console.print(
          JSON.object([
            ("file", .string(path)), ("bytes", .integer(Int64(Files.size(path) ?? 0))),
            ("segments", .integer(Int64(contents.segments))),
            ("entries", .integer(Int64(contents.entries))),
            ("spaces", .array(contents.spaces.map { .string($0) })),
          ]))
      } else {
        let what =
          contents.entries > 0 || contents.segments == 0
          ? "\(contents.entries) log entries" : "\(contents.segments) segments of changes"
        invocation.console.print(
          "\(path): \(what) of \(contents.spaces.joined(separator: ", ")), \(bytesText(Int64(Files.size(path) ?? 0)))."
        )
      }
      return .done
    }
  }

  /// The file to make, which is not there yet.
  static func newFile(_ invocation: Invocation) throws -> String {
    let path = URL(filePath: invocation.argument("FILE") ?? "").absoluteURL.path
    guard !FileManager.default.fileExists(atPath: path) else {
      throw Failure(
        code: "bundle.exists", message: "there is a file at \(path) already",
        hint: "Give a name that is free.")
    }
    return path
  }

  /// The one device known here whose id begins as given.
  private static func device(_ name: String, in store: Store) throws -> ReplicaID {
    let found = try store.withConnection {
      try $0.all(
        "SELECT id FROM replica WHERE substr(id, 1, length(?1)) = ?1", .text(name),
        read: { $0.text(0) })
    }
    guard name.utf8.count >= 4, found.count == 1, let id = ReplicaID(found[0]) else {
      throw Failure(
        code: "bundle.reader",
        message: name.utf8.count < 4
          ? "\(name) is too short to name a device"
          : found.count > 1
            ? "\(name) names several devices" : "no device's id begins with \(name)",
        hint: "Give at least 4 digits of one in `cordee list replica`.")
    }
    return id
  }

  /// Central's log for one device, asked for piece by piece.
  private static func exportCentral(
    _ folder: String, _ path: String, since: Int, plain: Bool, _ invocation: Invocation
  ) throws -> BundleContents {
    guard let name = invocation.option("for") else {
      throw Failure.usage(
        "bundle.reader", "a bundle of central needs --for REPLICA",
        hint: "`cordee central members` lists them.")
    }
    let head = try Keeper.ask(
      folder,
      [("do", .string("bundle")), ("for", .string(name)), ("since", .integer(Int64(since)))])
    guard let network = head["network"]?.string.flatMap({ NetworkID($0) }),
      let maker = head["maker"]?.string.flatMap({ ReplicaID($0) }),
      let reader = head["for"]?.string.flatMap({ ReplicaID($0) }),
      let sections = head["sections"]?.array
    else { throw Failure(code: "bundle.answer", message: "central's answer is no bundle") }
    var writer = try BundleWriter(
      path,
      Bundle(
        kind: .log, network: network, maker: maker, reader: reader, at: Now().label,
        sections: sections.map {
          .init(
            space: $0["space"]?.string ?? "", from: $0["from"]?.string ?? "",
            to: $0["to"]?.string ?? "")
        }), plain: plain)
    if let lives = head["lives"]?.string, !lives.isEmpty { try writer.write(Array(lives.utf8)) }
    var contents = BundleContents()
    for section in sections {
      let space = section["space"]?.string ?? ""
      contents.spaces.append(space)
      try writer.write(BundleLine.section(space))
      if let receipt = section["receipt"]?.string, !receipt.isEmpty {
        try writer.write(Array(receipt.utf8))
      }
      var after = section["after"]?.integer ?? 0
      var isEnded = false
      while !isEnded {
        let piece = try Keeper.ask(
          folder,
          [
            ("do", .string("log")), ("for", .string(reader.description)), ("space", .string(space)),
            ("after", .integer(after)),
          ])
        let lines = Lines.split(Array((piece["lines"]?.string ?? "").utf8))
        isEnded = lines.isEmpty
        for line in lines {
          try writer.write(line)
          switch try LogLine.parse(line) {
          case .entry(let seq, _, _, _, _):
            after = Int64(seq)
            contents.entries += 1
          case .checkpoint: isEnded = true
          }
        }
      }
    }
    try writer.finish()
    return contents
  }

  static func importBundle(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let path = invocation.argument("FILE") ?? ""
      if let folder = invocation.option("data") {
        return try importCentral(folder, path, invocation)
      }
      let replica = try invocation.replica()
      let report = try replica.importBundle(path, at: Now().label)
      try invocation.note(replica.store, isConfirmed: report.epoch != nil)
      if invocation.wantsJSON {
        invocation.console.print(
          JSON.object([
            ("carried", .integer(Int64(report.carried))),
            ("applied", .integer(Int64(report.applied))),
            ("received", .integer(Int64(report.received))),
            ("refused", .array(report.refused.map { .string($0) })),
            ("notes", .array(report.notes.map { .string($0) })),
            ("restored", .array(report.restored.map { .string($0) })),
            ("epoch", report.epoch.map(EpochNotices.json) ?? .null),
          ]))
      } else {
        for words in report.restored { invocation.console.print(words) }
        if let epoch = report.epoch { invocation.console.print(EpochNotices.sentence(epoch)) }
        invocation.console.print(
          "Applied \(report.applied) log entries; \(report.carried) segments are carried to central; "
            + "\(report.received) own changes turn out received.")
        for reason in report.refused { invocation.console.printValues("Refused: \(reason)") }
        for note in report.notes { invocation.console.printValues("Left out: \(note)") }
        if !report.notes.isEmpty { invocation.console.print(notAll) }
      }
      return report.notes.isEmpty ? .done : .failed
    }
  }

  /// What ends the words on a bundle that was not taken as a whole.
  private static let notAll = "Not all of the bundle was taken; what was taken is kept."

  /// Bytes of segments handed to central at once: within what its keeper's socket takes, escaped.
  private static let offerBytes = 256 * 1024

  /// A member's bundle into central's inbox.
  private static func importCentral(_ folder: String, _ path: String, _ invocation: Invocation)
    throws -> ExitCode
  {
    let network = try Keeper.ask(folder, [("do", .string("status"))])["network"]?.string
    var reader = try BundleReader(path)
    guard reader.bundle.kind == .changes else {
      throw Failure(
        code: "bundle.kind", message: "\(path) holds central's log, which is for members",
        hint: "Import it without --data.")
    }
    guard reader.bundle.network.description == network else {
      throw Failure(code: "bundle.network", message: "\(path) belongs to another network")
    }
    var (received, refused) = (0, [String]())
    var (space, body) = ("", [UInt8]())
    func offer() throws {
      guard !body.isEmpty else { return }
      let answer = try Keeper.ask(
        folder,
        [
          ("do", .string("offer")), ("space", .string(space)),
          ("lines", .string(String(decoding: body, as: UTF8.self))),
        ])
      received += answer["receipt"]?["heads"]?.array?.count ?? 0
      for item in answer["refused"]?.array ?? [] {
        refused.append(
          "\(item["actor"]?.string ?? "") \(item["n"]?.integer ?? 0): \(item["detail"]?.string ?? "")"
        )
      }
      body = []
    }
    var isCut = false
    while let (kind, bytes) = try reader.next() {
      if case .space(let name) = kind {
        try offer()
        space = name
      }
      guard kind == .wire else { continue }
      let segment = try Segment.parse(bytes)
      var lines = bytes + [UInt8(ascii: "\n")]
      for _ in segment.from...segment.to {
        guard let next = try reader.next(), next.kind == .wire else {
          isCut = true
          break
        }
        lines += next.bytes + [UInt8(ascii: "\n")]
      }
      if isCut { break }
      if body.count + lines.count > offerBytes { try offer() }
      body += lines
    }
    try offer()
    return told(received, refused, isWhole: reader.isWhole && !isCut, invocation)
  }

  private static func told(
    _ received: Int, _ refused: [String], isWhole: Bool, _ invocation: Invocation
  ) -> ExitCode {
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("received", .integer(Int64(received))),
          ("refused", .array(refused.map { .string($0) })), ("whole", .bool(isWhole)),
        ]))
    } else {
      invocation.console.print(
        "Received \(received) segments; they take effect at the next merge. Receipts go back with `cordee bundle export --data`."
      )
      for line in refused { invocation.console.printValues("Refused: \(line)") }
      if !isWhole {
        invocation.console.print("The bundle is cut: what was whole of it was used.")
      }
      if !refused.isEmpty || !isWhole { invocation.console.print(notAll) }
    }
    return refused.isEmpty && isWhole ? .done : .failed
  }
}
