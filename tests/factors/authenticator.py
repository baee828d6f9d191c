"""A passkey and an app made of a few lines, written after the standards and without the libraries of the house."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import struct

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def code_at(secret: str, at: int) -> str:
    """The six digits that an app shows at an instant in ms (RFC 6238 over RFC 4226)."""
    key = base64.b32decode(secret.replace(" ", ""))
    mac = hmac.new(key, struct.pack(">Q", at // 30_000), hashlib.sha1).digest()
    place = mac[-1] & 0x0F
    return f"{(struct.unpack('>I', mac[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Authenticator:
    """A browser with one passkey in it (WebAuthn level 3, sections 6 and 7), for pages of `origin`."""

    def __init__(self, origin: str, host: str, *, verifies: bool = True, counts: bool = True) -> None:
        self.origin, self.host = origin, host
        self.flags = PRESENT | (VERIFIED if verifies else 0)
        self.counts, self.count = counts, 0
        self.credential_id = os.urandom(32)
        self.key = ec.generate_private_key(ec.SECP256R1())
        # What the browser says beside the three things that it has to.
        self.extra: dict[str, object] = {}

    def make(self, wanted: str) -> str:
        """The answer to what a page wanted made, as its script sends it."""
        said = self._client_data("webauthn.create", json.loads(wanted)["challenge"])
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = bytes(16) + struct.pack(">H", 32) + self.credential_id + cbor2.dumps(public)
        data = self._data(self.flags | ATTESTED) + credential
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": _text(said), "attestationObject": _text(attested)})

    def prove(self, wanted: str) -> str:
        """The answer to what a page wanted signed."""
        said = self._client_data("webauthn.get", json.loads(wanted)["challenge"])
        data = self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {"clientDataJSON": _text(said), "authenticatorData": _text(data), "signature": _text(signature)}
        )

    def _data(self, flags: int) -> bytes:
        self.count += self.counts
        return hashlib.sha256(self.host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, **self.extra}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        named = _text(self.credential_id)
        return json.dumps({"id": named, "rawId": named, "type": "public-key", "response": response})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
