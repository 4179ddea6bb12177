import Changes
public import HTTP
import Registry
import Seal
import Wire

/// The public pages: requests in, responses out, nothing read or kept here.
///
/// `fixed` answers what needs no registry; for the rest the caller passes the state of the last merge to `answer`.
public enum Pages {
  private enum Route {
    case home
    case list(Format)
    case style
    case health
  }

  private enum Format { case html, json, csv }

  private static func route(_ path: String) -> Route? {
    switch path {
    case "/": .home
    case "/official-list.html": .list(.html)
    case "/official-list.json": .list(.json)
    case "/official-list.csv": .list(.csv)
    case "/style.css": .style
    case "/healthz": .health
    default: nil
    }
  }

  /// The answer to what needs no registry: an unknown address, a wrong method, looks, health; else nil.
  public static func fixed(_ request: Request) -> Response? {
    guard let route = route(request.path) else {
      return problem(404, "There is nothing at this address.")
    }
    guard ["GET", "HEAD"].contains(request.method) else {
      var response = problem(405, "This address can only be read, by GET or HEAD.")
      response.headers.set("Allow", "GET, HEAD")
      return response
    }
    switch route {
    case .style:
      return fresh("text/css; charset=utf-8", Array(Style.sheet.utf8), request, seconds: 86_400)
    case .health:
      var response = Response(
        status: 200, contentType: "text/plain; charset=utf-8", bytes: Array("ok\n".utf8))
      guarded(&response)
      response.headers.set("Cache-Control", "no-store")
      return response
    case .home, .list: return nil
    }
  }

  /// The answer to any request, made of `state`; 304 where the reader holds these very bytes.
  ///
  /// - Complexity: O(rows · log rows) for the list and the first page.
  public static func answer(_ request: Request, _ state: PublicState) -> Response {
    if let response = fixed(request) { return response }
    switch route(request.path) {
    case .list(let format): return list(request, format, state)
    default: return fresh(html, HomePage.bytes(state), request, seconds: 60)
    }
  }

  /// The answer while the registry cannot be read.
  public static var unavailable: Response {
    var response = problem(503, "The registry cannot be read at the moment. Try again later.")
    response.headers.set("Retry-After", "60")
    return response
  }

  private static func list(_ request: Request, _ format: Format, _ state: PublicState) -> Response {
    let days = request.query.values("on")
    // A value with a broken escape is left out of the query; it must not pass for none.
    let asked = request.target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1).dropFirst()
      .flatMap { $0.split(separator: UInt8(ascii: "&")) }
      .count { $0.elementsEqual("on".utf8) || $0.starts(with: "on=".utf8) }
    let isGood = days.count <= 1 && asked <= days.count && days.allSatisfy(ValueFormat.day.accepts)
    guard isGood else { return badDay(format) }
    guard let day = days.first ?? state.rows.newestDay else {
      let line = "No list and no membership is recorded yet; ask for a day with on=YYYY-MM-DD."
      return refused(404, line, "list.none", format)
    }
    let list = OfficialList(state.rows, on: day)
    switch format {
    case .html: return fresh(html, ListPage.bytes(list, site: state.title), request, seconds: 60)
    case .json:
      let bytes = list.json.bytes() + [UInt8(ascii: "\n")]
      return fresh("application/json", bytes, request, seconds: 60)
    case .csv:
      var response = fresh(
        "text/csv; charset=utf-8; header=present", Array(list.csv.utf8), request, seconds: 60)
      response.headers.set(
        "Content-Disposition", "inline; filename=\"official-list-\(day).csv\"")
      return response
    }
  }

  private static func badDay(_ format: Format) -> Response {
    let line =
      "The day after on= is wrong: one \(ValueFormat.day.expected.dropFirst(2)) is expected."
    return refused(400, line, "day.form", format)
  }

  /// A refusal in the form that was asked for.
  private static func refused(_ status: Int, _ line: String, _ code: String, _ format: Format)
    -> Response
  {
    switch format {
    case .html: return problem(status, line)
    case .json:
      var response = Response(
        status: status, contentType: "application/problem+json",
        bytes: Problem(code, status: status, line).json.bytes())
      guarded(&response)
      return response
    case .csv:
      var response = Response(
        status: status, contentType: "text/plain; charset=utf-8", bytes: Array("\(line)\n".utf8))
      guarded(&response)
      return response
    }
  }

  private static let html = "text/html; charset=utf-8"

  /// A page with one line.
  private static func problem(_ status: Int, _ line: String) -> Response {
    let titles = [
      400: "Bad request", 404: "Not found", 405: "Not allowed", 503: "Not available",
    ]
    var response = Response(
      status: status, contentType: html,
      bytes: Page.bytes(titles[status] ?? "Problem", site: "Cordée", [.of("p", .text(line))]))
    guarded(&response)
    response.headers.set("Cache-Control", "no-store")
    return response
  }

  /// A body with its entity tag, or 304 where `If-None-Match` names it (RFC 9110 section 13.1.2).
  private static func fresh(
    _ contentType: String, _ bytes: [UInt8], _ request: Request, seconds: Int
  ) -> Response {
    let tag = "\"\(Base64URL.encode(Blake2b.hash(bytes, bytes: 16)))\""
    let held = request.headers.values("If-None-Match").flatMap {
      $0.split(separator: ",").map { $0.drop { $0 == " " || $0 == "\t" } }
    }
    let isHeld = held.contains { part in
      let opaque = part.hasPrefix("W/") ? part.dropFirst(2) : part
      let end = opaque.lastIndex { $0 != " " && $0 != "\t" }
      return end.map { opaque[...$0] == tag || opaque[...$0] == "*" } ?? false
    }
    var response =
      isHeld
      ? Response(status: 304)
      : Response(status: 200, contentType: contentType, bytes: bytes)
    guarded(&response)
    response.headers.set("ETag", tag)
    response.headers.set("Cache-Control", "public, max-age=\(seconds)")
    return response
  }

  /// What a browser may do with an answer: nothing but show it in this site's looks.
  private static func guarded(_ response: inout Response) {
    response.headers.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers.set("X-Content-Type-Options", "nosniff")
    response.headers.set("Referrer-Policy", "no-referrer")
  }
}
