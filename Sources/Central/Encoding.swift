import HTTP
import Seal
import Wire

/// Compression of bulk bodies: one layer of zstd by `Content-Encoding`, decoded bytes counted. `[SP-512]`
enum Encoding {
  /// Bodies shorter than this are sent as they are.
  static let bytesMin = 256

  /// Whether the asker takes zstd.
  static func isAccepted(by request: Request) -> Bool {
    request.headers.values("Accept-Encoding").joined(separator: ",").split(separator: ",").contains
    {
      let parts = $0.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
      return parts.first == "zstd" && !parts.dropFirst().contains { $0 == "q=0" }
    }
  }

  /// The response's body compressed, when the asker takes it and it pays.
  static func encode(_ response: Response, for request: Request) -> Response {
    var response = response
    response.headers.add("Vary", "Accept-Encoding")
    guard response.bytes.count >= bytesMin, isAccepted(by: request) else { return response }
    response.body = .bytes(Zstd.compress(response.bytes))
    response.headers.add("Content-Encoding", "zstd")
    return response
  }

  /// The request's body, decoded if it is compressed.
  ///
  /// - Throws: `Problem` 415 for another encoding, 413 above `limit` decoded bytes, 400 for damage.
  static func decodedBody(of request: Request, limit: Int) throws(Problem) -> [UInt8] {
    let encodings = request.headers.values("Content-Encoding")
    guard !encodings.isEmpty else {
      guard request.body.count <= limit else { throw tooLarge(limit) }
      return request.body
    }
    guard encodings.count == 1, encodings[0].lowercased() == "zstd" else {
      throw unknown("a body may be compressed by zstd, once, or not at all")
    }
    do {
      return try Zstd.decompress(request.body, limit: limit)
    } catch {
      if error.code == .tooLarge { throw tooLarge(limit) }
      throw Problem("encoding.malformed", status: 400, "the compressed body is damaged: \(error)")
    }
  }

  /// The request's body where none may be compressed.
  ///
  /// - Throws: `Problem` 415 for any encoding.
  static func plainBody(of request: Request) throws(Problem) -> [UInt8] {
    guard request.headers.values("Content-Encoding").isEmpty else {
      throw unknown("what is sent to \(request.path) may not be compressed")
    }
    return request.body
  }

  private static func unknown(_ detail: String) -> Problem {
    Problem("encoding.unknown", status: 415, detail)
  }

  private static func tooLarge(_ limit: Int) -> Problem {
    Problem(
      "push.too_large", status: 413, "a push of more than \(limit) bytes",
      hint: "Send it in several pushes.")
  }
}
