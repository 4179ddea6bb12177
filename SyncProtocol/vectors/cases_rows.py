"""rows.json: chapter 4. Histories by hand, then random ones, each delivered in several causal orders."""
import random

import rules

A, B, C = ("%048x" % n for n in (10, 11, 12))
ACTORS = [A, B, C]


def change(actor, n, context, verb, **fields):
    return {"actor": actor, "n": n, "context": context, "verb": verb, "fields": fields}


HAND = [
    ("SP-402", "different fields: both survive, no conflict",
     [change(A, 1, {}, "insert", name="x", city="y"), change(B, 1, {A: 1}, "set", name="b"), change(A, 2, {}, "set", city="a")]),
    ("SP-402", "the same field: two siblings", [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "set", name="b"),
                                                change(A, 2, {}, "set", name="a")]),
    ("SP-408", "one resolution replaces both sides",
     [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "set", name="b"), change(A, 2, {}, "set", name="a"),
      change(C, 1, {A: 2, B: 1}, "set", name="c")]),
    ("SP-402", "equal values are no conflict but keep their dots",
     [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "set", name="z"), change(A, 2, {}, "set", name="z")]),
    ("SP-205", "an integer is not a real", [change(A, 1, {}, "insert", name=1), change(B, 1, {}, "insert", name=1.0)]),
    ("SP-403", "between equal weights the higher actor is shown", [change(A, 1, {}, "insert", name="a"), change(B, 1, {}, "insert", name="b")]),
    ("SP-403", "who knew more is shown", [change(A, 1, {}, "insert", name="a"), change(C, 1, {}, "insert", name="c"),
                                          change(A, 2, {}, "set", name="a2")]),
    ("SP-404", "a delete takes the row away and keeps its values", [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "delete")]),
    ("SP-406", "an edit the delete had not seen keeps the row", [change(A, 1, {}, "insert", name="x", city="y"),
                                                                 change(B, 1, {A: 1}, "delete"), change(A, 2, {}, "set", city="z")]),
    ("SP-406", "the delete again settles it", [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "delete"),
                                               change(A, 2, {}, "set", name="z"), change(B, 2, {A: 2}, "delete")]),
    ("SP-405", "undelete brings the row back; marks stay until a field is written anew", [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "delete"),
                                              change(C, 1, {A: 1, B: 1}, "undelete")]),
    ("SP-405", "deleted by two, undeleted by one who saw one of them",
     [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "delete"), change(C, 1, {A: 1}, "delete"),
      change(A, 2, {B: 1}, "undelete")]),
    ("SP-405", "a delete nobody knew of, and one that was undone: in whatever order",
     [change(C, 1, {}, "insert", name="x", city="y"), change(C, 2, {}, "delete"), change(B, 1, {}, "insert", name="b"),
      change(B, 2, {}, "delete"), change(C, 3, {B: 1}, "undelete"), change(A, 1, {B: 1, C: 3}, "set", name="a")]),
    ("SP-407", "deleted and undeleted by two who did not know: contested",
     [change(A, 1, {}, "insert", name="x"), change(B, 1, {A: 1}, "delete"), change(C, 1, {A: 1, B: 1}, "undelete"),
      change(B, 2, {A: 1}, "delete")]),
    ("SP-406", "fields without a liveness show nothing", [change(A, 1, {}, "set", name="x")]),
    ("SP-404", "made twice by two", [change(A, 1, {}, "insert", name="x", city=None), change(B, 1, {}, "insert", name="y", city=None)]),
    ("SP-403", "weights end at 2^63-1", [change(A, 1, {B: rules.COUNT_MAX}, "insert", name="x")]),
]


def invented(chance):
    """Authors write, and now and then read each other; contexts follow from what each has read."""
    known, counts, made = {a: {} for a in ACTORS}, dict.fromkeys(ACTORS, 0), []
    for _ in range(chance.randint(3, 9)):
        actor = chance.choice(ACTORS)
        if chance.random() < 0.5:
            for other in ACTORS:
                if other != actor and chance.random() < 0.7:
                    seen = chance.randint(known[actor].get(other, 0), counts[other])
                    # Knowing a change means knowing all that its author knew.
                    known[actor] = rules.merge(known[actor], {other: seen} if seen else {})
                    for c in made:
                        if c["actor"] == other and c["n"] <= seen:
                            known[actor] = rules.merge(known[actor], c["context"])
        known[actor].pop(actor, None)
        counts[actor] += 1
        verb = chance.choices(("insert", "set", "delete", "undelete"), (2, 5, 2, 1))[0]
        fields = {}
        if verb in ("insert", "set"):
            names = ["a", "b", "c"] if verb == "insert" else chance.sample(["a", "b", "c"], chance.randint(1, 2))
            fields = {name: chance.choice([None, 0, 1, "x", "y", "z"]) for name in names}
        made.append(change(actor, counts[actor], dict(sorted(known[actor].items())), verb, **fields))
    return made


def orders(made, chance, count):
    """Causal orders: a change comes after its author's one before and after all that its context names of this case."""
    found = [list(range(len(made)))]
    for _ in range(count):
        have, order, left = {}, [], list(range(len(made)))
        while left:
            ready = [i for i in left if made[i]["n"] == have.get(made[i]["actor"], 0) + 1
                     and all(have.get(a, 0) >= n for a, n in made[i]["context"].items() if n <= 100)]
            i = chance.choice(ready)
            left.remove(i)
            order.append(i)
            have[made[i]["actor"]] = made[i]["n"]
        if order not in found:
            found.append(order)
    return found


def outcome(made, order):
    row = rules.Row()
    for i in order:
        c = made[i]
        row.apply(c["actor"], c["n"], c["context"], c["verb"], c["fields"])
    return {
        "shown": row.is_shown(), "contested": row.is_contested(), "contested_fields": row.contested_fields(),
        "values": {f: row.winner(f) for f in row.fields()},
        "weights": {"%s:%d" % d: s[0] for f in [None] + row.fields() for d, s in row.cells[f].items()},
        "marked": sorted("%s %s:%d" % (f, *d) for f in row.fields() for d, s in row.cells[f].items() if s[2]),
        "content": row.content("club", "1"),
    }


def case(rule, name, made, chance, count):
    ways = orders(made, chance, count)
    result = outcome(made, ways[0])
    assert all(outcome(made, way) == result for way in ways), name
    return {"rule": rule, "name": name, "changes": made, "orders": ways, **result}


def rows():
    chance = random.Random(7)
    return {
        "about": "One row: changes, causal orders they may come in, and what every order must give. `context` is the full context here.",
        "by_hand": [case(rule, name, made, chance, 6) for rule, name, made in HAND],
        "random": [case("SP-409", f"random {i}", invented(chance), chance, 5) for i in range(150)],
    }
