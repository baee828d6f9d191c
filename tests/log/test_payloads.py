"""Sealed words: they open in their own place only, and the commitment is the published formula."""

from __future__ import annotations

import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.log.keys import keys_from
from odr.log.payloads import Unreadable, conceal, disclose, reveal, seal

KEYS = keys_from(os.urandom(32), os.urandom(32))
ORIGIN = "evenhand/" + "0" * 32
STREAM = "dispute/" + "a" * 32
OTHER_STREAM = "dispute/" + "b" * 32


def lp(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


@given(text=st.binary(max_size=2000), version=st.integers(1, 2**40))
def test_sealed_words_are_revealed_again(text: bytes, version: int) -> None:
    sealed = seal(KEYS, ORIGIN, STREAM, version, "reasons", text)

    assert reveal(KEYS, STREAM, version, "reasons", sealed.wrapped_key, sealed.sealed) == text


@given(text=st.binary(max_size=200), version=st.integers(1, 2**40))
def test_the_commitment_is_the_formula_of_the_log_format(text: bytes, version: int) -> None:
    sealed = seal(KEYS, ORIGIN, STREAM, version, "reasons", text)

    message = lp(b"odr/commit/v1") + lp(ORIGIN.encode()) + lp(STREAM.encode()) + version.to_bytes(8, "big")
    message += lp(b"reasons") + lp(text)
    assert sealed.commitment_hex == hmac.new(sealed.salt, message, hashlib.sha256).hexdigest()
    assert len(sealed.salt) == 32


def test_the_same_words_never_look_the_same_twice() -> None:
    first = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"yes")
    second = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"yes")

    assert first.salt != second.salt
    assert first.commitment_hex != second.commitment_hex
    assert first.sealed != second.sealed


@pytest.mark.parametrize(
    ("stream", "version", "name"),
    [(OTHER_STREAM, 1, "reasons"), (STREAM, 2, "reasons"), (STREAM, 1, "title")],
)
def test_words_moved_to_another_place_do_not_open(stream: str, version: int, name: str) -> None:
    sealed = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"yes")

    with pytest.raises(Unreadable):
        reveal(KEYS, stream, version, name, sealed.wrapped_key, sealed.sealed)


def test_no_altered_words_open() -> None:
    sealed = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"I agree")

    for position in range(len(sealed.sealed)):
        altered = bytearray(sealed.sealed)
        altered[position] ^= 0x80
        with pytest.raises(Unreadable) as refusal:
            reveal(KEYS, STREAM, 1, "reasons", sealed.wrapped_key, bytes(altered))
        assert refusal.value.code == "words_damaged"
    for length in range(len(sealed.sealed)):
        with pytest.raises(Unreadable):
            reveal(KEYS, STREAM, 1, "reasons", sealed.wrapped_key, sealed.sealed[:length])


def test_words_do_not_open_with_the_key_of_other_words() -> None:
    first = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"yes")
    second = seal(KEYS, ORIGIN, STREAM, 1, "reasons", b"no")

    with pytest.raises(Unreadable):
        reveal(KEYS, STREAM, 1, "reasons", first.wrapped_key, second.sealed)


@given(text=st.binary(max_size=500), context=st.binary(min_size=1, max_size=40))
def test_a_draft_opens_for_its_own_place_only(text: bytes, context: bytes) -> None:
    wrapped_key, sealed = conceal(KEYS, context, text)

    assert disclose(KEYS, context, wrapped_key, sealed) == text
    with pytest.raises(Unreadable):
        disclose(KEYS, context + b"x", wrapped_key, sealed)
