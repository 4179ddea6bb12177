"""log.json: chapters 8, 10 and 11. One author signs as author and as central."""
import cases_push as push
import cases_changes
import rules
import rules_sync

INSTANCE = push.INSTANCE


def entry_line(seq, line, reason=None, signatures=None):
    """SP-1001"""
    text = f'{{"seq":{seq}'
    if reason:
        text += f',"verdict":"quarantined","reason":{rules.string_text(reason)}'
    if signatures:
        text += f',"signatures":{rules.write(signatures)}'
    return text + f',"change":{line}}}'


def checkpoint(seq, head):
    """SP-808"""
    return rules.write({"network": push.NETWORK, "instance": INSTANCE, "space": push.SPACE, "seq": seq, "hash": rules.b64(head),
                        "at": cases_changes.AT}).encode()


def signed(member, content, prefix):
    """The line with central's word."""
    return '{"%s":%s,"signatures":%s}' % (member, content.decode(), rules.write(push.signatures(prefix + content)))


def log():
    entries, previous, chain = [], rules.ZERO, rules.ZERO
    lines, _ = push.change_lines(1, 3, rules.ZERO, {push.OTHER: 1})
    reason = "value.form: club/club-2 name needs \u00e9"
    for n, (line, seq) in enumerate(zip(lines, (1, 2, 7)), 1):
        header, body, of_body = rules.read_line(line)
        chain = rules.change_hash(chain, of_body, header)
        why = reason if n == 2 else None
        if n == 2:
            line = b'{"header":' + header + b',"body_hash":"' + rules.b64(of_body).encode() + b'"}'
        verdict = rules_sync.verdict_text(why)
        previous = rules_sync.log_hash(previous, seq, push.ACTOR, n, why, chain)
        signatures = push.signatures(push.segment_message(n, chain)) if n == 3 else None
        entries.append({"rules": ["SP-807", "SP-1001", "SP-1006", "SP-1007", "SP-1011"], "seq": seq, "n": n, "verdict": verdict,
                        "withheld": n == 2, "change_hash": rules.b64(chain), "log_hash": rules.b64(previous),
                        "line": entry_line(seq, line.decode(), why, signatures)})
    end = checkpoint(7, previous)
    good = entries[0]["line"]
    bad = [good.replace('"seq":1', '"seq":0'), good.replace('"seq":1', '"seq":"1"'), good.replace('"seq":1,', '"seq":1,"verdict":"maybe",'),
           good.replace('"seq":1,', '"seq":1,"verdict":"quarantined",'), good.replace('"change"', '"chang"'), "{}", "[]",
           good.replace('"seq":1,', '"seq":1,"signatures":[{"key":"x"}],'), good[:-1], '{"checkpoint":{},"signatures":[]}']
    description = rules.write({
        "network": push.NETWORK, "instance": INSTANCE, "space": push.SPACE, "seq": 7, "log_hash": rules.b64(previous), "at": cases_changes.AT,
        "rows": 2, "bytes": 4, "hash": rules.b64(rules.hash32(b"cordee.image.1\n", b"abcd")),
        "tables": {"club": [["name", "TEXT"], ["founded", "INTEGER"]], "carried": []}}).encode()
    no_tables = ['{"cordee_x":[]}', '{"A":[]}', '{"a":[["id","TEXT"]]}', '{"a":[["x","DATE"]]}', '{"a":[["x"]]}', "[]"]
    return {
        "about": "A log of three changes, the second quarantined and withheld; the checkpoint at its end; lines that are none; a snapshot of it.",
        "instance": INSTANCE, "network": push.NETWORK, "space": push.SPACE, "key": rules.b64(push.PUBLIC), "entries": entries,
        "checkpoints": [{"rules": ["SP-808", "SP-1002", "SP-1008"], "seq": 7, "signed": end.decode(),
                         "line": signed("checkpoint", end, b"cordee.checkpoint.1\n")}],
        "refused": [{"rule": "SP-1001", "line": text} for text in bad],
        "snapshots": [{"rule": "SP-1101", "image_hex": b"abcd".hex(), "signed": description.decode(),
                       "line": signed("snapshot", description, b"cordee.snapshot.1\n")}],
        "no_snapshots": [{"rule": "SP-1104", "line": signed("snapshot", description, b"cordee.snapshot.1\n").replace(
            '{"club":[["name","TEXT"],["founded","INTEGER"]],"carried":[]}', tables)} for tables in no_tables],
    }
