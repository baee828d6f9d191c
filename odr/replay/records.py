"""Records of other sources told as scripts: real negotiations, complaints and decisions, with what they leave open.

What a source does not say is set here once, in words or as a number that docs/replay.md names; nothing is made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from odr.replay.rules import Malformed

Told = Mapping[str, Any]

# The source has no money and no times (its README says how to read it): 900.00 are claimed, acts come a minute apart.
CLAIMED = Decimal("900.00")
CURRENCY = "EUR"
OPENED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

_DO = {"message": "message", "offer": "offer", "accept": "accept", "reject": "reject", "walk_away": "leave"}


def script_of_negotiation(record: Told) -> dict[str, Any]:
    """A negotiation of the CaSiNo corpus as a script. A is the buyer and B the seller; an offer gives A's share of the
    claim, to the cent. No refusals are expected."""
    return {
        "id": f"negotiation-{record['id']}",
        "opened": OPENED.isoformat(),
        "buyer": {"name": f"Buyer {record['id']}", "country": "DE", "language": "en"},
        "seller": {"name": f"Seller {record['id']}", "country": "CN", "language": "en"},
        "claim": {
            "category": "other",
            "remedy": "refund",
            "amount": str(CLAIMED),
            "currency": CURRENCY,
            "narrative": "Two camping neighbours share nine packages of supplies.",
        },
        "acts": [
            {
                "at": (OPENED + timedelta(minutes=place)).isoformat(),
                "by": "buyer" if event["party"] == "A" else "seller",
                "do": _DO[event["type"]],
                **_said(event),
            }
            for place, event in enumerate(record["events"], 1)
        ],
    }


def _said(event: Told) -> dict[str, Any]:
    if event["type"] == "message":
        return {"text": event["text"]}
    if event["type"] != "offer":
        return {}
    refund = (CLAIMED * event["share_A_pct"] / 100).quantize(Decimal("0.01"))
    return {"amount": str(refund)}


# -- complaints -----------------------------------------------------------------------------------------------

# The agency takes amounts out of what it publishes, and no row of either source holds one.
ASKED = "100.00"
_CURRENCIES = {"US": "USD", "BR": "BRL"}
_LANGUAGES = {"US": "en", "BR": "pt"}

# Problems of the Brazilian service and the few of the American one that are about buying. All others are `other`.
_CATEGORIES = (
    ("Não entrega", "not_delivered"),
    ("Dificuldade / atraso na devolução de valores pagos", "refund_not_paid"),
    ("Produto danificado", "defective"),
    ("Cobrança indevida", "charged_wrongly"),
    ("Oferta não cumprida", "not_as_described"),
    ("Problem with a purchase", "charged_wrongly"),
    ("Unauthorized transactions", "charged_wrongly"),
)

REFUND_ITEM, OTHER_ITEM = {"remedy": "refund"}, {"remedy": "other"}
"""What every complaint asks for: money back, or another remedy; which of them was given is the source's outcome."""

# When a company answered stands in no row. An answer in time comes on the tenth day after the complaint was sent on,
# within the days of both services; one that was late comes on the 40th, when no time of ours is left.
ANSWERED, ANSWERED_LATE = 10, 40


def script_of_complaint(record: Told) -> dict[str, Any]:
    """A complaint to the American consumer agency or the Brazilian dispute service as a script: the consumer is the
    buyer, the company the seller, and the outcome says what both did."""
    country = record["country"]
    received, forwarded = record["received_date"], record["forwarded_date"] or record["received_date"]
    days = _Days(forwarded)
    return {
        "id": f"{record['source']}-{record['source_id']}",
        "opened": _Days(received).at(0),
        "buyer": {
            "name": f"Consumer {record['source_id']}",
            "country": country,
            "language": record["narrative_lang"] or _LANGUAGES[country],
        },
        # Of a company the sources tell the name only. It did business there.
        "seller": {
            "name": record["company"],
            "country": country,
            "language": _LANGUAGES[country],
            "silent": record["outcome"] in _SILENT,
        },
        "claim": {
            "category": _category(record["problem"]),
            "amount": ASKED,
            "currency": _CURRENCIES[country],
            "items": [REFUND_ITEM, OTHER_ITEM],
            "order": {name: record[name] for name in ("sector", "subsector", "problem", "sub_problem") if record[name]},
            **({"narrative": record["narrative"]} if record["narrative"] else {}),
        },
        "acts": [
            {"at": days.at(0, minute=1), "by": "registrar", "do": "admit"},
            *_complained(record, days),
        ],
    }


def _category(problem: str) -> str:
    return next((category for words, category in _CATEGORIES if problem.startswith(words)), "other")


class _Days:
    """Instants by the number of days after a date of the source, whose days begin at nine in the morning."""

    def __init__(self, day: str) -> None:
        self._first = datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)

    def at(self, day: int, *, minute: int = 0) -> str:
        return (self._first + timedelta(days=day, minutes=minute)).isoformat()


# Who gave no answer that the source tells of.
_SILENT = frozenset({"no_timely_response", "not_answered_or_open", "in_progress"})

Act = Callable[..., None]
Telling = Callable[[Act, int, Told], None]


def _complained(record: Told, days: _Days) -> list[dict[str, Any]]:
    """What both sides did after the complaint was sent on, as its outcome tells."""
    acts: list[dict[str, Any]] = []

    def act(day: int, by: str, do: str, **fields: Any) -> None:
        acts.append({"at": days.at(day, minute=len(acts) + 2), "by": by, "do": do, **fields})

    answered = ANSWERED if record["responded_in_time"] is not False else ANSWERED_LATE
    _COMPLAINED[record["outcome"]](act, answered, record)
    return acts


