"""A disk as it stood at any moment of a run that was written down call by call, had the power been cut then."""
import json
import os
import re
import struct

from world import calls

SECTOR = 512
RECEIPT = re.compile(rb'"actor":"([0-9a-f.]+)","n":(\d+),"hash":"([A-Za-z0-9_-]+)"')


class Run:
    """One process's (or a few processes' in turn) life as it was written down."""

    def __init__(self, name, start, log, subject):
        self.name, self.start, self.subject = name, start, subject
        # What is true of every state, promised or not.
        self.known = []
        # The call that a control leaves out.
        self.forgotten = None
        self.calls = [call for call in calls(log) if not call.failed]

    def acknowledged(self):
        """After which call which promise holds: (index, promise) in order."""
        found = []
        for index, call in enumerate(self.calls):
            if call.kind == "n" and b"HTTP/1.1 200" not in call.data[:12] and b"HTTP/1.1" in call.data[:8]:
                continue
            if call.kind == "n":
                found += [(index, ("receipt", actor.decode(), int(n), text.decode())) for actor, n, text in RECEIPT.findall(call.data)]
            elif call.kind == "k":
                found += [(index, tuple(promise)) for promise in json.loads(call.data)]
        return found


def mark(log, *promises):
    """Adds promises to a log that a process is writing: what is true now must be true in every later state."""
    text = json.dumps(promises).encode()
    with open(log, "ab", buffering=0) as file:
        file.write(struct.pack("4Q", ord("k"), 0, 0, len(text)) + text)


class Disk:
    """Files as a disk has them: what is safe, and what waits in memory."""

    def __init__(self, run, folder):
        self.folder = folder
        self.contents = {}  # inode: (safe bytes, waiting operations)
        self.names = {}     # safe names: path to inode
        self.moves = []     # name operations that wait, in order
        self.now = {}       # names as the program sees them
        for path, (data, *_) in run.start.items():
            if data is not None:
                self.names[os.path.join(folder, path)] = len(self.contents)
                self.contents[len(self.contents)] = (bytearray(data), [])
        self.now = dict(self.names)

    def inode(self, path):
        if path not in self.now:
            inode = len(self.contents)
            self.contents[inode] = (bytearray(), [])
            self.now[path] = inode
            self.moves.append(("make", path, inode))
        return self.now[path]

    def take(self, call):
        if call.kind == "o":
            inode = self.inode(call.path)
            if call.offset == 2:
                self.contents[inode][1].append(("t", 0, None))
        elif call.kind == "w":
            self.contents[self.inode(call.path)][1].append(("w", call.offset, call.data))
        elif call.kind == "t":
            self.contents[self.inode(call.path)][1].append(("t", call.offset, None))
        elif call.kind == "s" and call.path in self.now:
            safe, waiting = self.contents[self.now[call.path]]
            for operation in waiting:
                apply(safe, operation)
            waiting.clear()
        elif call.kind == "s":
            kept = []
            for move in self.moves:
                if os.path.dirname(move[1]) == call.path:
                    settle(self.names, move)
                else:
                    kept.append(move)
            self.moves = kept
        elif call.kind == "u" and call.path in self.now:
            self.moves.append(("remove", call.path, self.now.pop(call.path)))
        elif call.kind == "l" and call.path in self.now:
            to = call.data.decode()
            self.now[to] = self.now[call.path]
            self.moves.append(("make", to, self.now[to]))
        elif call.kind == "r" and call.path in self.now:
            to = call.data.decode()
            self.now[to] = self.now.pop(call.path)
            self.moves.append(("move", call.path, to, self.now[to]))

    def cut(self, dice):
        """What is found after the power was cut now: path to bytes."""
        names = dict(self.names)
        # Most file systems keep their order; nobody promises it.
        in_order = dice.random() < 0.5
        upto = dice.randrange(len(self.moves) + 1)
        for index, move in enumerate(self.moves):
            if index < upto if in_order else dice.random() < 0.5:
                settle(names, move)
        mood = dice.choice(("none", "all", "some", "some", "some", "some"))
        found = {}
        for path, inode in names.items():
            safe, waiting = self.contents[inode]
            content = bytearray(safe)
            for operation in waiting:
                if mood == "none":
                    continue
                if mood == "all" or operation[0] == "t":
                    if mood == "all" or dice.random() < 0.5:
                        apply(content, operation)
                    continue
                _, offset, data = operation
                for start in range(0, len(data), SECTOR):
                    if dice.random() < 0.5:
                        apply(content, ("w", offset + start, data[start:start + SECTOR]))
            found[path] = content
        return found


def apply(content, operation):
    kind, offset, data = operation
    if kind == "t":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset:offset + len(data)] = data


def settle(names, move):
    if move[0] == "make":
        names[move[1]] = move[2]
    elif move[0] == "remove":
        names.pop(move[1], None)
    else:
        names.pop(move[1], None)
        names[move[2]] = move[3]
