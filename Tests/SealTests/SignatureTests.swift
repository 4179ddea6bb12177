import Seal
import Testing

@Suite("Signatures")
struct SignatureTests {
  struct Vector: Sendable {
    let seed: [UInt8]
    let publicKey: [UInt8]
    let message: [UInt8]
    let signature: [UInt8]
  }

  /// RFC 8032, section 7.1, tests 1 and 2.
  static let vectors = [
    Vector(
      seed: hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
      publicKey: hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
      message: [],
      signature: hex(
        """
        e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
        5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b
        """)),
    Vector(
      seed: hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
      publicKey: hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
      message: [0x72],
      signature: hex(
        """
        92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
        """)),
  ]

  @Test("keys and signatures are those of RFC 8032", arguments: vectors)
  func known(_ vector: Vector) throws {
    let key = try #require(SigningKey(seed: vector.seed))
    #expect(key.publicKey.bytes == vector.publicKey)
    #expect(key.seed == vector.seed)
    #expect(key.sign(vector.message) == vector.signature)
    let publicKey = try #require(PublicKey(bytes: vector.publicKey))
    #expect(publicKey == key.publicKey)
    #expect(publicKey.verifies(vector.signature, of: vector.message))
  }

  @Test("any flipped bit of a signature, message or length is refused")
  func flipped() {
    let key = SigningKey.generate()
    let message = noise(20)
    let signature = key.sign(message)
    for bit in 0..<(64 * 8) {
      var flipped = signature
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.publicKey.verifies(flipped, of: message))
    }
    for bit in 0..<(20 * 8) {
      var flipped = message
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!key.publicKey.verifies(signature, of: flipped))
    }
    #expect(!key.publicKey.verifies(signature.dropLast(), of: message))
    #expect(!key.publicKey.verifies(signature + [0], of: message))
    #expect(!key.publicKey.verifies([], of: message))
    #expect(!SigningKey.generate().publicKey.verifies(signature, of: message))
  }

  @Test("a signature raised by the group's order is refused")
  func malleability() {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    let key = SigningKey.generate()
    var signature = key.sign([1])
    var carry = 0
    for index in 0..<32 {
      let sum = Int(signature[32 + index]) + Int(order[index]) + carry
      signature[32 + index] = UInt8(sum & 0xFF)
      carry = sum >> 8
    }
    #expect(!key.publicKey.verifies(signature, of: [1]))
  }

  @Test("a key of wrong length, of low order, off the curve or written twice over is refused")
  func refusedKeys() {
    let good = SigningKey.generate().publicKey.bytes
    let p = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
    let refused = [
      [], Array(good.dropLast()), good + [0],
      [UInt8](repeating: 0, count: 32),
      [1] + [UInt8](repeating: 0, count: 31),
      hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
      hex(p), [0xEE] + hex(p).dropFirst(), [UInt8](repeating: 0xFF, count: 32),
      [2] + [UInt8](repeating: 0, count: 31),
    ]
    for bytes in refused { #expect(PublicKey(bytes: bytes) == nil, "\(bytes)") }
    #expect(PublicKey(bytes: good) != nil)
    #expect(SigningKey(seed: [1, 2, 3]) == nil)
  }

  @Test("no way to print a key prints its secret")
  func hidden() throws {
    let vector = try #require(Self.vectors.first)
    let key = try #require(SigningKey(seed: vector.seed))
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped, "\([key])"] {
      #expect(text.contains("SigningKey("))
      #expect(!text.contains("9d61") && !text.contains("157, 97"))
    }
    #expect(Mirror(reflecting: key).children.isEmpty)
  }

  @Test("a fingerprint is 16 bytes and tells keys apart")
  func fingerprints() {
    let one = SigningKey.generate().publicKey
    #expect(one.fingerprint.count == 16)
    #expect(one.fingerprint == Blake2b.hash(one.bytes, bytes: 16))
    #expect(one.fingerprint != SigningKey.generate().publicKey.fingerprint)
  }
}
