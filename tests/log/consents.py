"""Consents made by a passkey of a few lines, after WebAuthn and docs/log-format.md, and without the house's code."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.log import books

SITE = "https://disputes.example.org"
NONCE = "5a" * 32
TEXT = "With your signature you confirm that you have read these terms and stand by them."
SEEN = "ab" * 32
SIGNED: dict[str, Any] = {"side": "buyer", "seen": SEEN}
ES256, EDDSA, RS256 = -7, -8, -257


def lp(part: str | bytes) -> bytes:
    plain = part.encode() if isinstance(part, str) else part
    return len(plain).to_bytes(8, "big") + plain


def digest(*parts: str | bytes) -> bytes:
    return hashlib.sha256(b"".join(map(lp, parts))).digest()


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def private_key(alg: int) -> Any:
    if alg == ES256:
        return ec.derive_private_key(0x1234567, ec.SECP256R1())
    if alg == EDDSA:
        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    return rsa.generate_private_key(65_537, 2_048)


def public_key(alg: int) -> dict[str, str]:
    public = private_key(alg).public_key()
    if alg == ES256:
        numbers = public.public_numbers()
        x, y = (text_of(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    if alg == EDDSA:
        return {"crv": "Ed25519", "kty": "OKP", "x": text_of(public.public_bytes_raw())}
    modulus = public.public_numbers().n
    return {"e": "AQAB", "kty": "RSA", "n": text_of(modulus.to_bytes(256, "big"))}


def signature(alg: int, message: bytes) -> bytes:
    key = private_key(alg)
    if alg == ES256:
        return bytes(key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    if alg == EDDSA:
        return bytes(key.sign(message))
    return bytes(key.sign(message, padding.PKCS1v15(), SHA256()))


def shown(
    data: Mapping[str, Any] = SIGNED,
    words: Mapping[str, bytes] | None = None,
    *,
    log: str = books.ORIGIN,
    stream: str = books.STREAMS[0],
    type: str = "settlement_signed",
    actor: str = books.BUYER,
    role: str = "buyer",
) -> str:
    """The digest of what an entry says."""
    texts = {name: hashlib.sha256(text).hexdigest() for name, text in (words or {}).items()}
    return digest("odr/shown/v1", log, stream, type, actor, role, compact(dict(data)), compact(texts)).hex()


def challenge(
    shown: str,
    *,
    log: str = books.ORIGIN,
    stream: str = books.STREAMS[0],
    type: str = "settlement_signed",
    nonce: str = NONCE,
) -> bytes:
    return digest("odr/consent/v1", log, stream, type, bytes.fromhex(shown), "en", TEXT, bytes.fromhex(nonce))


def signed(
    digest_shown: str,
    asked: bytes,
    *,
    alg: int = ES256,
    site: str = SITE,
    host: str | None = None,
    flags: int = 0x05,
    client: Mapping[str, Any] | None = None,
    data: bytes | None = None,
    **others: Any,
) -> dict[str, Any]:
    """A consent by a passkey; `others` are fields of it said otherwise."""
    said = {"type": "webauthn.get", "challenge": text_of(asked), "origin": site, "crossOrigin": False, **(client or {})}
    raw = json.dumps(said, separators=(",", ":")).encode()
    named = host if host is not None else site.partition("://")[2].partition(":")[0]
    told = hashlib.sha256(named.encode()).digest() + bytes([flags]) + bytes(4) if data is None else data
    return {
        "v": 1, "kind": "passkey", "shown": digest_shown, "text": TEXT, "language": "en", "nonce": NONCE, "alg": alg,
        "key": public_key(alg), "authenticator": text_of(told), "client": text_of(raw),
        "signature": text_of(signature(alg, told + hashlib.sha256(raw).digest())), **others,
    }  # fmt: skip


def recorded(digest_shown: str, **others: Any) -> dict[str, Any]:
    return {
        "v": 1, "kind": "record", "shown": digest_shown, "text": TEXT, "language": "en", "nonce": NONCE,
        "session": "cd" * 32, "began": "password", "factor": "totp", "factor_at": 1_772_442_000_000, **others,
    }  # fmt: skip


def honest(alg: int = ES256, **others: Any) -> dict[str, Any]:
    """A consent to what `entry` says."""
    return signed(shown(), challenge(shown()), alg=alg, **others)


def payload(told: Mapping[str, Any]) -> bytes:
    return compact(dict(told)).encode()


def flipped(text: str, place: int) -> str:
    """Bytes in base64url with one bit of one byte turned."""
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place] ^= 1
    return text_of(bytes(raw))


def length_of(text: str) -> int:
    return len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def falsified() -> dict[str, tuple[list[str], bytes]]:
    """Consents to what a `settlement_signed` of the first stream says, each with what is to be found wrong with it."""
    good, other = honest(), shown({**SIGNED, "seen": "ba" * 32})
    asked = challenge(shown())
    lies: dict[str, tuple[list[str], Mapping[str, Any]]] = {
        "a true one": ([], good),
        "one with Ed25519": ([], honest(EDDSA)),
        "one with RSA": ([], honest(RS256)),
        "a record": ([], recorded(shown())),
        "a record without a second step": ([], recorded(shown(), factor="none", factor_at=None)),
        "a port behind the name": ([], honest(site="http://localhost:8000")),
        "a client that says more": ([], honest(client={"other_keys_can_be_added_here": "do not compare"})),
        "a device that does not know its owner": ([], honest(flags=0x01)),
        "another text was shown": (["consent_shown_differs"], signed(other, challenge(other))),
        "a record of another text": (["consent_shown_differs"], recorded(other)),
        "what was shown is said otherwise": (
            ["consent_shown_differs", "consent_signature_wrong"], {**good, "shown": other},
        ),
        "of another dispute": (
            ["consent_signature_wrong"], signed(shown(), challenge(shown(), stream=books.STREAMS[1])),
        ),
        "replayed from another dispute": (
            ["consent_shown_differs", "consent_signature_wrong"],
            signed(shown(stream=books.STREAMS[1]), challenge(shown(stream=books.STREAMS[1]), stream=books.STREAMS[1])),
        ),
        "of another log": (
            ["consent_signature_wrong"], signed(shown(), challenge(shown(), log="evenhand/" + "9" * 32)),
        ),
        "of another kind of entry": (
            ["consent_signature_wrong"], signed(shown(), challenge(shown(), type="decision_answered")),
        ),
        "another person's entry": (["consent_shown_differs", "consent_signature_wrong"], {
            **good, "shown": shown(actor=books.SELLER),
        }),
        "another nonce": (["consent_signature_wrong"], {**good, "nonce": "b5" * 32}),
        "other words above the button": (["consent_signature_wrong"], {**good, "text": "I was shown something else."}),
        "another language": (["consent_signature_wrong"], {**good, "language": "zh-Hans"}),
        "another algorithm": (["consent_malformed"], {**good, "alg": EDDSA}),
        "an unknown algorithm": (["consent_malformed"], {**good, "alg": -35}),
        "another key": (["consent_signature_wrong"], {**good, "alg": EDDSA, "key": public_key(EDDSA)}),
        "a key that is no point": (
            ["consent_signature_wrong"], {**good, "key": {**good["key"], "y": text_of(bytes(31) + b"\1")}},
        ),
        "a key that is too short": (
            ["consent_signature_wrong"], {**good, "key": {**good["key"], "y": text_of(bytes(30) + b"\1")}},
        ),
        "a modulus that is even": (
            ["consent_signature_wrong"],
            {**honest(RS256), "key": {**public_key(RS256), "n": text_of(b"\xff" * 255 + b"\xfe")}},
        ),
        "a key with more in it": (["consent_malformed"], {**good, "key": {**good["key"], "d": "AQ"}}),
        "made, not used": (["consent_signature_wrong"], honest(client={"type": "webauthn.create"})),
        "from within another page": (["consent_signature_wrong"], honest(client={"crossOrigin": True})),
        "no challenge at all": (["consent_signature_wrong"], honest(client={"challenge": None})),
        "no address": (["consent_signature_wrong"], honest(client={"origin": 7})),
        "the address of an app": (["consent_signature_wrong"], honest(client={"origin": "android:apk-key-hash:x"})),
        "another house's name": (["consent_signature_wrong"], honest(host="elsewhere.example")),
        "nobody at the device": (["consent_signature_wrong"], honest(flags=0x04)),
        "no flags": (["consent_signature_wrong"], honest(data=bytes(32))),
        "padded": (["consent_malformed"], {**good, "client": good["client"] + "="}),
        "a field more": (["consent_malformed"], {**good, "more": 1}),
        "a field less": (["consent_malformed"], {name: value for name, value in good.items() if name != "nonce"}),
        "a later version": (["consent_malformed"], {**good, "v": 2}),
        "of no kind": (["consent_malformed"], {**good, "kind": "oath"}),
        "without a word": (["consent_malformed"], {**good, "text": ""}),
        "began nowhere": (["consent_malformed"], recorded(shown(), began="nowhere")),
        "a factor without an instant": (["consent_malformed"], recorded(shown(), factor_at=None)),
        "an instant without a factor": (["consent_malformed"], recorded(shown(), factor="none")),
        "no factor that there is": (["consent_malformed"], recorded(shown(), factor="sms")),
        "too long a text": (["consent_malformed"], recorded(shown(), text="x" * 17_000)),
    }  # fmt: skip
    made = {name: (codes, payload(told)) for name, (codes, told) in lies.items()}
    for field, of in (("signature", good), ("authenticator", good), ("client", good), ("signature", honest(EDDSA)),
                      ("signature", honest(RS256))):  # fmt: skip
        for place in range(0, length_of(of[field]), 1 if of is good else 16):
            spoilt = payload({**of, field: flipped(of[field], place)})
            made[f"{of['alg']}: byte {place} of {field}"] = (["consent_signature_wrong"], spoilt)
    made["another spelling"] = (["consent_malformed"], json.dumps(good).encode())
    made["no object"] = (["consent_malformed"], b"[]")
    made["no JSON"] = (["consent_malformed"], b"yes")
    raw = b'{"type":"webauthn.get","challenge":"' + text_of(asked).encode() + b'","origin":NaN}'
    made["a client in no JSON"] = (["consent_signature_wrong"], payload({**good, "client": text_of(raw)}))
    return made
