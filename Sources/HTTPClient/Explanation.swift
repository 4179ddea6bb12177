import CCurl
import HTTP

#if canImport(Glibc)
  import Glibc
#endif

/// libcurl's result codes in words for a person.
enum Explanation {
  static func cancelled(_ origin: Origin) -> HTTPFailure {
    HTTPFailure(.cancelled, "stopped talking to \(origin)")
  }

  static func of(
    _ error: CurlError, origin: Origin, _ options: CurlExchange.Options,
    overflow: Transfer.Overflow?, systemError: Int32, certificateError: Int32
  ) -> HTTPFailure {
    let place = options.unixSocket.map { "the socket \($0)" } ?? "\(origin)"
    switch error.code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
      return HTTPFailure(
        .unreachable, "cannot find \(place): no address for this name",
        hint: "Check the name and the network")
    case CURLE_COULDNT_CONNECT:
      let reason = systemError == 0 ? "no connection" : systemText(systemError)
      return HTTPFailure(
        .unreachable, "cannot connect to \(place): \(reason)",
        hint: "Check that the server runs and the network is up")
    case CURLE_OPERATION_TIMEDOUT:
      return HTTPFailure(.timedOut, "\(place) took too long to answer", hint: "Try again later")
    case CURLE_ABORTED_BY_CALLBACK:
      return cancelled(origin)
    case CURLE_WRITE_ERROR:
      return overflowed(overflow, place)
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
      return HTTPFailure(
        .interrupted, "\(place) broke off the connection: \(error.text)", hint: "Try again later")
    // What libcurl says, too, of a header longer than its own limit.
    case CURLE_OUT_OF_MEMORY:
      return HTTPFailure(.badResponse, "the answer of \(place) does not fit: \(error.text)")
    case CURLE_FAILED_INIT, CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN,
      CURLE_BAD_FUNCTION_ARGUMENT:
      return HTTPFailure(.internal, "cannot send to \(place): \(error.text)")
    case CURLE_SSL_CACERT_BADFILE:
      let file = options.authorityFile ?? "the system's file"
      return HTTPFailure(
        .tls, "no trusted connection to \(place): \(file) holds no authorities that can be read",
        hint: "Check the file that was given")
    case CURLE_PEER_FAILED_VERIFICATION:
      return HTTPFailure(
        .tls, "no trusted connection to \(place): \(certificateText(certificateError))",
        hint: "Check the address, the clock and which authorities are trusted here")
    case let code where tls.contains(code.rawValue):
      return HTTPFailure(
        .tls, "no trusted connection to \(place): \(error.text)",
        hint: "Check the address, the clock and the server's certificate")
    default:
      return HTTPFailure(.badResponse, "cannot understand \(place): \(error.text)")
    }
  }

  private static let tls: Set<UInt32> = [
    CURLE_SSL_CONNECT_ERROR.rawValue, CURLE_SSL_CERTPROBLEM.rawValue, CURLE_SSL_CIPHER.rawValue,
    CURLE_SSL_ISSUER_ERROR.rawValue,
    CURLE_SSL_PINNEDPUBKEYNOTMATCH.rawValue, CURLE_SSL_INVALIDCERTSTATUS.rawValue,
    CURLE_SSL_SHUTDOWN_FAILED.rawValue, CURLE_USE_SSL_FAILED.rawValue,
  ]

  /// What is wrong with a certificate, by OpenSSL's number (openssl/x509_vfy.h).
  private static func certificateText(_ number: Int32) -> String {
    switch number {
    // The chain holds, so it was the name.
    case 0, 1, 62, 64: "the server's certificate is for another name"
    case 2, 18...21: "the server's certificate is by no authority trusted here"
    case 9: "the server's certificate is not valid yet"
    case 10: "the server's certificate has expired"
    default: "the server's certificate does not hold (OpenSSL's error \(number))"
    }
  }

  private static func overflowed(_ overflow: Transfer.Overflow?, _ place: String) -> HTTPFailure {
    switch overflow {
    case .body:
      HTTPFailure(.tooLarge, "the answer of \(place) is longer than allowed")
    case .headers:
      HTTPFailure(.badResponse, "the headers of \(place) are longer than allowed")
    case nil:
      HTTPFailure(.internal, "cannot take the answer of \(place)")
    }
  }

  private static func systemText(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }
}
