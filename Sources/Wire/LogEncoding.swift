public import Changes

/// One line of the log as it is streamed. `[SP-1001]`
public enum LogLine: Sendable {
  /// An entry: its place, the change's line, the verdict and the segment's signatures, where it ends one.
  case entry(
    seq: Int, change: ChangeDecoding.Line, verdict: Verdict, signatures: [Signature],
    rawSignatures: [UInt8]?)
  /// The signed end of what is there.
  case checkpoint(bytes: [UInt8], Checkpoint, signatures: [Signature])

  /// Composes an entry's line from what is kept, without encoding the change again.
  public static func entryLine(
    seq: Int, change: Change, verdict: Verdict, signatures: [UInt8]?, withholdsBody: Bool
  ) -> [UInt8] {
    var line: [UInt8] = []
    line.reserveCapacity(change.headerBytes.count + (change.bodyBytes?.count ?? 64) + 96)
    line += #"{"seq":"#.utf8
    line += String(seq).utf8
    if case .quarantined(let reason) = verdict {
      line += Array(",\"verdict\":\"quarantined\",\"reason\":".utf8) + JSON.string(reason).bytes()
    }
    if let signatures { line += Array(",\"signatures\":".utf8) + signatures }
    line += #","change":"#.utf8
    ChangeEncoding.append(change, withholdsBody: withholdsBody, to: &line)
    line.append(UInt8(ascii: "}"))
    return line
  }

  /// Composes a checkpoint's line.
  public static func checkpointLine(_ bytes: [UInt8], signatures: [Signature]) -> [UInt8] {
    Array("{\"checkpoint\":".utf8) + bytes + Array(",\"signatures\":".utf8)
      + JSON.array(signatures.map(\.json)).bytes() + [UInt8(ascii: "}")]
  }

  /// Reads one line of a log stream.
  public static func parse(_ bytes: [UInt8]) throws(WireError) -> LogLine {
    if let (seq, change) = PlainReader.entry(bytes) {
      return .entry(
        seq: seq, change: change, verdict: .applied, signatures: [], rawSignatures: nil)
    }
    var parts: [String: [UInt8]] = [:]
    for (key, range) in try JSON.members(of: bytes) { parts[key] = Array(bytes[range]) }
    var signatures: [Signature] = []
    if let raw = parts["signatures"] { signatures = try Signature.list(try JSON.parse(raw)) }
    if let checkpoint = parts["checkpoint"] {
      return .checkpoint(
        bytes: checkpoint, try Checkpoint.parse(checkpoint), signatures: signatures)
    }
    guard let place = parts["seq"], let change = parts["change"] else {
      throw WireError(.shape, "a log line holds neither an entry nor a checkpoint")
    }
    let seq = try ChangeDecoding.count(try JSON.parse(place), "seq")
    var verdict = Verdict.applied
    if let word = parts["verdict"] {
      guard try JSON.parse(word).string == "quarantined", let reason = try parts["reason"].map(text)
      else {
        throw WireError(.shape, "an entry's verdict is unknown")
      }
      verdict = .quarantined(reason: reason)
    }
    return .entry(
      seq: seq, change: try ChangeDecoding.line(change), verdict: verdict,
      signatures: signatures,
      rawSignatures: parts["signatures"])
  }

  private static func text(_ bytes: [UInt8]) throws(WireError) -> String {
    guard let text = try JSON.parse(bytes).string else {
      throw WireError(.shape, "a reason is no text")
    }
    return text
  }
}
