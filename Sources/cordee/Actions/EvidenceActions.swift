import Causality
import Changes
import Files
import Registry
import Replica
import Seal
import Store
import Wire

/// What `cordee evidence` does with what is kept against central: lists it, writes it down, notes a person's word on it.
enum EvidenceActions {
  static func run(_ invocation: Invocation) throws -> ExitCode {
    try Failure.wrap {
      let settling = try Settling(invocation, of: "a piece of evidence")
      switch (invocation.argument("FILE"), settling) {
      case (nil, nil): return try list(invocation)
      case (_?, nil): return try write(invocation)
      case (nil, let settling?): return try settle(settling, invocation)
      default:
        throw Failure.usage(
          "option.together", "FILE and --settle do not go together", hint: "Give one of them.")
      }
    }
  }

  /// Everything kept, for people and programs.
  private static func list(_ invocation: Invocation) throws -> ExitCode {
    let kept = try invocation.store(sealing: false).evidence()
    let console = invocation.console
    if invocation.wantsJSON {
      console.print(JSON.array(kept.map { JSON.object(members($0)) }))
      return .done
    }
    if kept.isEmpty { console.print("Nothing of central's words contradicts another.") }
    for evidence in kept {
      console.printValues(
        "\(evidence.id)  \(evidence.at)  \(evidence.kind.rawValue): \(evidence.message) [\(evidence.code)]"
      )
      console.printValues("   \(standing(evidence))")
    }
    return .done
  }

  /// How a piece stands, in words.
  static func standing(_ evidence: Evidence) -> String {
    switch (evidence.settledAt, evidence.settlement) {
    case (let at?, let word?): "settled by \(word.by) at \(at): \(word.note)"
    case (let at?, nil): "settled by a good contact at \(at)"
    case (nil, _):
      "open: once it is looked into, cordee evidence --settle \(evidence.id) --note TEXT"
    }
  }

  private static func settle(_ settling: Settling, _ invocation: Invocation) throws -> ExitCode {
    let id = settling.id ?? 0
    let store = try invocation.store(sealing: false)
    let author = try Names.own(store)
    let told = try store.write {
      try store.settle(evidence: id, by: author, note: settling.note, at: Now().label)
    }
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object(members(told.evidence) + [("already", .bool(told.already))]))
    } else {
      let words = standing(told.evidence)
      invocation.console.printValues(
        told.already ? "Nothing was changed: \(id) was \(words)" : "\(id) is \(words)")
    }
    return .done
  }

  /// Everything kept, one JSON line a piece, with the statements as they came.
  private static func write(_ invocation: Invocation) throws -> ExitCode {
    let path = try BundleActions.newFile(invocation)
    let store = try invocation.store(sealing: false)
    let identity = try Identity(store)
    let kept = try store.evidence()
    defer { Files.remove(path + ".part") }
    var writer = try FileWriter(path + ".part")
    try writer.write(
      JSON.object([
        ("evidence", .integer(1)), ("network", .string(identity.network.description)),
        ("central_key", .string(Base64URL.encode(identity.centralKey.bytes))),
        ("at", .string(Now().label)), ("pieces", .integer(Int64(kept.count))),
      ]).bytes() + [UInt8(ascii: "\n")])
    for evidence in kept {
      try writer.write(JSON.object(members(evidence)).bytes() + [UInt8(ascii: "\n")])
      for line in evidence.statements { try writer.write(line + [UInt8(ascii: "\n")]) }
    }
    try writer.sync()
    try Files.rename(path + ".part", to: path)
    let proofs = kept.count { $0.kind == .proof }
    if invocation.wantsJSON {
      invocation.console.print(
        JSON.object([
          ("file", .string(path)), ("pieces", .integer(Int64(kept.count))),
          ("proofs", .integer(Int64(proofs))),
        ]))
    } else {
      invocation.console.print(
        "\(path): \(kept.count) pieces, of which \(proofs) are proofs by central's own signatures."
      )
    }
    return .done
  }

  /// A piece for programs.
  static func members(_ evidence: Evidence) -> [(String, JSON)] {
    [
      ("at", .string(evidence.at)), ("space", .string(evidence.space)),
      ("kind", .string(evidence.kind.rawValue)), ("code", .string(evidence.code)),
      ("message", .string(evidence.message)),
      ("settled_at", evidence.settledAt.map { .string($0) } ?? .null),
      ("statements", .integer(Int64(evidence.statements.count))),
      ("id", .integer(Int64(evidence.id))),
      ("settled_by", evidence.settlement.map { .string($0.by) } ?? .null),
      ("note", evidence.settlement.map { .string($0.note) } ?? .null),
    ]
  }
}
