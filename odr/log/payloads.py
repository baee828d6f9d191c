"""Sealed words: personal text beside an entry, encrypted for the house and committed to for the world."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from odr.log.chain import SALT_SIZE, commitment
from odr.log.keys import KEY_SIZE, Keys, Unreadable

__all__ = ["Sealed", "Unreadable", "conceal", "disclose", "reveal", "seal"]

# Every data key seals one text and is never used again, so a constant nonce cannot repeat under one key.
_ONLY_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class Sealed:
    """One payload as it is stored (salt, wrapped key, sealed words) and as its entry names it (the commitment)."""

    name: str
    salt: bytes
    commitment_hex: str
    wrapped_key: bytes
    sealed: bytes


def seal(keys: Keys, origin: str, stream: str, version: int, name: str, text: bytes) -> Sealed:
    """Encrypt `text` under a fresh key and commit to it under a fresh salt (event-log.md §1.2).

    The commitment is over the plain text, so that a party can open it from its own copy; erasing the salt, the
    wrapped key and the sealed words leaves a commitment that nobody can guess at.
    """
    fresh = os.urandom(SALT_SIZE + KEY_SIZE)
    salt, data_key = fresh[:SALT_SIZE], fresh[SALT_SIZE:]
    place = _place(stream, version, name)
    return Sealed(
        name=name,
        salt=salt,
        commitment_hex=commitment(salt, origin, stream, version, name, text),
        wrapped_key=keys.wrap(data_key, place),
        sealed=AESGCM(data_key).encrypt(_ONLY_NONCE, text, place),
    )


def reveal(keys: Keys, stream: str, version: int, name: str, wrapped_key: bytes, sealed: bytes) -> bytes:
    """The words again. Raises Unreadable when they were altered or moved here from another entry."""
    return disclose(keys, _place(stream, version, name), wrapped_key, sealed)


def conceal(keys: Keys, context: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Encrypt words that belong to no entry yet, such as a draft: (wrapped key, sealed words) bound to `context`."""
    data_key = os.urandom(KEY_SIZE)
    return keys.wrap(data_key, context), AESGCM(data_key).encrypt(_ONLY_NONCE, text, context)


def disclose(keys: Keys, context: bytes, wrapped_key: bytes, sealed: bytes) -> bytes:
    """What `conceal` was given. Raises Unreadable("key_of_another_house" | "key_damaged" | "words_damaged")."""
    data_key = keys.unwrap(wrapped_key, context)
    try:
        return AESGCM(data_key).decrypt(_ONLY_NONCE, sealed, context)
    except InvalidTag as broken:
        raise Unreadable("words_damaged") from broken


def _place(stream: str, version: int, name: str) -> bytes:
    # Streams and names hold no line feed, so the three parts cannot be read in two ways.
    return f"odr/payload/v1\n{stream}\n{version}\n{name}".encode()
