"""A script: one line of a replay file read into acts, and what happens by itself between them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from odr.kernel import instant, moment
from odr.procedure.dispute import SIDES, Dispute, Phase

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
    "complete": _TEXT,
    "review": _TEXT,
    "withdraw": _TEXT,
    # The registrar.
    "admit": {},
    "ask": {"topics": list, **_TEXT},
    "refuse": {"ground": str, **_TEXT},
    "dismiss": _TEXT,
    "uphold": {"ground": str, **_TEXT},
    # The clock.
    "advance": {},
}
"""Every act that can be done today, with its fields and their types."""

_NEEDED = {"reply": "choice", "evidence": "file", "refuse": "ground", "uphold": "ground"}

LATER = frozenset(
    "accept_proposal reject_proposal object final_words accept_decision reject_decision performed confirm not_honoured"
    " rate accept_appointment decline_appointment request_evidence propose close_mediation decide".split()
)
"""Acts of steps of the procedure that are not there yet: refused, not malformed."""

# A century around today. Beyond it dates overflow and no calendar of holidays is known.
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


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
    if (deed.by == "clock") != (deed.do == "advance"):
        raise Malformed(f"act {position}: the clock advances and does nothing else")
    return deed


def _fields(told: Mapping[str, Any]) -> Fields:
    do = told["do"]
    if do in LATER:
        return {}
    if do not in DEEDS:
        raise Malformed(f"nobody can do {do}")
    needed = _NEEDED.get(do)
    if needed:
        _of(told, needed, DEEDS[do][needed])
    if do == "evidence" and "\0" in told["file"]:
        raise Malformed("file is no name of a file")
    if do == "offer" and not {"amount", "items"} & told.keys():
        raise Malformed("an offer needs an amount or items")
    given = {name: _of(told, name, kind) for name, kind in DEEDS[do].items() if told.get(name) is not None}
    for item in given.get("items", []):
        _offered(item)
    if not all(isinstance(topic, str) for topic in given.get("topics", [])):
        raise Malformed("a topic is not a text")
    return given


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
    if not _FIRST_YEAR <= read.year < _LAST_YEAR:
        raise Malformed(f"{text!r} is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return instant(read)


# -- what is not spelled out ----------------------------------------------------------------------------------

FILE = "file"
"""The act that begins every line, told by its claim."""


def groups_of(script: Script, *, racing: bool) -> list[tuple[Deed, ...]]:
    """All acts of a line, its filing among them, as they are done: one by one, or with `racing` those of one instant
    at once. Nothing races with the filing."""
    opening = Deed(None, script.opened, "buyer", FILE)
    groups: list[list[Deed]] = []
    for deed in sorted((opening, *script.deeds), key=lambda deed: deed.at):
        last = groups[-1][0] if groups else opening
        if racing and last.at == deed.at and FILE not in (last.do, deed.do):
            groups[-1].append(deed)
        else:
            groups.append([deed])
    return [tuple(group) for group in groups]


def what_follows(script: Script, dispute: Dispute, later: set[str], at: int) -> Deed | None:
    """The act that happens by itself now, because the line does not mention its stage; None when none does.

    `later`: what the line still does after this instant. To be asked again after each act that this answers.
    """
    if script.strict:
        return None
    mentioned = {deed.do for deed in script.deeds}
    if dispute.phase is Phase.SCREENING and not mentioned & {"admit", "refuse"} and "ask" not in later:
        return Deed(None, at, "registrar", "admit")
    if dispute.phase is Phase.AWAITING_RESPONSE and "reply" not in mentioned and not script.silent:
        return Deed(None, at, "seller", "reply", {"choice": "contest"})
    if dispute.phase is Phase.EVIDENCE and "evidence_complete" not in mentioned and "evidence" not in later:
        return _by_first_missing(dispute.complete, "evidence_complete", at)
    if dispute.phase is Phase.SETTLED and "sign" not in mentioned:
        return _by_first_missing(dispute.signed, "sign", at)
    return None


def _by_first_missing(there: frozenset[str], do: str, at: int) -> Deed | None:
    return next((Deed(None, at, side, do) for side in SIDES if side not in there), None)
