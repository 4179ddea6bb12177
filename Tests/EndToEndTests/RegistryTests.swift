import Foundation
import Testing

extension EndToEnd {
  /// Records of every kind, made by commands with references typed as people name rows.
  @Suite(.timeLimit(.minutes(15))) struct RegistryTests {
    @Test func `chair terms, meetings and proposals are added by reference, and reach others`()
      async throws
    {
      let world = try World()
      try await world.start(merge: "on-push")
      try await world.join("rabat", for: "morocco", as: "chair")
      try await world.join("quito", for: "ecuador")
      func id(_ reference: String) async throws -> String {
        let row = try await world.run("rabat", "get", reference, "--json").object()
        return try #require(row["id"] as? String)
      }
      let (morocco, rio) = try await (id("organisation/morocco"), id("place/rio"))
      let records: [(table: String, fields: [String], holds: [String: Any])] = [
        (
          "chair_term",
          ["state=organisation/morocco", "start=2026-09-17", "end=2027-03", "nominal_months=6"],
          ["state_id": morocco, "start": "2026-09-17", "end": "2027-03", "nominal_months": 6]
        ),
        // By slug alone, by the column's own name, and by the beginning of an id.
        (
          "meeting",
          [
            "slug=fourth", "number=4", "type=stakeholders", "place=rio", "chair_id=morocco",
            "status=planned", "visibility=public",
          ], ["slug": "fourth", "number": 4, "place_id": rio, "chair_id": morocco]
        ),
        (
          "proposal",
          ["slug=p-1", "ref=P/1", "level=international", "title_en=A = B", "state=draft"],
          ["slug": "p-1", "level": "international", "title_en": "A = B"]
        ),
        (
          "minutes_draft", ["meeting=meeting/fourth", "lang=fr", "body=# Séance"],
          ["lang": "fr", "body": "# Séance"]
        ),
      ]
      var made: [String] = []
      for record in records {
        let outcome = try await world.run(
          as: "rabat", ["add", record.table] + record.fields + ["--json"])
        #expect(outcome.exit == 0, "\(outcome.errors)")
        made.append(try #require(try outcome.object()["id"] as? String))
      }
      try await world.sync("rabat", "quito")
      for (record, id) in zip(records, made) {
        let told = try await world.run("quito", "get", "\(record.table)/\(id)", "--json")
        guard record.table != "minutes_draft" else {
          #expect(told.exit == 1, "the bureau's rows stay with the bureau")
          continue
        }
        let row = try told.object()
        for (field, value) in record.holds {
          #expect("\(row[field] ?? "nothing")" == "\(value)", "\(record.table).\(field)")
        }
      }
      let listed = try await world.run(
        "quito", "list", "meeting", "--where", "chair=morocco", "--json"
      ).objects()
      #expect(listed.map { $0["slug"] as? String } == ["fourth"])
      let refused = try await world.run(
        "quito", "add", "minutes_draft", "meeting=fourth", "lang=fr")
      #expect(refused.exit == 1 && refused.errors.contains("may not write in bureau"))
    }
  }
}
