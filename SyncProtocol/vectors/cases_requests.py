"""requests.json: chapters 5 and 6."""
import base64

import cases_push as push
import rules
import rules_sync

KEY_ID = push.ACTOR[:32]
NONCE = "bm9uY2UtMTIzNDU2"
CREATED = 1800000000


PARAMETERS = f';created={CREATED};nonce="{NONCE}";keyid="{KEY_ID}"'


def signed(method, host, target, body, parameters=PARAMETERS, components=rules_sync.COMPONENTS):
    text, of = rules_sync.signature_base(method, host, target, body, parameters, components)
    value = base64.b64encode(push.KEY.sign(text.encode()).signature).decode()
    return {"method": method, "authority": host, "target": target, "body": body.decode(), "content_digest": rules_sync.digest(body),
            "signature_input": "cordee=" + of, "signature": f"cordee=:{value}:", "base": text}


def requests():
    hello = b'{"actor":"%s","spaces":{}}' % push.ACTOR.encode()
    good = [
        signed("POST", "central.example", "/v1/hello", b""), signed("POST", "Central.Example:443", "/v1/hello", hello),
        signed("GET", "127.0.0.1:8080", "/v1/spaces/commons/log?after=" + push.cursor(41), b""),
        signed("GET", "central.example:80", "/v1/spaces/commons/snapshot", b""),
        signed("POST", "central.example", "/v1/hello", hello, components=list(reversed(rules_sync.COMPONENTS)),
               parameters=f';keyid="{KEY_ID}";alg="ed25519";nonce="{NONCE}";created={CREATED};tag="x"'),
    ]

    def bad(code, **change):
        return {"rule": "SP-504", "refusal": code} | signed("POST", "central.example", "/v1/hello", hello) | change

    whole = good[1]["signature_input"]
    refused = [
        bad("unsigned", signature_input='other=("@method")'), bad("malformed", signature_input="cordee=("),
        bad("malformed", signature_input=whole + "," + whole), bad("malformed", signature="cordee=7"),
        bad("malformed", signature="cordee=:AA"), bad("uncovered", signature_input=whole.replace('"@method" ', "")),
        bad("uncovered", signature_input=whole.replace(' "content-digest"', "")),
        bad("unsupportedComponent", signature_input=whole.replace('"@method"', '"@method";req')),
        bad("unsupportedComponent", signature_input=whole.replace('"@method"', '"@method" "date"')),
        bad("unsupportedParameter", signature_input=whole + ";expires=1800000300"),
        bad("unsupportedParameter", signature_input=whole + ';alg="hmac-sha256"'),
        bad("missingParameter", signature_input=whole.replace(f";created={CREATED}", "")),
        bad("missingParameter", signature_input=whole.replace(f';nonce="{NONCE}"', "")),
        bad("missingParameter", signature_input=whole.replace(f';keyid="{KEY_ID}"', "")),
    ]
    secret = bytes(range(16))
    problem = {"type": "urn:cordee:problem:cursor.unknown", "title": "Central's log does not hold the cursor", "status": 409, "detail": "x"}
    advised = {**problem, "hint": "y"}
    return {
        "about": "Signed requests, the base each signature covers, and the signature by the key of segments.json; requests that are refused before a "
                 "key is looked at; the hash of an invite's secret; a problem.",
        "seed": "07" * 32, "key_id": KEY_ID, "created": CREATED, "nonce": NONCE,
        "signed": [{"rules": ["SP-504", "SP-505", "SP-506"], "canonical": i < 4} | item for i, item in enumerate(good)],
        "refused": [{**item, "rule": "SP-507" if item["refusal"] == "malformed" else "SP-504"} for item in refused],
        "invites": [{"rule": "SP-602", "secret": rules.b64(secret), "hash_hex": rules.hash32(b"cordee.invite.1\n", secret).hex()}],
        "problems": [{"rule": "SP-510", "code": "cursor.unknown", "text": rules.write(problem)},
                     {"rule": "SP-510", "code": "cursor.unknown", "text": rules.write(advised)}],
    }
