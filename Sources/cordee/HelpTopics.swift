import Changes
import Registry

/// What several commands share, read by `cordee help TOPIC`.
struct HelpTopic: Sendable {
  let name: String
  let summary: String
  /// Lines that are wrapped; those that begin with a space stand as they are.
  let text: [String]

  /// Prints the topic.
  func show(to console: Console) {
    for line in text {
      let lines = line.hasPrefix(" ") ? [line] : wrapped(line, width: console.width)
      for line in lines { console.print(line) }
    }
  }

  /// The tables that help explains, too.
  static let tables = Schema.registry.tables.map(\.name)

  static let all = [environment, exitCodes, fields, durations, references, schedules]

  static let environment = HelpTopic(
    name: "environment", summary: "where files are and what the environment changes",
    text: [
      "A command uses the replica named by --replica, else by CORDEE_REPLICA, else",
      "  $XDG_DATA_HOME/cordee/replica.sqlite   (or ~/.local/share/cordee/replica.sqlite)",
      "Secret keys are never in a replica; they stand beside it in",
      "  $XDG_DATA_HOME/cordee/keys             (or ~/.local/share/cordee/keys)",
      "An https central is trusted if its certificate is by an authority that this machine trusts, or by one in the PEM "
        + "file that CURL_CA_BUNDLE or SSL_CERT_FILE names, which then stands for the machine's own.",
      "NO_COLOR turns colour off. Nothing is coloured or drawn over when output is piped.",
    ])

  static let exitCodes = HelpTopic(
    name: "exit-codes", summary: "what the program's exit codes mean",
    text: [
      "  0   done",
      "  1   failed; the line on standard error says why and what to do",
      "  2   the command line was not understood; nothing was tried",
      "  3   done as far as it goes; what is left needs a person's decision: from sync, status,",
      "      conflicts, verify, doctor, central merge and central status alone",
      "central merge ends with 3 if that merge refused something or opened a conflict; central status and doctor "
        + "--data while a merge refused something that nobody has looked at in central reports, which is then told.",
      "verify ends with 0 when all it has to say is that the file holds somebody's own table or column.",
      "With --json a failure is one JSON object on standard error (RFC 9457) whose type begins"
        + " with urn:cordee:problem: and stays the same from version to version.",
    ])

  static let fields = HelpTopic(
    name: "fields", summary: "how values are written on the command line",
    text: [
      "FIELD=VALUE sets a field; the first = splits, so a value may hold more of them. FIELD= "
        + "with nothing after it sets NULL. A field is named once per command. Quote what the "
        + "shell would split:",
      "  cordee set organisation/fonds 'name_en=Fonds mondial' website=",
      "Words that begin with a dash follow after --:",
      "  cordee get -- -odd-id",
    ])

  static let durations = HelpTopic(
    name: "durations", summary: "how spans of time and moments are written",
    text: [
      "A whole number and its unit: 30s, 15m, 6h, 2d. Ten years at most.",
      "Where a moment is asked for, a span goes back from now; a day such as 2026-01-31 begins at "
        + "midnight UTC, and a time says its offset: 2026-01-31T10:00Z, 2026-01-31T11:00+01:00.",
    ])

  static let references = HelpTopic(
    name: "references", summary: "how a row is named (REF)",
    text: [
      "REF is table/slug, table/id, or the beginning of an id (four characters or more) where no "
        + "other row's id begins alike. cordee list prints them:",
      "  organisation/ecuador     place/857cf889     857cf889",
      "A field that refers to another row is written without _id and with a REF:",
      "  cordee add membership body=organisation/ilgsse member=organisation/quebec",
      "If two rows share a slug the command fails and lists both ids.",
    ])

  static let schedules = HelpTopic(
    name: "schedules", summary: "when central merges",
    text: [
      "  every 15m                   each 15 minutes; s, m, h or d",
      "  hourly                      each full hour",
      "  daily 02:00 Europe/Paris    each day when a clock there shows that time",
      "  0 */6 * * 1-5 Europe/Paris  five fields of cron: minute, hour, day, month, weekday",
      "  on-push                     after every push, at once",
      "  manual                      only by \"cordee central merge\", as from a systemd timer",
      "Without a zone a schedule is in UTC. An hour that a clock change skips runs once, right after "
        + "it; one that comes twice runs once. Runs missed while nothing served are made up by "
        + "one, if something waits from before.",
    ])
}
