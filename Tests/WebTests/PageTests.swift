import Foundation
import HTTP
import Registry
import SQLite
import Testing
import Web
import Wire

@Suite("Public pages", .timeLimit(.minutes(15)))
struct PageTests {
  private func get(_ target: String, _ state: PublicState) -> Response {
    Pages.answer(Request(method: "GET", target: target), state)
  }

  private static let labels = [
    "France", "Morocco", "Luxembourg", "Ecuador", "Colombia", "Quebec",
    "The UN Inter-agency Task Force on SSE",
    "The association of The Mont-Blanc Meetings (MBM) – International Forum of the Social and Solidarity Economy Entrepreneurs",
    "International Co-operative Alliance (ICA)",
    "International Association of Mutual Benefit Societies (AIM)",
    "International Association of Francophone Mayors (IAFM)",
    "Global fund for cities development (FMDV)",
  ]

  @Test("JSON, CSV and HTML show the same twelve and nineteen as at 17 September 2014")
  func sameEntries() throws {
    let registered = try Registered()
    let state = try registered.state()
    for query in ["?on=2014-09-17", ""] {
      let json = try JSON.parse(get("/official-list.json\(query)", state).bytes)
      let csv = get("/official-list.csv\(query)", state).text.split(separator: "\r\n")
        .dropFirst().map {
          $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
      let html = try registered.parsed(get("/official-list.html\(query)", state).bytes)
      let entries = try #require(json["entries"]?.array)
      #expect(entries.compactMap { $0["label"]?.string } == Self.labels)
      #expect(entries.map { $0["members"]?.array?.count } == [0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 0, 0])
      let unfolded = entries.flatMap { [$0] + ($0["members"]?.array ?? []) }
      let labels = unfolded.compactMap { $0["label"]?.string }
      let countries = unfolded.map { $0["country"]?.string ?? "" }
      #expect(csv.map { $0[5] } == labels)
      #expect(csv.map { $0[8] } == countries)
      let rows = try #require(html["rows"]?.array).map(\.strings)
      #expect(rows[0] == ["Place", "Member", "Country", "Known by"])
      #expect(rows.dropFirst().map { $0[1] } == labels)
      #expect(rows.dropFirst().map { $0[2] } == countries)
      #expect(
        rows.dropFirst().map { $0[0] }.filter { !$0.contains(".") } == (1...12).map(String.init))
    }
  }

  @Test("the day before is not attested in every form: null, no member, and words")
  func notAttested() throws {
    let registered = try Registered()
    let state = try registered.state()
    let json = try JSON.parse(get("/official-list.json?on=2014-09-16", state).bytes)
    #expect(json["entries"]?.text() == "null")
    #expect(json["not_attested"]?.array?.count == 12)
    let html = try registered.parsed(get("/official-list.html?on=2014-09-16", state).bytes)
    #expect(html["text"]?.string?.contains("Not attested as at 2014-09-16.") == true)
    #expect(html["text"]?.string?.contains("Official stakeholders as at") == false)
  }

  @Test(
    "every page is well-formed, has one heading, a language and a way past the navigation",
    arguments: ["/", "/official-list.html", "/official-list.html?on=2014-09-16", "/nothing"])
  func wellFormed(target: String) throws {
    let registered = try Registered()
    let html = try registered.parsed(get(target, try registered.state()).bytes)
    #expect(html["faults"]?.strings == [])
    let tags = try #require(html["tags"]?.strings)
    #expect(tags.count { $0 == "h1" } == 1 && tags.count { $0 == "main" } == 1)
    #expect(!tags.contains("script") && !tags.contains("img") && !tags.contains("iframe"))
    #expect(html["links"]?.strings.contains("#main") == true)
    #expect(html["text"]?.string?.contains("Skip to the content") == true)
  }

