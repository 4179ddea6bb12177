import CCurl
import CShims

/// One libcurl easy handle with its connection cache; freed when it goes out of use.
@safe struct Easy: ~Copyable, @unchecked Sendable {
  // Sendable: libcurl lets any thread use a handle, one at a time; the Mutex around it sees to that.
  private let handle: UnsafeMutableRawPointer

  /// Nil when libcurl cannot start or memory is short.
  init?() {
    guard Self.isReady, let handle = unsafe curl_easy_init() else { return nil }
    unsafe self.handle = handle
  }

  deinit { unsafe curl_easy_cleanup(handle) }

  /// libcurl's own start-up is once a process and not thread safe; a static constant is both.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Forgets every option and keeps the live connections.
  func reset() { unsafe curl_easy_reset(handle) }

  func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
    try check(unsafe cordee_curl_set_long(handle, option, value))
  }

  func set(_ option: CURLoption, bytes value: Int) throws(CurlError) {
    try check(unsafe cordee_curl_set_offset(handle, option, curl_off_t(value)))
  }

  /// libcurl copies the text.
  func set(_ option: CURLoption, _ value: String) throws(CurlError) {
    try check(unsafe cordee_curl_set_text(handle, option, value))
  }

  /// The pointer must outlive `perform`.
  func set(_ option: CURLoption, _ value: UnsafeRawPointer) throws(CurlError) {
    try check(unsafe cordee_curl_set_pointer(handle, option, value))
  }

  /// The list must outlive `perform`.
  func set(_ option: CURLoption, _ list: borrowing HeaderList) throws(CurlError) {
    try check(unsafe cordee_curl_set_list(handle, option, list.head))
  }

  func set(_ option: CURLoption, _ callback: cordee_curl_data) throws(CurlError) {
    try check(unsafe cordee_curl_set_data(handle, option, callback))
  }

  func setProgress(_ callback: cordee_curl_progress) throws(CurlError) {
    try check(unsafe cordee_curl_set_progress(handle, callback))
    try set(CURLOPT_NOPROGRESS, 0)
  }

  func setTrace(_ callback: cordee_curl_trace) throws(CurlError) {
    try check(unsafe cordee_curl_set_trace(handle, callback))
    try set(CURLOPT_VERBOSE, 1)
  }

  /// Runs the transfer on the calling thread until it ends.
  func perform() throws(CurlError) {
    try check(unsafe curl_easy_perform(handle))
  }

  /// The operating system's error number of the last failed connection, 0 when there is none.
  var systemError: Int32 {
    number(CURLINFO_OS_ERRNO)
  }

  /// OpenSSL's finding on the server's certificate (openssl-verification-options(1)); 1 before it was looked at.
  var certificateError: Int32 {
    number(CURLINFO_SSL_VERIFYRESULT)
  }

  private func number(_ info: CURLINFO) -> Int32 {
    var value = 0
    guard unsafe cordee_curl_get_long(handle, info, &value) == CURLE_OK else { return 0 }
    return Int32(truncatingIfNeeded: value)
  }

  private func check(_ code: CURLcode) throws(CurlError) {
    guard code == CURLE_OK else { throw CurlError(code: code) }
  }
}

/// libcurl's own result code.
struct CurlError: Error {
  let code: CURLcode

  var text: String { unsafe String(cString: curl_easy_strerror(code)) }
}

/// Header lines in the form that libcurl takes; freed when it goes out of use.
@safe struct HeaderList: ~Copyable {
  private(set) var head: UnsafeMutablePointer<curl_slist>?

  init() { unsafe head = nil }

  deinit { unsafe curl_slist_free_all(head) }

  mutating func append(_ line: String) throws(CurlError) {
    guard let longer = unsafe curl_slist_append(head, line) else {
      throw CurlError(code: CURLE_OUT_OF_MEMORY)
    }
    unsafe head = longer
  }
}
