"""epochs.json: chapter 13."""
import cases_changes
import cases_push as push
import rules
import rules_sync

SECRET = bytes([42]) * 16
OLD, NEW, LAST = (cases_changes.A[:32] + f"{epoch:016x}" for epoch in (1, 2, 3))
STEPS = [
    # how many changes of the other author are integrated before it, writes, and the dot it had first if it was sealed again
    (0, [{"table": "club", "id": "a", "insert": {"name": "Alpins", "city": None}}], None),
    (1, [{"table": "club", "id": "a", "set": {"city": "Quito"}}], None),
    (1, [{"table": "club", "id": "b", "insert": {"name": "Zo\u00eb", "city": "Rabat"}}], f"{LAST}:9"),
    (3, [{"table": "club", "id": "club-2", "delete": True}, {"table": "club", "id": "a", "set": {"city": None, "name": "A"}}], None),
]


def key(n):
    return rules_sync.run_key(SECRET, n)


def chain():
    made, context = [], {}
    for n, (heard, writes, was) in enumerate(STEPS, 1):
        seen = {push.ACTOR: heard} if heard else {}
        header = rules.header_bytes(push.NETWORK, push.SPACE, OLD, n, rules.exceeding(seen, context))
        context = seen
        made.append((header, cases_changes.body_bytes(writes, key=rules.b64(key(n)), was=was)))
    return made


def line(change):
    return (b'{"header":' + change[0] + b',"body":' + change[1] + b"}").decode()


def parts(text):
    header, body, _ = rules.read_line(text)
    return header, body


def epochs():
    others, _ = push.change_lines(1, 3, rules.ZERO)
    made = chain()
    again = rules_sync.seal_again(made, 1, NEW, key)
    return {
        "about": "Changes of one actor, between which those of another were integrated, and what they become above a point under a new actor. "
                 "The keys of all bodies come from one secret.",
        "network": push.NETWORK, "space": push.SPACE, "at": cases_changes.AT, "secret": rules.b64(SECRET), "old": OLD, "new": NEW,
        "others": [text.decode() for text in others], "heard": [heard for heard, _, _ in STEPS], "changes": [line(change) for change in made],
        "epochs": [{"rules": ["SP-1304", "SP-1305"], "point": point, "lines": [t.decode() for t in rules_sync.seal_again(made, point, NEW, key)]}
                   for point in (0, 1, 2, 3)],
        "twice": [{"rule": "SP-1304", "actor": LAST, "lines": [t.decode() for t in rules_sync.seal_again(list(map(parts, again)), 0, LAST, key)]}],
    }
