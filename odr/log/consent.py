"""How somebody consented to what an entry says: with their own key, or by a button in a session that is on record.

The payload `consent` of an entry, byte for byte (docs/log-format.md, section 20; ADR 30).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from odr.log.chain import Malformed, canonical, parse

NAME = "consent"
PASSKEY, RECORD = "passkey", "record"
LARGEST = 16_384
LARGEST_CLIENT = 1_024
NONCE_SIZE = 32
ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (EDDSA, ES256, RS256)
"""COSE numbers of what everybody's verifier can check."""
PRESENT, VERIFIED = 0x01, 0x04
MUST_VERIFY = frozenset({"mediator"})
"""In these roles a device has to know its owner, by a finger, a face or a PIN."""

_HEX64 = re.compile(r"[0-9a-f]{64}")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{1,35}")
_ORIGIN = re.compile(r"https?://([a-z0-9.-]{1,253})(?::[0-9]{1,5})?")
_BEGINNINGS = ("password", "link", "verify", "invite")
_FACTORS = ("none", "passkey", "totp", "recovery")
_OF_BOTH = frozenset({"v", "kind", "shown", "text", "language", "nonce"})
_OF_KIND = {
    PASSKEY: _OF_BOTH | {"alg", "key", "authenticator", "client", "signature"},
    RECORD: _OF_BOTH | {"session", "began", "factor", "factor_at"},
}
_KEYS = {
    ES256: ({"crv": "P-256", "kty": "EC"}, ("x", "y")),
    EDDSA: ({"crv": "Ed25519", "kty": "OKP"}, ("x",)),
    RS256: ({"e": "AQAB", "kty": "RSA"}, ("n",)),
}