  @Test("the first page says who, what, how fresh, and invents no contact")
  func home() throws {
    let registered = try Registered()
    let html = try registered.parsed(get("/", try registered.state()).bytes)
    let text = try #require(html["text"]?.string)
    for part in [
      "International Leading Group on Social and Solidarity Economy",
      "promote the social and solidarity economy (SSE) in the world", "in the network Rope",
      "Official stakeholders as at 2014-09-17: 12", "2026-11-24T03:00:00Z",
      "entry 42, hash abababababababab…", "No contact is recorded.",
    ] { #expect(text.contains(part), "\(part)") }
    let links = try #require(html["links"]?.strings)
    for format in ["json", "csv"] {
      #expect(links.contains("/official-list.\(format)?on=2014-09-17"))
    }
    #expect(links.allSatisfy { $0.hasPrefix("/") || $0.hasPrefix("#") }, "nothing leads away")
    let empty = try registered.parsed(get("/", PublicState()).bytes)
    #expect(empty["faults"]?.strings == [])
    #expect(empty["text"]?.string?.contains("not yet") == true)
  }

  @Test("a contact that is recorded is shown; an address that is none is not linked")
  func contact() throws {
    let registered = try Registered()
    let sql =
      "UPDATE organisation SET contact = ?, contact_email = ?, website = ? WHERE kind = 'leading_group'"
    try registered.run(
      sql, .text("Desk, 1st floor"), .text("desk@example.org"), .text("https://example.org/"))
    let good = get("/", try registered.state()).text
    #expect(good.contains("Desk, 1st floor"))
    #expect(good.contains("<a href=\"mailto:desk@example.org\">"))
    #expect(good.contains("<a href=\"https://example.org/\">"))
    try registered.run(
      sql, .text("<b>"), .text("x\" onclick=\"y@z.org"), .text("javascript:alert(1)"))
    let bad = get("/", try registered.state()).text
    #expect(!bad.contains("<b>") && !bad.contains("onclick") && !bad.contains("javascript"))
  }

  @Test("hostile values are text everywhere, and turn or break nothing")
  func hostile() throws {
    let registered = try Registered()
    let evil = "</th><script>alert('\"1\"')</script>&amp;\u{202E}gpj\u{1B}[2J\u{2028}\n\u{0}--><!--"
    try registered.run(
      "UPDATE official_list_entry SET label = ? WHERE label = 'Ecuador'", .text(evil))
    try registered.run("UPDATE organisation SET country = ? WHERE slug = 'france'", .text("<i>'\""))
    try registered.run(
      "UPDATE organisation SET name_en = ?, objective = ? WHERE kind = 'leading_group'",
      .text("</title><script>1</script>"), .text(evil))
    var state = try registered.state()
    state.network = "\"><script>2</script>"
    for target in ["/", "/official-list.html"] {
      let page = get(target, state)
      #expect(!page.text.contains("<script") && !page.text.contains("<i>"))
      #expect(
        page.text.unicodeScalars.allSatisfy {
          $0 == "\n"
            || $0.properties.generalCategory != .control && $0 != "\u{202E}"
              && $0 != "\u{2028}"
        })
      let html = try registered.parsed(page.bytes)
      #expect(html["faults"]?.strings == [], "\(target)")
      let rows = try #require(html["rows"]?.array).map(\.strings)
      #expect(rows.count == 32)
      #expect(
        rows[4][1]
          == "</th><script>alert('\"1\"')</script>&amp;\u{FFFD}gpj\u{FFFD}[2J  \u{FFFD}--><!--")
      #expect(rows[1][2] == "<i>'\"")
    }
    let json = try JSON.parse(get("/official-list.json", state).bytes)
    #expect(json["entries"]?.array?[3]["label"]?.string == evil, "programs get the exact value")
  }

  @Test("only what is in commons and not for members alone can be shown")
  func visibility() throws {
    let registered = try Registered()
    try registered.run(
      "INSERT INTO minutes_draft(id, body) VALUES('d1', 'SECRET-DRAFT')")
    try registered.run(
      "UPDATE organisation SET visibility = 'members', note = 'SECRET' WHERE slug IN ('quebec', 'tdr')"
    )
    let state = try registered.state()
    for target in ["/", "/official-list.html", "/official-list.json", "/official-list.csv"] {
      let text = get(target, state).text
      #expect(!text.contains("SECRET") && !text.contains("Quebec") && !text.contains("TDR"))
      #expect(text.contains("Ecuador") && text.contains("OECD"))
    }
    try registered.run(
      "UPDATE organisation SET visibility = 'members' WHERE kind = 'leading_group'")
    let hidden = try registered.state()
    #expect(!get("/", hidden).text.contains("Leading Group"))
    #expect(get("/", hidden).text.contains("No list and no membership is recorded yet."))
  }

  @Test(
    "a day that is none is refused with one clear line",
    arguments: [
      "on=", "on", "on=2014", "on=2014-02-30", "on=17-09-2014", "on=%ZZ", "on=2014-09-17%0A",
      "on=2014-09-17&on=2014-09-16", "on=<script>", "on=%D9%A2014-09-17", "x=1&on=yesterday",
    ])
  func badDay(query: String) throws {
    let state = PublicState()
    let html = get("/official-list.html?\(query)", state)
    let json = get("/official-list.json?\(query)", state)
    let csv = get("/official-list.csv?\(query)", state)
    for answer in [html, json, csv] {
      #expect(answer.status == 400)
      #expect(answer.text.contains("day as `2014-09-17` is expected"))
      #expect(!answer.text.contains("yesterday") && !answer.text.contains("<script"))
    }
    #expect(json.headers["Content-Type"] == "application/problem+json")
    #expect(try JSON.parse(json.bytes)["type"]?.string == "urn:cordee:problem:day.form")
    #expect(csv.text.split(separator: "\n").count == 1)
  }

  @Test("without a day and without any record there is no list to show")
  func noDay() {
    #expect(get("/official-list.json", PublicState()).status == 404)
    #expect(get("/official-list.json?on=2020-01-01", PublicState()).status == 200)
  }

  @Test("a list kept as a file has its looks inside and leads nowhere")
  func file() throws {
    let registered = try Registered()
    let list = OfficialList(try OfficialListRows(registered.store), on: "2014-09-17")
    let html = try registered.parsed(ListPage.file(list, site: "A & B"))
    #expect(html["faults"]?.strings == [])
    #expect(html["links"]?.strings == ["#main"])
    #expect(html["tags"]?.strings.contains("style") == true)
    #expect(html["rows"]?.array?.count == 32)
    let source = String(decoding: ListPage.file(list, site: "A & B"), as: UTF8.self)
    #expect(source.contains("prefers-color-scheme:dark") && source.contains("@media print"))
    #expect(source.contains("– A &amp; B</title>"))
  }
}
