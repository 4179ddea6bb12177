import Causality
import Changes
import Session
import Store
import Wire

/// What a conversation has to know of the file once central has answered.
struct Glance {
  /// Whether the file asks nothing of central beside the steps: no epoch is due, nothing is adrift, no former actor has
  /// changes waiting.
  let isUsual: Bool
  /// Whether others' segments wait to be carried to central.
  let hasParcels: Bool
  /// What central promised of each space.
  let promises: [String: Promise]
  /// Spaces of which central is suspected to have said that their logs end before what it signed.
  let shortened: Set<String>
  /// What comes next.
  let steps: [Step]

  /// Central's signed word for changes of the present actor.
  struct Promise {
    /// The last change that was received.
    let n: Int
    /// The receipt as it came.
    let line: [UInt8]
    /// Whether central is suspected to have broken it.
    let isDoubted: Bool
  }
}

extension Replica {
  /// Looks at the file, in one transaction: each read outside of one locks and unlocks it.
  ///
  /// Nothing is asked of central and nothing written meanwhile, so that no other program waits longer than for one read.
  func glance(_ hello: Hello, _ answer: HelloAnswer) throws -> Glance {
    try store.read {
      var promises: [String: Glance.Promise] = [:]
      for space in hello.spaces.map(\.name) {
        guard let receipt = try store.receipt(of: identity.actor, in: space) else { continue }
        promises[space] = Glance.Promise(
          n: receipt.n, line: receipt.line,
          isDoubted: try store.isSuspected("receipt.broken", in: space))
      }
      return Glance(
        isUsual: try !isForked(hello, answer) && store.epochDue() == nil
          && store.waitingFormerActors().isEmpty
          && identity.spaces.allSatisfy { try store.adrift(in: $0).isEmpty },
        hasParcels: try store.parcelCounts().waiting > 0, promises: promises,
        shortened: Set(
          try hello.spaces.map(\.name).filter { try store.isSuspected("log.shortened", in: $0) }),
        steps: try Plan.steps(hello, answer) { space, n in
          try store.changeHash(Dot(actor: identity.actor, n: n), in: space)
        })
    }
  }
}
