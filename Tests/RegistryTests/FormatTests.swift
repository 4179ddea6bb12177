import Changes
import Registry
import Testing

@Suite("Forms of values")
struct FormatTests {
  private func check(_ format: ValueFormat, good: [String], bad: [String]) {
    for text in good { #expect(format.accepts(text), "\(format.name): \(text)") }
    for text in bad { #expect(!format.accepts(text), "\(format.name): \(text)") }
  }

  @Test("dates are real days of the calendar, with intervals that do not run backwards")
  func edtf() {
    let bad = [
      "", "13", "2013-13", "2013-00", "2013-1", "2013-02-29", "1900-02-29", "2013-02-31",
      "2013-11-31", "2013-11-00", "2013-11-9", "2013-11-09T10:00:00Z", " 2013", "2013-",
      "-2013", "+2013", "20130109", "2013/", "/2013", "2013/2014/2015", "2013-02/2013-01",
      "2013~", "201X", "٢٠١٣", "２０１３", "2013\u{0}", "2013-11-0\u{0301}9",
    ]
    let days = ["2013-11-09", "2012-02-29", "2000-02-29", "0000-02-29", "9999-12-31"]
    let intervals = ["2013-01-21/2013-01-30", "2013/2014", "2013-06/2013", "2013-01/2013-01"]
    check(.edtf, good: ["2013", "2013-11"] + days + intervals, bad: bad)
    check(.date, good: ["2013", "2013-11"] + days, bad: bad + intervals)
    check(.day, good: days, bad: bad + intervals + ["2013", "2013-11"])
  }

  @Test(
    "a partial date spans all it may mean",
    arguments: [
      ("2012", "2012-01-01", "2012-12-31"), ("2012-02", "2012-02-01", "2012-02-29"),
      ("2100-02", "2100-02-01", "2100-02-28"), ("2013-11-09", "2013-11-09", "2013-11-09"),
    ])
  func span(text: String, earliest: String, latest: String) {
    #expect(PartialDate(text)?.earliest == earliest)
    #expect(PartialDate(text)?.latest == latest)
  }

  @Test("countries are the 249 assigned codes")
  func countries() {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init)
    let count = letters.flatMap { a in letters.map { a + $0 } }.count(
      where: ValueFormat.country.accepts)
    #expect(count == 249)
    check(
      .country, good: ["EC", "FR", "MA", "SS"],
      bad: ["ec", "XX", "QC", "UK", "EU", "AN", "", "E", "ECU", "ЕС", "EC "])
  }

  @Test("subdivisions begin with an assigned country")
  func subdivisions() {
    check(
      .subdivision, good: ["CA-QC", "FR-75C", "FR-74", "US-NY", "GB-ENG", "EC-P"],
      bad: ["QC", "CA-", "CA-QCQC", "ca-qc", "XX-QC", "CA_QC", "CA-Q C", "CA-QÉ", "CA--Q"])
  }

  @Test("regions are three digits")
  func regions() { check(.m49, good: ["005", "155"], bad: ["5", "0005", "00a", "", "٠٠٥"]) }

  @Test("language tags follow the grammar of RFC 5646")
  func languages() {
    check(
      .language,
      good: [
        "fr", "FR", "und", "zh-Hant", "zh-hant-tw", "es-419", "sl-rozaj-biske", "de-CH-1901",
        "zh-cmn-Hans-CN", "x-whatever", "en-a-myext-b-another", "ar-x-a", "i-klingon", "EN-gb-OED",
        "de-1996-u-co-phonebk",
      ],
      bad: [
        "", "f", "fr-", "-fr", "fr--FR", "français", "fr_FR", "a-DE", "de-419-DE", "ar-a-aaa-b",
        "en-a", "x", "x-", "en-a-bbb-a-ccc", "de-1901-1901", "abcdefghi", "en-abcdefghi", "i-nope",
        "fr FR", "1fr", "zh-cmn-cmn-cmn-cmn", "french", "francais", "english-GB",
      ])
  }

  @Test("time zones are named by a place")
  func zones() {
    check(
      .zone,
      good: [
        "UTC", "America/New_York", "America/Argentina/ComodRivadavia", "Africa/Porto-Novo",
        "America/Port-au-Prince", "Africa/Dar_es_Salaam", "Pacific/Chatham",
      ],
      bad: [
        "", "/UTC", "Europe/", "Europe//Paris", "../etc/passwd", "Europe/Pa ris", "+02:00", "CEST",
        "EST5EDT", "paris", "Paris", "europe/paris", "Europe/paris", "Mars/Base", "Etc/GMT+5",
        "Europe/A/B/C", "Europe/P\u{E9}ris", "Europe/../Paris", "GMT",
      ])
  }

  @Test("place codes begin with an assigned country")
  func locodes() {
    check(
      .locode, good: ["FRPAR", "FR PAR", "US2AB"],
      bad: ["", "PAR", "FRPAR1", "frpar", "XXPAR", "FR-PAR", "FR1AB", " FRPAR", "FRP R"])
  }

  @Test("short names suit an address")
  func slugs() {
    check(
      .slug, good: ["un-women", "2013-01-status", "a"],
      bad: ["", "-a", "a-", "a--b", "A", "é", "a_b", "a b", String(repeating: "a", count: 101)])
  }

  @Test("addresses have a host that shows; mail has a host with a dot")
  func urls() {
    check(
      .url,
      good: [
        "https://www.essfi.coop/en/", "http://localhost:8080", "https://example.org?q=1",
        "https://fr.wikipedia.org/wiki/Économie", "https://xn--conomie-9xa.example/#a",
      ],
      bad: [
        "", "https://", "https:///x", "ftp://x.org", "javascript:alert(1)", "https://a b",
        "https://a\n.org", "https://essfi.coop@evil.example/", "HTTPS//x", "https://:80",
        "https://a.org/<script>", "https://a.org/\u{202E}gpj", "https://a.org/\u{A0}",
        "https://essfi..coop", "https://-a.org", "https://a-.org", "https://\u{435}ssfi.coop",
        "https://a.org:0", "https://a.org:70000", "https://a.org:+1", "https://a.org:",
        "https://a.org/" + String(repeating: "a", count: 2_000),
        "https://\(String(repeating: "a", count: 64)).org",
      ])
    check(
      .email, good: ["a@b.org", "jeanne.d'arc+desk@sub.example.org", "josé@example.org"],
      bad: [
        "", "a", "@b", "a@", "a@b@c", "a b@c.org", "a@b.org\n", "a@b", "a@b..org", ".a@b.org",
        "a..b@c.org", "a@-b.org", "<a@b.org>", "a@b.org,c@d.org", "a@b.org\u{202E}",
      ])
  }

  @Test("coded values are compared by bytes")
  func codes() {
    let format = ValueFormat.oneOf("décidé", "open")
    check(format, good: ["décidé", "open"], bad: ["de\u{301}cide\u{301}", "Open", "", "open "])
    #expect(format.expected == "one of décidé, open")
  }
}
