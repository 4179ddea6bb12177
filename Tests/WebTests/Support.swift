import Changes
import Foundation
import HTTP
import HTTPClient
import HTTPServer
import Programs
import Registry
import SQLite
import Seal
import Store
import Synchronization
import Testing
import Web
import Wire

/// A store with the founding records, in a folder that goes with the test.
final class Registered {
  let folder: URL
  let store: Store

  init() throws {
    folder = try Self.newFolder()
    let path = folder.appending(path: "r.sqlite")
    try Self.template.get().write(to: path)
    store = try Store(path: path.path, schema: .registry, use: .replica)
  }

  private static func newFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "cordee-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  // Made once: every test takes a copy.
  private static let template = Result {
    let folder = try newFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "r.sqlite")
    try fill(path.path)
    return try Data(contentsOf: path)
  }

  private static func fill(_ path: String) throws {
    let store = try Store(path: path, schema: .registry, use: .replica, create: true)
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let bytes = try Data(contentsOf: root.appending(path: "Fixtures/seed-records.json"))
    let records = try Seed(JSON.parse(Array(bytes)), hash: { Blake2b.hash([$0]) }).records
    // One commit: a row a commit would wait for the disk hundreds of times.
    try store.withConnection { try $0.execute("BEGIN") }
    for record in records {
      let columns = (["id"] + record.fields.map(\.name)).joined(separator: ", ")
      let marks = Array(repeating: "?", count: record.fields.count + 1).joined(separator: ", ")
      let values = record.fields.map { field -> Argument in
        if case .integer(let number) = field.value {
          .integer(number)
        } else {
          .text(orNull: field.value.text)
        }
      }
      try store.withConnection {
        try $0.run(
          "INSERT INTO \(record.table)(\(columns)) VALUES(\(marks))", [.text(record.id)] + values)
      }
    }
    try store.withConnection { try $0.execute("COMMIT") }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func run(_ sql: String, _ arguments: Argument...) throws {
    try store.withConnection { try $0.run(sql, arguments) }
  }

  func state() throws -> PublicState {
    var state = try PublicState(store, lastMerge: "2026-11-24T03:00:00Z")
    state.network = "Rope"
    state.checkpoint = (42, String(repeating: "ab", count: 32))
    return state
  }

  /// What Python's html.parser makes of a page: its tags in balance, its table rows, its text.
  func parsed(_ html: [UInt8]) throws -> JSON {
    let input = folder.appending(path: "\(UUID()).html")
    try Data(html).write(to: input)
    let (status, said) = try Program.said(by: "/usr/bin/python3", ["-c", Self.script, input.path])
    try #require(status == 0, "\(said)")
    return try JSON.parse(Array(said.utf8))
  }

  private static let script = """
    import html.parser, json, sys
    VOID = {'meta', 'link', 'input'}
    class Reader(html.parser.HTMLParser):
        def __init__(self):
            super().__init__(convert_charrefs=True)
            self.open, self.faults, self.tags, self.rows, self.ids, self.text = [], [], [], [], [], ''
            self.links = []
        def handle_starttag(self, tag, attributes):
            self.tags.append(tag)
            names = [name for name, _ in attributes]
            if len(set(names)) != len(names): self.faults.append('twice ' + tag)
            for name, value in attributes:
                if name.startswith('on') and name != 'on': self.faults.append('handler ' + name)
                if name == 'id': self.ids.append(value)
                if name == 'href': self.links.append(value)
            if tag == 'tr': self.rows.append([])
            if tag in ('td', 'th') and self.rows: self.rows[-1].append('')
            if tag not in VOID: self.open.append(tag)
        def handle_endtag(self, tag):
            if tag in VOID or not self.open or self.open.pop() != tag: self.faults.append('end ' + tag)
        def handle_data(self, data):
            self.text += data
            if any(tag in ('td', 'th') for tag in self.open): self.rows[-1][-1] += data
    with open(sys.argv[1], encoding='utf-8', errors='strict') as file: source = file.read()
    reader = Reader(); reader.feed(source); reader.close()
    faults = reader.faults + ['open ' + tag for tag in reader.open]
    if len(set(reader.ids)) != len(reader.ids): faults.append('id twice')
    if not source.startswith('<!DOCTYPE html>\\n<html lang="'): faults.append('head')
    json.dump(dict(faults=faults, tags=reader.tags, rows=reader.rows, text=reader.text, links=reader.links), sys.stdout)
    """
}

/// A site on a free port of this machine, as central mounts it.
struct Site {
  let server: Server

  init(_ state: PublicState) throws {
    server = try Server(
      listen: .tcp(host: "127.0.0.1", port: 0),
      fault: { Response(status: $0.code.status) }, handler: { Pages.answer($0, state) })
  }

  func send(_ method: String, _ target: String, _ headers: Headers = [:]) throws -> Response {
    var options = CurlExchange.Options()
    options.allowsPlainHTTP = true
    return try CurlExchange(options).send(
      Request(
        method: method, target: target, headers: headers, scheme: "http",
        authority: "127.0.0.1:\(server.port)"), responseBytesMax: 1 << 20)
  }
}

extension Response {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSON {
  var strings: [String] { array?.compactMap(\.string) ?? [] }
}
