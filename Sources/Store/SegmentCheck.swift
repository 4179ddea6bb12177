public import Causality
public import Changes
import Mutants
public import Seal
public import Wire

extension Segment {
  /// Checks a segment of changes that is pushed, offered or carried: counts, network, contexts, chain and signature.
  ///
  /// - Parameters:
  ///   - lines: the changes' lines.
  ///   - allowsWithheld: whether a change may come without its body.
  ///   - key: the author's; nil when it is not known here: then all but the signature is checked.
  /// - Returns: the changes in their chain, each with its body, where it came with one.
  /// - Throws: `Problem` with a stable code.
  @discardableResult
  public func verify(
    _ lines: [[UInt8]], key: PublicKey?, network: NetworkID, space: String,
    allowsWithheld: Bool = false
  ) throws(Problem) -> [(change: Change, body: Body?)] {
    var hash = previous
    var changes: [(change: Change, body: Body?)] = []
    changes.reserveCapacity(lines.count)
    for (offset, bytes) in lines.enumerated() {
      let line: ChangeDecoding.Line
      let body: Body?
      do {
        line = try ChangeDecoding.line(bytes)
        body = try line.decodedBody()
      } catch {
        throw Problem(error)
      }
      let header = line.header
      guard header.network == network, header.space.hasBytes(of: space),
        header.dot == Dot(actor: actor, n: from + offset)
      else {
        throw Problem(
          "segment.header", status: 422,
          "change \(offset + 1) of a segment names another place than its own")
      }
      guard offset == 0 || header.context.isEmpty else {
        throw Problem(
          "segment.context", status: 422, "only the first change of a segment may carry a context")
      }
      guard line.bodyBytes != nil || allowsWithheld else {
        throw Problem("segment.body", status: 422, "a pushed change lacks its body")
      }
      let change = Store.change(line, previous: hash)
      changes.append((change, body))
      hash = change.hash
    }
    let message = Preimage.segment(
      network: network, space: space, head: Dot(actor: actor, n: to), hash: head)
    let isSigned = key.map { self.isSigned(message, by: $0) } ?? true
    guard lines.count == to - from + 1, hash == head,
      isSigned || mutant(47, "R6: central takes what nobody signed")
    else {
      throw Problem(
        "segment.signature", status: 422, "a segment's hash or signature is wrong",
        hint: "It was altered on its way; push again.")
    }
    return changes
  }

  private func isSigned(_ message: [UInt8], by key: PublicKey) -> Bool {
    signatures.contains { $0.key == actor.replica && key.verifies($0.value, of: message) }
  }
}