def _explained(act: Act, answered: int, record: Told) -> None:
    """The company explained itself and gave nothing: it contests, and leaves the negotiation."""
    act(answered, "seller", "reply", choice="contest")
    act(answered + 1, "seller", "leave")


def _relieved(items: list[Any]) -> Telling:
    """The company closed the complaint with relief: it offers that item, the consumer takes it, it is given. No
    consumer was asked whether it came."""

    def tell(act: Act, answered: int, record: Told) -> None:
        act(answered, "seller", "reply", choice="offer", items=items)
        act(answered + 1, "buyer", "accept")
        act(answered + 1, "seller", "performed")
        act(answered + 40, "clock", "advance")

    return tell


def _in_progress(act: Act, answered: int, record: Told) -> None:
    """The company said that it needs more time, and there the source ends."""
    act(answered, "seller", "extend")


def _not_answered(act: Act, answered: int, record: Told) -> None:
    """Nothing came in time: the dispute goes on without the company, and there the source ends."""
    act(ANSWERED_LATE, "clock", "advance")


def _resolved(act: Act, answered: int, record: Told) -> None:
    """The company answered, and the consumer said that the matter was resolved, with a grade."""
    act(answered, "seller", "reply", choice="contest")
    act(answered + 1, "buyer", "settled_directly")
    act(answered + 1, "buyer", "rate", score=record["satisfaction"])


def _not_resolved(act: Act, answered: int, record: Told) -> None:
    """The company answered, and the consumer said that nothing was resolved, with a grade."""
    act(answered, "seller", "reply", choice="contest")
    act(answered + 1, "buyer", "leave")
    act(answered + 1, "buyer", "rate", score=record["satisfaction"])


def _not_assessed(act: Act, answered: int, record: Told) -> None:
    """The company answered, and there the source ends."""
    act(answered, "seller", "reply", choice="contest")


def _open(act: Act, answered: int, record: Told) -> None:
    """There the source ends."""


_COMPLAINED: Mapping[str, Telling] = {
    "explanation_only": _explained,
    "relief_monetary": _relieved([{"amount": ASKED}, False]),
    "relief_non_monetary": _relieved([False, True]),
    "in_progress": _in_progress,
    "no_timely_response": _not_answered,
    "assessed_resolved": _resolved,
    "assessed_not_resolved": _not_resolved,
    "answered_not_assessed": _not_assessed,
    "not_answered_or_open": _open,
}


# -- decisions ------------------------------------------------------------------------------------------------

# The providers serve parties of all countries, and who these were is masked: ISO 3166 leaves ZZ to such as we.
NOWHERE = "ZZ"

# The days that a respondent has under the UDRP. When one answered stands in no row; it is told on the last of them.
RESPONSE_DAYS = 20

_OUTCOMES = {"transferred": "for_buyer", "denied": "for_seller"}


def script_of_decision(record: Told) -> dict[str, Any]:
    """A decision on a domain name as a script: the complainant is the buyer and asks for the name, which is no money.

    Dates are taken as they are, also where they are out of order; what our own time limits say to them is theirs.
    """
    acts: list[dict[str, Any]] = []

    def act(day: str, by: str, do: str, *, later: int = 0, **fields: Any) -> None:
        acts.append({"at": _Days(day).at(later, minute=len(acts) + 1), "by": by, "do": do, **fields})

    commenced, appointed = record["commenced"], record["panel_appointed"]
    outcome = _OUTCOMES.get(record["outcome_guess"])
    if commenced:
        act(commenced, "registrar", "admit")
    if not record["respondent_defaulted"]:
        act(commenced or record["filed"], "seller", "reply", later=RESPONSE_DAYS, choice="contest")
    if appointed:
        # With the panel everything lies with whoever decides.
        alone = record["respondent_defaulted"]
        act(appointed, "buyer", "evidence_complete" if alone else "leave")
    if record["decided"] and outcome:
        reasons = {"reasons": record["text_masked"]} if record.get("text_masked") else {}
        act(record["decided"], "mediator", "decide", outcome=outcome, basis="contract", **reasons)
    return {
        "id": f"decision-{record['id']}",
        "opened": _Days(record["filed"]).at(0),
        "buyer": {"name": f"Complainant {record['id']}", "country": NOWHERE, "language": "en"},
        "seller": {
            "name": f"Respondent {record['id']}",
            "country": NOWHERE,
            "language": "en",
            "silent": record["respondent_defaulted"],
        },
        "claim": {
            "category": "other",
            "amount": ASKED,
            "currency": "USD",
            "items": [OTHER_ITEM],
            "order": {"provider": record["provider"]},
        },
        "acts": acts,
    }


SOURCES: Mapping[str, Callable[[Told], dict[str, Any]]] = {
    "negotiations": script_of_negotiation,
    "complaints": script_of_complaint,
    "decisions": script_of_decision,
}
"""What `odr replay --from` knows, by the name of the file in the sample data."""


def script_line(source: str, line: bytes) -> bytes:
    """A line of a source's file as a line of a replay file. Raises Malformed for what is no line of that source."""
    try:
        script = SOURCES[source](json.loads(line, parse_float=Decimal))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as broken:
        raise Malformed(f"it is no line of {source}: {broken!r}") from broken
    return json.dumps(script, ensure_ascii=True).encode()
