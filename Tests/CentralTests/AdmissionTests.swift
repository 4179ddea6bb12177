import Causality
import Changes
import HTTP
import Replica
import Seal
import Store
import Testing
import Wire

@testable import Central

@Suite("Requests judged by their head (R7, R15)")
struct AdmissionTests {
  let world: World
  let ana: Replica
  let stranger: SigningKey

  init() throws {
    stranger = try #require(SigningKey(seed: [UInt8](repeating: 9, count: 32)))
    world = try World()
    ana = try world.join()
  }

  private func head(
    _ target: String, method: String = "POST", at now: Int64? = nil, key: SigningKey? = nil
  ) -> Request {
    let request = Request(
      method: method, target: target, body: Array("{}".utf8), scheme: "http", authority: "a")
    let signed = MessageSignature.sign(
      request, keyID: ana.identity.actor.replica.description, created: Int(now ?? world.loop.now),
      nonce: Base64URL.encode(Randomness.bytes(12)), sha256: { SHA256.hash($0) },
      sign: (key ?? ana.key).sign)
    var head = signed
    head.body = []
    return head
  }

  private func admission(_ head: Request) -> Admission {
    world.loop.routes.admission(head, now: world.loop.now)
  }

  private func refusal(_ head: Request) -> String? {
    guard case .refused(let response) = admission(head) else { return nil }
    return Problem.parse(response.bytes, status: response.status)?.code
  }

  @Test("A device's signed head gets its route's length; an enrolment and strangers get little")
  func lengths() {
    let id = ana.identity.actor.replica.description
    #expect(
      admission(head("/v1/hello")) == .caller(id, bodyBytesMax: CentralLimits.messageBytesMax))
    for route in ["changes", "offers"] {
      #expect(
        admission(head("/v1/spaces/commons/\(route)"))
          == .caller(id, bodyBytesMax: CentralLimits.pushBytesMax))
    }
    #expect(
      admission(Request(method: "POST", target: "/v1/enrolments"))
        == .stranger(bodyBytesMax: Limits.unsignedBodyBytesMax))
  }

  @Test("What will be refused whatever the body says is refused by its head")
  func refusals() throws {
    let hello = "/v1/hello"
    #expect(refusal(Request(method: "POST", target: hello)) == "signature.refused")
    #expect(refusal(head(hello, key: stranger)) == "signature.refused")
    #expect(refusal(head(hello, at: world.loop.now - 301)) == "signature.time")
    #expect(refusal(head(hello, method: "PUT")) == "method.not_allowed")
    #expect(refusal(Request(method: "POST", target: "/v1/nothing")) == "route.unknown")
    var moved = head(hello)
    moved.target = "/v1/spaces/commons/changes"
    #expect(refusal(moved) == "signature.refused")
  }

  @Test("A nonce is used up by the whole request alone, and its head is refused from then on")
  func nonces() throws {
    var request = head("/v1/hello")
    for _ in 0..<2 { #expect(refusal(request) == nil) }
    request.body = Array("{}".utf8)
    request.admitted = ana.identity.actor.replica.description
    let code = { (response: Response) in
      Problem.parse(response.bytes, status: response.status)?.code
    }
    let first = world.loop.routes.answer(request, now: world.loop.now, at: world.loop.at)
    #expect(code(first)?.hasPrefix("signature") != true && first.caller != nil)
    let second = world.loop.routes.answer(request, now: world.loop.now, at: world.loop.at)
    #expect(code(second) == "signature.replayed")
    request.body = []
    #expect(refusal(request) == "signature.replayed")
  }

  @Test("Being admitted covers neither another body nor another device")
  func admitted() throws {
    var altered = head("/v1/hello")
    altered.admitted = ana.identity.actor.replica.description
    altered.body = Array("[]".utf8)
    func code(_ request: Request) -> String? {
      let answer = world.loop.routes.answer(request, now: world.loop.now, at: world.loop.at)
      return Problem.parse(answer.bytes, status: answer.status)?.code
    }
    #expect(code(altered) == "digest.mismatch")
    var forged = head("/v1/hello", key: stranger)
    forged.body = Array("{}".utf8)
    forged.admitted = try world.join().identity.actor.replica.description
    #expect(code(forged) == "signature.refused")
  }
}
