/// Signed requests: the subset of RFC 9421 and RFC 9530 that members and central speak.
///
/// Every signature covers `@method`, `@authority`, `@request-target` and `content-digest`, and carries
/// `created`, `nonce` and `keyid`. The scheme is not covered: a proxy that ends TLS changes it. The
/// algorithm is Ed25519, fixed by the key, so that a request cannot choose a weaker one.
public enum MessageSignature {
  /// The label that a signature of ours stands under; others may stand beside it.
  public static let label = "cordee"

  static let components = ["@method", "@authority", "@request-target", "content-digest"]

  /// What a signed request says about itself; nothing here is verified yet.
  public struct Parsed: Sendable, Equatable {
    /// Who says to have signed.
    public let keyID: String
    /// When, by the signer's clock, in seconds since 1970.
    public let created: Int
    /// A value that the signer uses once.
    public let nonce: String
    /// The exact bytes that the signature must cover (RFC 9421 §2.5).
    public let base: [UInt8]
    /// The signature to verify.
    public let signature: [UInt8]
  }

  /// Why a request's signature cannot even be verified.
  public enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// No signature under our label.
    case unsigned
    /// A header that is not the Structured Field it should be, or says something twice.
    case malformed(header: String)
    /// A part of the request that must be signed is not.
    case uncovered(component: String)
    /// A part is covered that the request lacks or that we cannot rebuild.
    case unsupportedComponent(String)
    /// `created`, `nonce` or `keyid` is missing or of the wrong type.
    case missingParameter(String)
    /// A parameter whose meaning we do not know, or an algorithm other than Ed25519.
    case unsupportedParameter(String)

