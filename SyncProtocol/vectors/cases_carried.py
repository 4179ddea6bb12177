"""healing.json and bundles.json: chapters 12 and 15."""
import cases_changes
import cases_log
import cases_push as push
import rules
import rules_sync

HASH = rules.b64(rules.hash32(b"log 41"))
ZERO = rules.b64(rules.ZERO)
NEXT = "3" * 32


def verdicts(read, texts):
    """Each text with `accepted` or `refused`."""
    found = []
    for text in texts:
        try:
            read(text.encode())
            verdict = "accepted"
        except rules.Refused:
            verdict = "refused"
        found.append({"line": text, "verdict": verdict})
    return found


def healing():
    question = rules.write({"tail": {"marks": [[41, HASH], [7, rules.b64(rules.hash32(b"log 7"))]]}})
    heads = {push.ACTOR: rules.b64(rules.hash32(b"head"))}
    tail = rules.write({"tail": {"marks": [], "after": [7, rules.b64(rules.hash32(b"log 7"))], "heads": heads}})
    first = rules.write({"tail": {"marks": [], "after": [0, ZERO], "heads": heads}})
    many = rules.write({"tail": {"marks": [[n, HASH] for n in range(1, 66)]}})
    tails = [question, tail, first, many, '{"tail":{}}', question.replace("41", "-1"), question.replace("41", "4.5"),
             question.replace("[41,", "["), question.replace(HASH, HASH[:-1]), tail.replace(push.ACTOR, push.ACTOR[1:]),
             tail.replace(heads[push.ACTOR], "x"), tail[:-1]]
    answer = rules.write({"instance": NEXT, "restoring": True, "common": [7, HASH], "wants": [f"{push.ACTOR}:3"]})
    none = rules.write({"instance": NEXT, "restoring": False, "common": [0, ZERO], "wants": []})
    answers = [answer, none, answer.replace(NEXT, NEXT[1:]), answer.replace('"common"', '"commo"'),
               answer.replace('"wants"', '"want"'), answer[:-1]]
    held = rules.write({"held": {push.ACTOR: 17, push.OTHER: 0}})
    lines = [held, '{"held":{}}', held.replace("17", "-1"), held.replace("17", "1.0"), held.replace(push.ACTOR, "x"), '{"held":[]}',
             held.replace("17", str(2**53))]
    lives = [{"instance": push.INSTANCE, "at": cases_changes.AT, "places": {}},
             {"instance": NEXT, "at": cases_changes.AT, "places": {"bureau": [40, HASH], "commons": [41, HASH]}}]
    told = {"instance": NEXT, "spaces": {"commons": {"seq": 41, "rewound": True}}, "restoring": True, "instances": lives}
    enrolled, _ = push.change_lines(2, 1, rules.hash32(b"previous"))
    header, _, of_body = rules.read_line(enrolled[0])
    entry = rules.change_hash(rules.hash32(b"previous"), of_body, header)
    signed = rules.write(push.signatures(push.segment_message(2, entry)))
    readmission = '{"key":"%s","entry":{"previous":"%s","signatures":%s,"change":%s}}' % (
        rules.b64(push.PUBLIC), rules.b64(rules.hash32(b"previous")), signed, enrolled[0].decode())
    return {
        "about": "What heals a restored central: tails and what is answered, heads asked for, central's lives in the answer to hello, a device that "
                 "shows how it was enrolled (with what its signature covers).",
        "tails": [{"rule": "SP-1203"} | item for item in verdicts(rules_sync.read_tail, tails)],
        "answers": [{"rule": "SP-1204"} | item for item in verdicts(rules_sync.read_tail_answer, answers)],
        "held": [{"rule": "SP-1207"} | item for item in verdicts(rules_sync.read_held, lines)],
        "lives": [{"rule": "SP-1201", "answer": rules.write(told), "instances": [life["instance"] for life in lives], "seq": 41}],
        "bodies": [{"rule": "SP-1208", "line": '{"bodies":true}'}],
        "readmissions": [{"rule": "SP-1209", "request": readmission, "message": push.segment_message(2, entry).decode()}],
    }


def bundles():
    file = push.segments()
    lines = [line for item in file["segments"] for line in [item["line"], *item["changes"]]]
    log = cases_log.log()
    receipt = file["receipts"][0]["line"]
    entries = [item["line"] for item in log["entries"]] + [log["checkpoints"][0]["line"]]

    def head(kind, start, end, **more):
        return rules.write({"bundle": 1, "kind": kind, "network": push.NETWORK, "maker": push.ACTOR[:32]} | more | {
            "at": cases_changes.AT, "sections": [{"space": push.SPACE, "from": start, "to": end}]})

    def whole(first, content, before=()):
        content = [*before, rules.write({"space": push.SPACE})] + content
        return [first, *content, rules.write({"end": len(content)})]

    told = rules.write({"network": push.NETWORK, "instances": [
        {"instance": NEXT, "at": "", "places": {}},
        {"instance": push.INSTANCE, "at": cases_changes.AT, "places": {push.SPACE: [3, HASH]}}]})
    message = b"cordee.lives.1\n" + told.encode()
    lives = '{"lives":%s,"signatures":%s}' % (told, rules.write(push.signatures(message)))
    lists = [lives, lives.replace(push.NETWORK, push.NETWORK[1:]), lives.replace(NEXT, NEXT[1:]), lives.replace('"instances"', '"instance"'),
             lives.replace("[3,", "[-3,"), lives.replace('"lives"', '"life"'), lives.replace('"signatures"', '"signature"'), lives[:-1]]
    changes = whole(head("changes", "0", "6"), lines)
    carried = whole(head("log", push.cursor(0), f"{push.INSTANCE}.7.{log['entries'][-1]['log_hash']}", **{"for": push.OTHER[:32]}),
                    [receipt, *entries], before=[lives])
    first = changes[0]
    heads = [first, carried[0], first.replace('"bundle":1', '"bundle":2'), first.replace("changes", "change"),
             first.replace(push.NETWORK, push.NETWORK[1:]), first.replace('"sections"', '"section"'), first.replace("commons", "Commons"),
             first.replace('"from":"0"', '"from":0'), "{}", first[:-1]]
    others = [lives, '{"space":"commons"}', '{"space":7}', '{"space":"Commons"}', '{"end":0}', '{"end":-1}', '{"end":"1"}', "{}", "[]"]
    return {
        "about": "Two bundles, line by line and what each line is, of the segments and the log of the other files; lines that are none; the list of "
                 "central's lives, with what its signature covers.",
        "bundles": [{"rules": ["SP-1501", "SP-1502"], "kind": kind, "lines": text,
                     "kinds": [rules_sync.read_bundle_line(line.encode())[0] for line in text[1:]]}
                    for kind, text in (("changes", changes), ("log", carried))],
        "heads": [{"rule": "SP-1501"} | item for item in verdicts(rules_sync.read_bundle, heads)],
        "lines": [{"rule": "SP-1502"} | item for item in verdicts(rules_sync.read_bundle_line, others)],
        "lists": [{"rule": "SP-1509"} | item for item in verdicts(rules_sync.read_lives, lists)],
        "lives": [{"rule": "SP-1509", "line": lives, "message": message.decode(), "instances": [NEXT, push.INSTANCE]}],
    }
