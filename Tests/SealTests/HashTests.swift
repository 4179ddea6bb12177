import Seal
import Testing

@Suite("Hashes")
struct HashTests {
  private let abc = Array("abc".utf8)

  @Test("BLAKE2b gives the known values")
  func blake2b() {
    #expect(
      Blake2b.hash(abc, bytes: 32)
        == hex("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"))
    #expect(Blake2b.hash([], bytes: 16) == hex("cae66941d9efbd404e4d88758ea67670"))
    #expect(Blake2b.hash(bytes: 16) == Blake2b.hash([], [], bytes: 16))
    // RFC 7693, appendix A.
    #expect(
      Blake2b.hash(abc, bytes: 64)
        == hex(
          """
          ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1
          7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923
          """))
  }

  @Test("SHA-256 gives the known value")
  func sha256() {
    #expect(
      SHA256.hash(abc) == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))
  }

  @Test("a hash does not depend on how the bytes are cut", arguments: [0, 1, 63, 128, 129, 5000])
  func streaming(_ cut: Int) {
    let bytes = noise(5000)
    var blake = Blake2b()
    blake.update(Array(bytes[..<cut]))
    blake.update(bytes[cut...])
    #expect(blake.finalize() == Blake2b.hash(bytes))
    var sha = SHA256()
    sha.update(Array(bytes[..<cut]))
    sha.update(Array(bytes[cut...]))
    #expect(sha.finalize() == SHA256.hash(bytes))
    #expect(
      Blake2b.hash(Array(bytes[..<cut]), Array(bytes[cut...]), bytes: 20)
        == Blake2b.hash(bytes, bytes: 20))
  }

  @Test("randomness has the length asked for and does not repeat")
  func randomness() {
    #expect(Randomness.bytes(0).isEmpty)
    #expect(Randomness.bytes(33).count == 33)
    #expect(Randomness.bytes(16) != Randomness.bytes(16))
    #expect(Set((0..<100).map { _ in Randomness.uint64() }).count == 100)
  }

  @Test("secrets are equal when every byte is")
  func secrets() {
    #expect(Secret.equal([], []))
    #expect(Secret.equal(abc, abc))
    #expect(!Secret.equal(abc, abc + [0]))
    #expect(!Secret.equal(abc, Array("abd".utf8)))
  }
}
