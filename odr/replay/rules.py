"""A script: one line of a replay file, read into acts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from odr.kernel import instant, moment

Fields = Mapping[str, Any]


class Malformed(ValueError):
    """A line is no script; the text is the reason, for whoever wrote the line."""


@dataclass(frozen=True, slots=True)
class Person:
    """A side of a script. The same name and country in a file is the same person; `email` is needed for mail only."""

    name: str
    country: str
    language: str = "en"
    email: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """One act of a script. `position` is its place in the line, None for what happens by itself."""

    position: int | None
    at: int
    by: str
    do: str
    fields: Fields = field(default_factory=dict)

    def text(self, *, needed: bool = False) -> str:
        """What is said with the act; a rule that needs words gets some where the script has none."""
        return str(self.fields.get("text", NO_WORDS if needed else ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One dispute as a file tells it; `deeds` in the order of their instants."""

    id: str
    opened: int
    buyer: Person
    seller: Person
    silent: bool
    strict: bool
    claim: Fields
    deeds: tuple[Deed, ...]
    digest: bytes


NO_WORDS = "(The script holds no words for this act.)"

BY = ("buyer", "seller", "mediator", "registrar", "clock")

_TEXT: dict[str, type] = {"text": str}
_AMOUNT: dict[str, type] = {"amount": str, "currency": str, "items": list}
DEEDS: dict[str, dict[str, type]] = {
    # The parties.
    "join": {},
    "reply": {"choice": str, **_TEXT, **_AMOUNT},
    "message": _TEXT,
    "evidence": {"file": str, "name": str, "about": str},
    "evidence_complete": {},
    "offer": {**_AMOUNT, **_TEXT, "perform_days": int, "open_days": int},
    "withdraw_offer": {"of": int},
    "accept": {"of": int},
    "reject": {"of": int},
    "leave": {},
    "sign": {},
    "settled_directly": _TEXT,
    "deny_direct": {},
    "extend": _TEXT,
    "suspend": {"ground": str, **_TEXT},
    "resume": {},
    "complete": _TEXT,
    "review": _TEXT,
    "address": {"name": str, "email": str},
    "withdraw": _TEXT,
    "object": {},
    "waive": {},
    "challenge": {"ground": str, **_TEXT},
    "accept_proposal": {"of": int},
    "reject_proposal": {"of": int},
    "fresh_decider": {},
    "final_words": _TEXT,
    "accept_decision": {},
    "reject_decision": {},
    "performed": _TEXT,
    "confirm": {},
    "not_honoured": _TEXT,
    "rate": {"score": int},
    # The registrar.
    "admit": {},
    "ask": {"topics": list, **_TEXT},
    "refuse": {"ground": str, **_TEXT},
    "dismiss": _TEXT,
    "uphold": {"ground": str, **_TEXT},
    "dismiss_challenge": _TEXT,
    "uphold_challenge": _TEXT,
    "check_proof": {"shown": bool, **_TEXT},
    "hand_over": {"reason": str, **_TEXT},
    # The mediator.
    "accept_appointment": _TEXT,
    "decline_appointment": _TEXT,
    "resign": _TEXT,
    "request_evidence": {"side": str, "days": int, **_TEXT},
    "admit_late": {"item": int, **_TEXT},
    "propose": {**_AMOUNT, **_TEXT, "perform_days": int},
    "close_mediation": {},
    "decide": {
        "outcome": str,
        **_AMOUNT,
        "costs": str,
        "basis": str,
        "reasons": str,
        "findings": list,
        "perform_days": int,
    },
    # The clock, and the mail that comes back.
    "advance": {},
    "notice_returned": {"side": str},
}
"""Every act, with its fields and their types."""

_NEEDED = {
    "reply": "choice",
    "evidence": "file",
    "refuse": "ground",
    "uphold": "ground",
    "challenge": "ground",
    "check_proof": "shown",
    "hand_over": "reason",
    "rate": "score",
    "decide": "outcome",
}

OUTCOMES = {
    "for_buyer": "for_buyer",
    "partly": "partly",
    "for_seller": "for_seller",
    # As ombudsmen say it.
    "upheld": "for_buyer",
    "partly_upheld": "partly",
    "not_upheld": "for_seller",
}
"""What a decision can come to, by the words that a script may use for it."""

# Nobody does these: they happen.
_BY_CLOCK = ("advance", "notice_returned")

# A century around today. Beyond it dates overflow and no calendar of holidays is known.
FIRST_YEAR, LAST_YEAR = 2000, 2100


def read_script(line: bytes) -> Script:
    """One line of a file. Raises Malformed with the reason."""
    told = _object(line)
    opened = _instant(_of(told, "opened", str))
    claim = _claim(_of(told, "claim", dict), opened)
    buyer, seller = _of(told, "buyer", dict), _of(told, "seller", dict)
    acts = _of(told, "acts", list, [])
    deeds = [_deed(position, act) for position, act in enumerate(acts)]
    head = [told["id"], told["opened"], buyer, seller, told["claim"]]
    return Script(
        id=_filled(told, "id"),
        opened=opened,
        buyer=_person(buyer),
        seller=_person(seller),
        silent=_of(seller, "silent", bool, False),
        strict=_of(told, "strict", bool, False),
        claim=claim,
        deeds=tuple(sorted(deeds, key=lambda deed: deed.at)),
        digest=hashlib.sha256(json.dumps(head, sort_keys=True).encode()).digest(),
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line.decode("utf-8-sig"))
        # Half of a sign outside the basic plane can be written in JSON and in no text.
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as broken:
        raise Malformed(f"it is not JSON in UTF-8: {broken}") from broken
    if not isinstance(told, dict):
        raise Malformed("it is not an object")
    return told


