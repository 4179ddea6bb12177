"""A member's device in a few lines: it signs what no honest device would send."""

import base64
import hashlib
import json
import os
import time

from nacl.signing import SigningKey


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def blake(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=32).digest()


class Device:
    """A key, and after `enrol` a place in the network."""

    def __init__(self, stage, seed=None):
        self.stage = stage
        self.key = SigningKey(seed or os.urandom(32))
        self.public = bytes(self.key.verify_key)
        self.id = hashlib.blake2b(self.public, digest_size=16).hexdigest()
        self.actor = self.id + os.urandom(8).hex()
        about = json.loads(stage.fetch("/v1").content)
        self.network, self.instance = about["network"], about["instance"]

    def enrol(self, invite=None, role="member", **how):
        secret = (invite or self.stage.invite(role=role)).split("#")[1].split(".")[0]
        body = json.dumps({"secret": secret, "key": b64url(self.public), "name": "Device"}).encode()
        return self.send("POST", "/v1/enrolments", body, **how)

    def signed(self, method, target, body=b"", *, authority=None, created=None, nonce=None, keyid=None,
               components=None, algorithm=None, key=None, digest=None, extra=""):
        """The headers of a signed request; each argument replaces what an honest device would write."""
        authority = authority or f"127.0.0.1:{self.stage.port}"
        digest = digest or "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        names = components or ["@method", "@authority", "@request-target", "content-digest"]
        values = {"@method": method, "@authority": authority, "@request-target": target, "content-digest": digest,
                  "@path": target.split("?")[0], "@query": "?"}
        created = int(time.time()) if created is None else created
        params = "(" + " ".join(f'"{name}"' for name in names) + ")"
        params += f';created={created};nonce="{nonce or b64url(os.urandom(12))}";keyid="{self.id if keyid is None else keyid}"'
        if algorithm:
            params += f';alg="{algorithm}"'
        params += extra
        base = "".join(f'"{name}": {values.get(name, "")}\n' for name in names) + f'"@signature-params": {params}'
        signature = (key or self.key).sign(base.encode()).signature
        return [("Content-Digest", digest), ("Signature-Input", f"cordee={params}"),
                ("Signature", "cordee=:" + base64.b64encode(signature).decode() + ":")]

    def send(self, method, target, body=b"", headers=(), **how):
        """Signs and sends."""
        return self.stage.request(method, target, [*self.signed(method, target, body, **how), *headers], body)

    def push(self, lines, space="commons", headers=(), **how):
        """Pushes lines, whatever they are."""
        body = lines if isinstance(lines, bytes) else b"".join(line + b"\n" for line in lines)
        return self.send("POST", f"/v1/spaces/{space}/changes", body, headers, **how)

    def change(self, n, writes=None, previous=bytes(32), context=None, space="commons", actor=None, network=None,
               body=None, header=None):
        """One change's line and its hash."""
        actor = actor or self.actor
        if header is None:
            members = {"network": network or self.network, "space": space, "actor": actor, "n": n}
            if context is not None:
                members["context"] = context
            header = json.dumps(members, separators=(",", ":")).encode()
        if body is None:
            body = json.dumps(
                {"key": b64url(os.urandom(16)), "at": "2026-01-01T00:00:00Z",
                 "writes": writes or [insert(f"hostile-{os.urandom(6).hex()}")]},
                separators=(",", ":")).encode()
        value = blake(b"cordee.change.1\n", previous, blake(b"cordee.body.1\n", body), header)
        return b'{"header":' + header + b',"body":' + body + b"}", value

    def segment(self, first, last, previous, head, space="commons", actor=None, key=None, network=None, signer=None):
        """A segment's line, signed."""
        actor = actor or self.actor
        message = f"cordee.segment.1\n{network or self.network}\n{space}\n{actor}\n{last}\n{b64url(head)}\n".encode()
        value = (key or self.key).sign(message).signature
        return json.dumps(
            {"segment": {"actor": actor, "from": first, "to": last, "previous": b64url(previous), "head": b64url(head)},
             "signatures": [{"key": signer or self.id, "value": b64url(value)}]}, separators=(",", ":")).encode()

    def one(self, n=1, previous=bytes(32), **how):
        """A segment of one change, and the change's hash."""
        line, value = self.change(n, previous=previous, **how)
        parts = {name: how[name] for name in ("space", "actor", "network") if name in how}
        return [self.segment(n, n, previous, value, **parts), line], value


PLACE = ("slug", "name_as_printed", "city", "country", "subdivision", "time_zone", "un_locode", "codes_basis")


def insert(row, table="place", **fields):
    """A write that creates a row with every field of a place."""
    values = {name: None for name in PLACE}
    values.update(fields)
    return {"table": table, "id": row, "insert": values}
