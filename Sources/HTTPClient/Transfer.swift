import CCurl
import CShims
import HTTP
import Synchronization

/// What one request in flight collects; only the thread inside `perform` touches it.
final class Transfer {
  enum Overflow { case headers, body }

  private let bodyBytesMax: Int
  private let isCancelled: () -> Bool
  private let report: ((Progress) -> Void)?
  private var nextReport: ContinuousClock.Instant?
  private var headerBytes = 0
  private var hasAllHeaders = false

  private(set) var status = 0
  private(set) var headers = Headers()
  private(set) var body: [UInt8] = []
  private(set) var overflow: Overflow?
  private(set) var bytesSent = 0
  private(set) var bytesReceived = 0

  /// What has come, once some of the body has.
  var part: Response? {
    guard (200...599).contains(status), !body.isEmpty else { return nil }
    return Response(status: status, headers: headers, body: .bytes(body))
  }

  init(
    bodyBytesMax: Int, isCancelled: @escaping () -> Bool, report: ((Progress) -> Void)?
  ) {
    self.bodyBytesMax = bodyBytesMax
    self.isCancelled = isCancelled
    self.report = report
  }

  /// One header line with its line end; a status line starts anew, as after `100 Continue`.
  func takeHeader(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= Limits.responseHeaderBytesMax else {
      overflow = .headers
      return false
    }
    let line = unsafe String(decoding: bytes, as: UTF8.self)
    let text = line.utf8.prefix { $0 != 0x0d && $0 != 0x0a }
    if text.starts(with: "HTTP/".utf8) {
      (status, headers, hasAllHeaders) = (Self.status(of: text), Headers(), false)
    } else if text.isEmpty {
      hasAllHeaders = true
    } else if !hasAllHeaders, let colon = text.firstIndex(of: UInt8(ascii: ":")) {
      let value = line[line.utf8.index(after: colon)..<text.endIndex]
      headers.add(String(line[..<colon]), String(value))
    }
    return true
  }

  func takeBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count <= bodyBytesMax - body.count else {
      overflow = .body
      return false
    }
    unsafe body.append(contentsOf: bytes)
    return true
  }

  /// Counts what goes over the wire, headers included, under TLS before it is enciphered.
  func count(_ kind: curl_infotype, _ bytes: Int) {
    switch kind {
    case CURLINFO_HEADER_OUT, CURLINFO_DATA_OUT: bytesSent += bytes
    case CURLINFO_HEADER_IN, CURLINFO_DATA_IN: bytesReceived += bytes
    default: break
    }
  }

  /// False when the transfer is to stop.
  ///
  /// - Parameter all: bytes up and down in all, as far as libcurl knows; 0 where it does not.
  func goesOn(up: Int, down: Int, of all: (up: Int, down: Int)) -> Bool {
    if let report {
      let now = ContinuousClock.now
      if nextReport.map({ now >= $0 }) ?? true {
        nextReport = now + .milliseconds(200)
        report(Progress(bytesUp: up, bytesDown: down, bytesExpected: expected(up, all)))
      }
    }
    return !isCancelled()
  }

  private func expected(_ up: Int, _ all: (up: Int, down: Int)) -> Int? {
    // RFC 9110 §14.4, `bytes 0-99/1000`.
    let range = headers["Content-Range"]?.split { " -/".contains($0) } ?? []
    if status == 206, range.count == 4, let start = Int(range[1]), let end = Int(range[3]),
      end > start
    {
      return all.up + min(end - start, Self.expectedMax)
    }
    if all.down > 0 { return all.up + min(all.down, Self.expectedMax) }
    return up < all.up ? all.up : nil
  }

  /// Whatever a server says, sums of it do not overflow.
  private static let expectedMax = 1 << 50

  private static func status(of line: Substring.UTF8View) -> Int {
    let parts = line.split(separator: 0x20, maxSplits: 2)
    guard parts.count >= 2, parts[0].starts(with: "HTTP/1.".utf8), parts[1].count == 3 else {
      return 0
    }
    return Int(Substring(parts[1])) ?? 0
  }
}

extension Transfer {
  /// Points a handle's callbacks here; `self` must outlive `perform`.
  func attach(to easy: borrowing Easy) throws(CurlError) {
    let me = unsafe UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    try unsafe easy.set(CURLOPT_WRITEDATA, me)
    try unsafe easy.set(CURLOPT_HEADERDATA, me)
    try unsafe easy.set(CURLOPT_XFERINFODATA, me)
    try unsafe easy.set(CURLOPT_DEBUGDATA, me)
    try unsafe easy.set(CURLOPT_WRITEFUNCTION) { bytes, _, count, context in
      guard let (transfer, part) = unsafe Transfer.find(context, bytes, count) else { return 0 }
      return unsafe transfer.takeBody(part) ? count : 0
    }
    try unsafe easy.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      guard let (transfer, part) = unsafe Transfer.find(context, bytes, size * count) else {
        return 0
      }
      return unsafe transfer.takeHeader(part) ? size * count : 0
    }
    try unsafe easy.setProgress { context, allDown, down, allUp, up in
      guard let (transfer, _) = unsafe Transfer.find(context, nil, 0) else { return 1 }
      let all = (up: Int(allUp), down: Int(allDown))
      return transfer.goesOn(up: Int(up), down: Int(down), of: all) ? 0 : 1
    }
    try unsafe easy.setTrace { _, kind, _, count, context in
      if let (transfer, _) = unsafe Transfer.find(context, nil, 0) { transfer.count(kind, count) }
      return 0
    }
  }

  private static func find(
    _ context: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int
  ) -> (Transfer, UnsafeBufferPointer<UInt8>)? {
    guard let context = unsafe context else { return nil }
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let start = unsafe UnsafeRawPointer(bytes)?.assumingMemoryBound(to: UInt8.self)
    return unsafe (transfer, UnsafeBufferPointer(start: start, count: start == nil ? 0 : count))
  }
}