class Wrong(ValueError):
    """A consent that is none; `code` names the rule broken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody consents to: what the entry will say, and the words beside it (None where they are not at hand)."""

    log: str
    stream: str
    type: str
    actor: str
    role: str
    data: Mapping[str, Any]
    words: Mapping[str, bytes | None]

    @property
    def is_whole(self) -> bool:
        return all(text is not None for text in self._others.values())

    @property
    def shown(self) -> str:
        """The digest, 64 hex digits, of all that was consented to."""
        words = {name: hashlib.sha256(text or b"").hexdigest() for name, text in self._others.items()}
        said = (self.log, self.stream, self.type, self.actor, self.role, canonical(dict(self.data)), canonical(words))
        return _digest("odr/shown/v1", *said).hex()

    @property
    def _others(self) -> dict[str, bytes | None]:
        return {name: text for name, text in self.words.items() if name != NAME}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser was asked to sign, and in which words its owner read it."""

    log: str
    stream: str
    type: str
    shown: str
    text: str
    language: str
    nonce: str

    @property
    def challenge(self) -> bytes:
        shown, nonce = bytes.fromhex(self.shown), bytes.fromhex(self.nonce)
        said = (self.log, self.stream, self.type, shown, self.language, self.text, nonce)
        return _digest("odr/consent/v1", *said)


def asked_of(deed: Deed, *, text: str, language: str, nonce: bytes) -> Asked:
    """What is asked of a browser for this deed."""
    return Asked(deed.log, deed.stream, deed.type, deed.shown, text, language, nonce.hex())


def signed(
    asked: Asked, *, alg: int, key: Mapping[str, str], authenticator: bytes, client: bytes, signature: bytes
) -> str:
    """The payload of a consent by a passkey."""
    return _payload(
        asked,
        kind=PASSKEY,
        alg=alg,
        key=dict(key),
        authenticator=to_text(authenticator),
        client=to_text(client),
        signature=to_text(signature),
    )


def recorded(asked: Asked, *, session: str, began: str, factor: str | None, factor_at: int | None) -> str:
    """The payload of a consent by a button. `session` is the house's name for the session, of which the payload holds
    only a digest."""
    return _payload(
        asked,
        kind=RECORD,
        session=_digest("odr/session/v1", bytes.fromhex(asked.nonce), session).hex(),
        began=began,
        factor=factor or "none",
        factor_at=factor_at if factor else None,
    )


def _payload(asked: Asked, **more: Any) -> str:
    both = {
        "v": 1, "shown": asked.shown, "text": asked.text, "language": asked.language, "nonce": asked.nonce,
    }  # fmt: skip
    return canonical({**both, **more}).decode()


def thumbprint(key: Mapping[str, str]) -> str:
    """The digest of a public key, 64 hex digits (RFC 7638, whose JSON is ours)."""
    return hashlib.sha256(canonical(dict(key))).hexdigest()


def key_commitment(log: str, stream: str, credential: bytes, key: Mapping[str, str]) -> str:
    """What the entry of an account says of a passkey, in 64 hex digits: nobody can tell whose key it is who does not
    hold both the key and the name that its device gave it."""
    return _digest("odr/key/v1", log, stream, credential, canonical(dict(key))).hex()


def read(payload: bytes) -> dict[str, Any]:
    """The fields of a consent. Raises Wrong("malformed") for anything that section 20 does not allow."""
    try:
        _require(len(payload) <= LARGEST, "malformed")
        told = parse(payload)
    except Malformed as broken:
        raise Wrong("malformed") from broken
    kind = told.get("kind")
    _require(isinstance(kind, str) and kind in _OF_KIND and told.keys() == _OF_KIND[kind], "malformed")
    _require(type(told["v"]) is int and told["v"] == 1, "malformed")
    _require(_fits(_HEX64, told["shown"]) and _fits(_HEX64, told["nonce"]), "malformed")
    _require(_fits(_LANGUAGE, told["language"]) and isinstance(told["text"], str) and told["text"] != "", "malformed")
    _require(_is_record(told) if kind == RECORD else _is_signature(told), "malformed")
    return told


def _is_record(told: Mapping[str, Any]) -> bool:
    at = told["factor_at"]
    dated = at is None if told["factor"] == "none" else type(at) is int and at >= 0
    return dated and _fits(_HEX64, told["session"]) and told["began"] in _BEGINNINGS and told["factor"] in _FACTORS


def _is_signature(told: Mapping[str, Any]) -> bool:
    key, alg = told["key"], told["alg"]
    if type(alg) is not int or alg not in _KEYS or not isinstance(key, dict):
        return False
    same, own = _KEYS[alg]
    return (
        key.keys() == {*same, *own}
        and all(key[name] == value for name, value in same.items())
        and all(_is_text(key[name]) for name in own)
        and all(_is_text(told[name]) for name in ("authenticator", "client", "signature"))
    )


def faults(deed: Deed, payload: bytes) -> Iterator[tuple[str, str]]:
    """What is wrong with the consent beside an entry: codes of section 13, each with the word for the rule."""
    try:
        told = read(payload)
    except Wrong as wrong:
        yield "consent_malformed", wrong.code
        return
    if deed.is_whole and told["shown"] != deed.shown:
        yield "consent_shown_differs", told["shown"]
    if told["kind"] == PASSKEY:
        try:
            _verify(deed, told)
        except Wrong as wrong:
            yield "consent_signature_wrong", wrong.code


def site_of(told: Mapping[str, Any]) -> str:
    """The address at which a passkey signed, as its browser says."""
    return str(_client_data(from_text(told["client"])).get("origin"))


def _verify(deed: Deed, told: Mapping[str, Any]) -> None:
    raw, data = from_text(told["client"]), from_text(told["authenticator"])
    client = _client_data(raw)
    given = {name: told[name] for name in ("shown", "text", "language", "nonce")}
    challenge = Asked(deed.log, deed.stream, deed.type, **given).challenge
    _require(client.get("type") == "webauthn.get" and client.get("crossOrigin", False) is False, "bad_client")
    _require(client.get("challenge") == to_text(challenge), "bad_challenge")
    origin = client.get("origin")
    host = _ORIGIN.fullmatch(origin) if isinstance(origin, str) else None
    _require(
        host is not None and len(data) >= 37 and data[:32] == hashlib.sha256(host[1].encode()).digest(), "bad_host"
    )
    _require(data[32] & PRESENT != 0, "not_present")
    _require(data[32] & VERIFIED != 0 or deed.role not in MUST_VERIFY, "not_verified")
    message, signature = data + hashlib.sha256(raw).digest(), from_text(told["signature"])
    try:
        _demand_signature(told["alg"], told["key"], message, signature)
    except InvalidSignature as broken:
        raise Wrong("bad_signature") from broken


def _demand_signature(alg: int, key: Mapping[str, str], message: bytes, signature: bytes) -> None:
    parts = {name: from_text(key[name]) for name in _KEYS[alg][1]}
    try:
        public: Any
        if alg == ES256:
            _require(len(parts["x"]) == len(parts["y"]) == 32, "bad_key")
            x, y = (int.from_bytes(parts[name], "big") for name in ("x", "y"))
            public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        elif alg == EDDSA:
            public = ed25519.Ed25519PublicKey.from_public_bytes(parts["x"])
        else:
            modulus = parts["n"]
            _require(256 <= len(modulus) <= 512 and modulus[0] >= 0x80 and modulus[-1] & 1 == 1, "bad_key")
            public = rsa.RSAPublicNumbers(65_537, int.from_bytes(modulus, "big")).public_key()
    except ValueError as broken:
        raise Wrong("bad_key") from broken
    if alg == ES256:
        public.verify(signature, message, ec.ECDSA(SHA256()))
    elif alg == EDDSA:
        public.verify(signature, message)
    else:
        public.verify(signature, message, padding.PKCS1v15(), SHA256())


def _client_data(raw: bytes) -> dict[str, Any]:
    """What a browser says of what it signed. It is not ours, and is read as any program reads JSON."""
    try:
        told = json.loads(raw.decode(), parse_constant=_no_constant) if len(raw) <= LARGEST_CLIENT else None
    except (ValueError, RecursionError) as broken:
        raise Wrong("bad_client") from broken
    if not isinstance(told, dict):
        raise Wrong("bad_client")
    return told


def _no_constant(word: str) -> None:
    raise ValueError(word)


def to_text(raw: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """The bytes again. Raises Wrong("malformed") for any spelling but the one."""
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as broken:
        raise Wrong("malformed") from broken
    _require(to_text(raw) == text, "malformed")
    return raw


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and from_text(value) != b""
    except Wrong:
        return False


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _require(holds: bool, code: str) -> None:
    if not holds:
        raise Wrong(code)


def _digest(*parts: str | bytes) -> bytes:
    # Every part behind its length, as everywhere in the log.
    plain = [part.encode() if isinstance(part, str) else part for part in parts]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in plain)).digest()
