"""Records of other sources told as scripts: real negotiations, their shares read as amounts of money."""

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


SOURCES: Mapping[str, Callable[[Told], dict[str, Any]]] = {"negotiations": script_of_negotiation}
"""What `odr replay --from` knows, by the name of the file in the sample data."""


def script_line(source: str, line: bytes) -> bytes:
    """A line of a source's file as a line of a replay file. Raises Malformed for what is no line of that source."""
    try:
        script = SOURCES[source](json.loads(line, parse_float=Decimal))
    except (ArithmeticError, KeyError, TypeError, ValueError) as broken:
        raise Malformed(f"it is no line of {source}: {broken!r}") from broken
    return json.dumps(script, ensure_ascii=True).encode()