    /// One line for a person.
    public var description: String {
      switch self {
      case .unsigned: "the request is not signed"
      case .malformed(let header): "the header \(header) is malformed"
      case .uncovered(let name): "the signature does not cover \(name)"
      case .unsupportedComponent(let name): "the signature covers \(name), which cannot be rebuilt"
      case .missingParameter(let name): "the signature lacks \(name)"
      case .unsupportedParameter(let name): "the signature's parameter \(name) is not supported"
      }
    }
  }

  /// Adds `Content-Digest`, `Signature-Input` and `Signature`, replacing what was there.
  ///
  /// - Parameters:
  ///   - keyID: printable ASCII.
  ///   - created: seconds since 1970.
  ///   - nonce: printable ASCII, never used before with this key.
  ///   - sha256: the digest of bytes.
  ///   - sign: the Ed25519 signature over bytes.
  public static func sign<Failure: Error>(
    _ request: Request, keyID: String, created: Int, nonce: String,
    sha256: ([UInt8]) -> [UInt8], sign: ([UInt8]) throws(Failure) -> [UInt8]
  ) throws(Failure) -> Request {
    var signed = request
    signed.headers.set("Content-Digest", contentDigest(request.body, sha256: sha256))
    let names = components.map(quoted).joined(separator: " ")
    let input =
      "(\(names));created=\(created);nonce=\(quoted(nonce));keyid=\(quoted(keyID))"
    let lines = components.map { "\(quoted($0)): \(value(of: $0, in: signed) ?? "")\n" }
    let signature = try sign(Array((lines.joined() + signatureParams(input)).utf8))
    signed.headers.set("Signature-Input", "\(label)=\(input)")
    signed.headers.set("Signature", "\(label)=:\(Base64.encode(signature)):")
    return signed
  }

  /// Reads a request's signature and rebuilds what it must cover.
  ///
  /// The caller still has to check, in any order: `created` and `nonce` against its window, the key, the
  /// signature over `base`, and `digestMatches`.
  public static func parse(_ request: Request) throws(Refusal) -> Parsed {
    guard let input = try dictionary("Signature-Input", in: request)[label] else {
      throw .unsigned
    }
    guard case .list(let items, let parameters) = input else {
      throw .malformed(header: "Signature-Input")
    }
    guard case .item(let item)? = try dictionary("Signature", in: request)[label],
      case .bytes(let signature) = item.value, item.parameters.isEmpty
    else { throw .malformed(header: "Signature") }

    let names = try covered(items)
    var base = ""
    for name in names {
      guard let value = value(of: name, in: request) else { throw .unsupportedComponent(name) }
      base += "\(quoted(name)): \(value)\n"
    }
    let tail = parameters.map { ";\($0.name)=\($0.value.text)" }.joined()
    base += signatureParams("(\(names.map(quoted).joined(separator: " ")))\(tail)")

    let (keyID, created, nonce) = try read(parameters)
    return Parsed(
      keyID: keyID, created: created, nonce: nonce, base: Array(base.utf8), signature: signature)
  }

  /// Whether `Content-Digest` is there, holds one SHA-256, and it is the body's.
  public static func digestMatches(_ request: Request, sha256: ([UInt8]) -> [UInt8]) -> Bool {
    guard let digests = try? dictionary("Content-Digest", in: request),
      case .item(let item)? = digests["sha-256"], case .bytes(let told) = item.value
    else { return false }
    return told == sha256(request.body)
  }

  /// The value of `Content-Digest` for a body (RFC 9530).
  public static func contentDigest(_ body: [UInt8], sha256: ([UInt8]) -> [UInt8]) -> String {
    "sha-256=:\(Base64.encode(sha256(body))):"
  }

  private static func signatureParams(_ value: String) -> String {
    "\"@signature-params\": \(value)"
  }

  private static func dictionary(
    _ name: String, in request: Request
  ) throws(Refusal) -> StructuredDictionary {
    do throws(StructuredDictionary.Malformed) {
      return try StructuredDictionary(lines: request.headers.values(name))
    } catch { throw .malformed(header: name) }
  }

  private static func covered(
    _ items: [StructuredDictionary.Item]
  ) throws(Refusal) -> [String] {
    var names: [String] = []
    for item in items {
      guard case .string(let name) = item.value, !names.contains(name) else {
        throw .malformed(header: "Signature-Input")
      }
      guard item.parameters.isEmpty else { throw .unsupportedComponent(name) }
      names.append(name)
    }
    for needed in components where !names.contains(needed) {
      throw .uncovered(component: needed)
    }
    return names
  }

  private static func read(
    _ parameters: [StructuredDictionary.Parameter]
  ) throws(Refusal) -> (keyID: String, created: Int, nonce: String) {
    var keyID: String?
    var created: Int?
    var nonce: String?
    for parameter in parameters {
      switch (parameter.name, parameter.value) {
      case ("keyid", .string(let text)): keyID = text
      case ("created", .integer(let seconds)) where seconds >= 0: created = seconds
      case ("nonce", .string(let text)): nonce = text
      case ("alg", .string("ed25519")), ("tag", .string): break
      default: throw .unsupportedParameter(parameter.name)
      }
    }
    guard let keyID, !keyID.isEmpty else { throw .missingParameter("keyid") }
    guard let created else { throw .missingParameter("created") }
    guard let nonce, !nonce.isEmpty else { throw .missingParameter("nonce") }
    return (keyID, created, nonce)
  }

  /// RFC 9421 §2.1 and §2.2; nil for a component that the request lacks or that we do not know.
  private static func value(of component: String, in request: Request) -> String? {
    switch component {
    case "@method": return request.method
    case "@authority": return normalAuthority(request)
    case "@request-target": return request.target
    default:
      guard isToken(component), component == component.lowercased() else { return nil }
      let values = request.headers.values(component)
      return values.isEmpty ? nil : values.joined(separator: ", ")
    }
  }

  /// Lower case, and without port 443 or 80, whatever the scheme was: a proxy may have changed it.
  private static func normalAuthority(_ request: Request) -> String {
    let authority = request.authority.lowercased()
    for own in [":443", ":80"] where authority.hasSuffix(own) {
      return String(authority.dropLast(own.utf8.count))
    }
    return authority
  }
}
