"""Consents, by a passkey or by a record: the house and the verifier for everybody say the same of each."""

from __future__ import annotations

from typing import Any

from odr.log import consent, offline
from tests.log import books, consents
from tests.log.consents import falsified


def entry_of(role: str = "buyer", words: tuple[str, ...] = ("consent",), **others: Any) -> dict[str, Any]:
    """An entry of the first stream as a verifier reads it."""
    said = {
        "log": books.ORIGIN, "stream": books.STREAMS[0], "ver": 5, "type": "settlement_signed", "actor": books.BUYER,
        "role": role, "data": consents.SIGNED, "commit": dict.fromkeys(words, "0" * 64),
    }  # fmt: skip
    return {**said, **others}


def told_by_both(entry: dict[str, Any], words: dict[str, bytes | None]) -> list[str]:
    """The codes that both find, which must be the same."""
    here: list[str] = []
    told = offline.verify_consent(entry, words, lambda code, **_: here.append(code))
    said = {name: entry[name] for name in ("log", "stream", "type", "actor", "role", "data")}
    there = [code for code, _ in consent.faults(consent.Deed(**said, words=words), words["consent"] or b"")]
    assert sorted(here) == sorted(there)
    assert (told is None) == ("consent_malformed" in here or "consent_signature_wrong" in here)
    return sorted(here)


def test_both_say_the_same_of_every_falsified_consent() -> None:
    """Each byte of what was signed is turned once; what was given to something else is told apart."""
    lies = falsified()

    told = {name: told_by_both(entry_of(), {"consent": payload}) for name, (_, payload) in lies.items()}

    assert told == {name: codes for name, (codes, _) in lies.items()}
    assert len(told) > 250


def test_of_a_mediator_the_device_has_to_know_its_owner() -> None:
    told = consents.shown(role="mediator")

    known = consents.payload(consents.signed(told, consents.challenge(told)))
    unknown = consents.payload(consents.signed(told, consents.challenge(told), flags=0x01))

    assert told_by_both(entry_of("mediator"), {"consent": known}) == []
    assert told_by_both(entry_of("mediator"), {"consent": unknown}) == ["consent_signature_wrong"]


def test_the_words_of_a_decision_are_part_of_what_was_shown() -> None:
    words = {"reasons": b"Der Weg war zu weit.", "finding_1": b"It was lost."}
    told = consents.shown(words=words)
    payload = consents.payload(consents.signed(told, consents.challenge(told)))
    entry = entry_of(words=("consent", "reasons", "finding_1"))

    assert told_by_both(entry, {**words, "consent": payload}) == []
    assert told_by_both(entry, {**words, "reasons": b"Other reasons.", "consent": payload}) == ["consent_shown_differs"]
    # Words that are not at hand cannot be compared, and the signature still holds.
    assert told_by_both(entry, {"finding_1": None, "reasons": words["reasons"], "consent": payload}) == []
    assert told_by_both(entry_of(words=("consent", "reasons")), {"reasons": words["reasons"], "consent": payload}) == [
        "consent_shown_differs"
    ]


def test_each_field_of_the_entry_is_part_of_what_was_shown() -> None:
    payload = consents.payload(consents.honest())
    others: list[dict[str, Any]] = [
        {"actor": books.SELLER}, {"role": "seller"}, {"data": {**consents.SIGNED, "side": "seller"}},
        {"type": "offer_accepted"}, {"stream": books.STREAMS[1]}, {"log": "evenhand/" + "9" * 32},
    ]  # fmt: skip

    for other in others:
        assert "consent_shown_differs" in told_by_both({**entry_of(), **other}, {"consent": payload}), other


def test_what_the_house_asks_and_keeps_is_what_the_document_says() -> None:
    deed = consent.Deed(books.ORIGIN, books.STREAMS[0], "settlement_signed", books.BUYER, "buyer", consents.SIGNED, {})
    asked = consent.asked_of(deed, text=consents.TEXT, language="en", nonce=bytes.fromhex(consents.NONCE))
    good = consents.honest(consents.EDDSA)
    raw = {name: consent.from_text(good[name]) for name in ("authenticator", "client", "signature")}

    kept = consent.signed(asked, alg=-8, key=good["key"], **raw)
    record = consent.recorded(asked, session="a session", began="link", factor=None, factor_at=5)

    assert (deed.shown, asked.challenge) == (consents.shown(), consents.challenge(consents.shown()))
    assert kept.encode() == consents.payload(good)
    told = consent.read(record.encode())
    assert told["session"] == consents.digest("odr/session/v1", bytes.fromhex(consents.NONCE), "a session").hex()
    assert (told["began"], told["factor"], told["factor_at"]) == ("link", "none", None)
    assert "a session" not in record


def test_an_account_commits_to_a_key_that_only_its_holder_can_show() -> None:
    key, stream = consents.public_key(consents.ES256), f"account/{'1' * 32}"

    bound = consent.key_commitment(books.ORIGIN, stream, b"name of the key", key)

    assert bound == consents.digest("odr/key/v1", books.ORIGIN, stream, b"name of the key", consents.compact(key)).hex()
    assert consent.thumbprint(key) not in bound
    for other in (
        consent.key_commitment(books.ORIGIN, f"account/{'2' * 32}", b"name of the key", key),
        consent.key_commitment(books.ORIGIN, stream, b"another name", key),
    ):
        assert other != bound
