/// Where rules are tested that no vector shows: a file of `Tests`, and words of the test's name.
///
/// Tests of the rooms are named for what a member sees, so that the numbers stand here.
enum TestedRules {
  static let table: [(rules: [Int], file: String, test: String)] = [
    ([109], "WireTests/EncodingTests", "labels are the calendar's"),
    ([308, 1301, 1302], "CentralTests/TwinTests", "both write the same row: both values stand"),
    (
      [309, 310], "StoreTests/CaptureTests", "each kind of statement seals exactly what it changed"
    ),
    ([311, 711], "CentralTests/RopeTests", "is on every replica after the merge, and not before"),
    ([312], "CentralTests/WeatherTests", "end in equal content everywhere"),
    ([314], "CentralTests/HeldBackTests", "an edit larger than a change waits for its author"),
    ([410, 1401], "StoreTests/CaptureTests", "what a newer schema writes is carried"),
    (
      [411, 805, 806, 1010, 1701], "CentralTests/RopeTests",
      "quarantined alone, undone on its author"
    ),
    ([412], "CentralTests/RopeTests", "different fields of one record, edited offline"),
    ([503], "HTTPTests/FramingTests", "A doubtful request is refused once"),
    ([508], "CentralTests/RopeTests", "a flipped byte, a replay and a stranger's key"),
    ([509], "CentralTests/RopeTests", "a clock wrong by twenty years"),
    ([511], "CentralTests/TransferTests", "A request is repeated with growing, spread pauses"),
    ([512], "CentralTests/TransferTests", "Central takes a body compressed once by zstd"),
    ([513], "CentralTests/TransferTests", "Every bulk answer can be had uncompressed"),
    ([514], "CentralTests/LimitTests", "A device asks too often"),
    ([601, 608], "CentralTests/RopeTests", "a member never receives the bureau's space"),
    ([603, 604, 606], "CentralTests/RopeTests", "an invite is used once, expires, and pins"),
    ([605, 1610, 1611], "CentralTests/AuditTests", "A sound file has nothing found"),
    ([607, 712], "CentralTests/OffersTests", "a revoked author is refused alone"),
    ([702], "CentralTests/TwinTests", "noticed by the push, and by the pull"),
    ([708, 1009], "CentralTests/RopeTests", "a flipped byte, a replay and a stranger's key"),
    ([710], "CentralTests/RopeTests", "the same push sent twice"),
    ([801], "CentralTests/MergeReportTests", "a trial judges everything and changes nothing"),
    ([802, 810], "CentralTests/MergeReportTests", "devices are heard by name"),
    ([802], "CentralTests/RareMomentTests", "before its author's enrolment names the author first"),
    ([803], "CentralTests/OffersTests", "two cuts of one chain overlap and agree"),
    ([804], "CentralTests/MergeReportTests", "segments out of order: the later waits"),
    ([809], "CentralTests/AuditTests", "A sound file has nothing found"),
    (
      [902, 903, 904, 905, 906, 907, 908], "SchedulesTests/VectorTests",
      "runs are those of the vectors"
    ),
    ([909], "CommandTests/MergeClockTests", "a night slept through is one merge"),
    ([1004, 1005], "CentralTests/TransferTests", "A pull in many pieces is spooled"),
    ([1102, 1105], "CentralTests/SnapshotTests", "A cut transfer goes on where it ended"),
    ([1103, 1106, 1107], "CentralTests/SnapshotTests", "A newcomer takes the image"),
    ([1201], "CentralTests/HealingTests", "open invites are void"),
    ([1202], "CentralTests/HealingTests", "what only that one held is offered again"),
    ([1203, 1204], "CentralTests/HealingTests", "cut after any request"),
    ([1205], "CentralTests/RewindTests", "a replica that claims a place"),
    ([1206], "CentralTests/RestoreTests", "places, verdicts, hashes, content"),
    ([1206], "CentralTests/RewindTests", "one is named, the other is judged anew"),
    ([1207], "CentralTests/HealingTests", "what was received and not merged"),
    ([1208], "CentralTests/HealingTests", "the body that others never had"),
    ([1209], "CentralTests/HealingTests", "a device enrolled after the backup"),
    ([1210], "CentralTests/HealingTests", "declared lost by name"),
    ([1303], "CentralTests/TwinTests", "the point both have is found among thousands"),
    ([1304], "CentralTests/EpochTests", "unsent changes keep their writes, labels, order"),
    ([1305], "CentralTests/EpochTests", "after it everything merges"),
    ([1306], "CentralTests/RareMomentTests", "left waiting under a former name that a twin took"),
    ([1403], "CentralTests/SnapshotTests", "that this schema does not know"),
    ([1402], "StoreTests/CaptureTests", "a newer replica are refused"),
    ([1601, 1602, 1603, 1607], "CentralTests/AuditTests", "What SQL can spoil is found"),
    ([1606, 1608], "StoreTests/SharedFileTests", "are one row still"),
    ([1609, 1612], "CentralTests/AuditTests", "is incomplete until its history is here"),
    ([1702], "SealTests/SignatureTests", "no way to print a key prints its secret"),
  ]
}