def _of(told: Mapping[str, Any], name: str, kind: type, otherwise: Any = None) -> Any:
    value = told.get(name, otherwise)
    # In Python a truth value is a number; in a script it is not.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        known = "is missing" if name not in told else f"is not of type {kind.__name__}"
        raise Malformed(f"{name} {known}")
    return value


def _filled(told: Mapping[str, Any], name: str) -> str:
    value: str = _of(told, name, str)
    if not value.strip():
        raise Malformed(f"{name} is empty")
    return value


def _person(told: Mapping[str, Any]) -> Person:
    person = Person(
        name=_filled(told, "name"),
        country=_of(told, "country", str),
        language=_of(told, "language", str, "en"),
        email=_of(told, "email", str, ""),
    )
    if not re.fullmatch("[A-Z]{2}", person.country):
        raise Malformed("country is not a code of two capital letters")
    if not re.fullmatch("[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", person.language):
        raise Malformed("language is not a language tag")
    return person


def _claim(told: Mapping[str, Any], opened: int) -> Fields:
    # Without days of its own a claim was ordered three weeks and complained about one week before it was filed.
    day = moment(opened).date()
    claim = {
        "category": _of(told, "category", str),
        "narrative": _of(told, "narrative", str, NO_WORDS),
        "amount": _of(told, "amount", str),
        "currency": _of(told, "currency", str),
        "ordered_on": _of(told, "ordered_on", str, (day - timedelta(21)).isoformat()),
        "contacted_on": _of(told, "contacted_on", str, (day - timedelta(7)).isoformat()),
        "order": {str(name): str(value) for name, value in _of(told, "order", dict, {}).items()},
        "items": _of(told, "items", list, []),
    }
    if not claim["items"]:
        claim["items"] = [{"remedy": _of(told, "remedy", str, "refund")}]
    for item in claim["items"]:
        if not isinstance(item, dict):
            raise Malformed("an item of the claim is not an object")
        _of(item, "remedy", str)
        _of(item, "amount", str, claim["amount"])
        _of(item, "currency", str, claim["currency"])
    return claim


def _deed(position: int, told: Any) -> Deed:
    if not isinstance(told, dict):
        raise Malformed(f"act {position} is not an object")
    try:
        deed = Deed(position, _instant(_of(told, "at", str)), _of(told, "by", str), _of(told, "do", str), _fields(told))
    except Malformed as broken:
        raise Malformed(f"act {position}: {broken}") from None
    if deed.by not in BY:
        raise Malformed(f"act {position}: nobody is called {deed.by}")
    if (deed.by == "clock") != (deed.do in _BY_CLOCK):
        raise Malformed(f"act {position}: the clock advances and brings mail back, and nobody else does")
    return deed


def _fields(told: Mapping[str, Any]) -> Fields:
    do = told["do"]
    if do not in DEEDS:
        raise Malformed(f"nobody can do {do}")
    needed = _NEEDED.get(do)
    if needed:
        _of(told, needed, DEEDS[do][needed])
    if do == "evidence" and "\0" in told["file"]:
        raise Malformed("file is no name of a file")
    if do in ("offer", "propose") and not {"amount", "items"} & told.keys():
        raise Malformed(f"who does {do} names an amount or items")
    given = {name: _of(told, name, kind) for name, kind in DEEDS[do].items() if told.get(name) is not None}
    for item in given.get("items", []):
        _offered(item)
    if not all(isinstance(topic, str) for topic in given.get("topics", [])):
        raise Malformed("a topic is not a text")
    return _decided(given) if do == "decide" else given


def _decided(given: dict[str, Any]) -> dict[str, Any]:
    outcome = OUTCOMES.get(given["outcome"])
    if outcome is None:
        raise Malformed(f"no decision comes to {given['outcome']}")
    if outcome == "partly" and not {"amount", "items"} & given.keys():
        raise Malformed("a decision partly for the buyer names an amount or items")
    for finding in given.get("findings", []):
        if not isinstance(finding, dict):
            raise Malformed("a finding is not an object")
        _of(finding, "text", str)
        if not all(isinstance(item, int) for item in _of(finding, "cites", list, [])):
            raise Malformed("a finding cites something else than the numbers of items")
    return {**given, "outcome": outcome}


def _offered(item: Any) -> None:
    """What an offer gives on one item: nothing (null, false), what is no money (true), or an amount."""
    if isinstance(item, dict):
        _of(item, "amount", str)
        _of(item, "currency", str, "")
    elif item is not None and not isinstance(item, bool):
        raise Malformed("an item of an offer is neither null, true, false nor an object")


def _instant(text: str) -> int:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{text!r} is no instant") from None
    if read.tzinfo is None:
        raise Malformed(f"{text!r} names no zone")
    if not FIRST_YEAR <= read.year < LAST_YEAR:
        raise Malformed(f"{text!r} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return instant(read)
