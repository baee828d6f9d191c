"""Lines of replay files for tests: `a_line("one", offer, accept)`, with acts told by a few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from odr.house import House
from odr.log.chain import Entry, check
from odr.log.tables import entry
from odr.replay.cli import Options, Result, run
from odr.verify import verify_house

OPENED = "2026-03-02T10:00:00Z"


def an_act(day: int, by: str, do: str, *, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """An act on that day of March 2026, at noon and some minutes."""
    return {"at": f"2026-03-{day:02}T12:{minute:02}:00Z", "by": by, "do": do, **fields}


LIFE = (
    an_act(3, "seller", "leave"),
    an_act(4, "buyer", "object"),
    an_act(5, "mediator", "propose", amount="10.00"),
    an_act(6, "buyer", "reject_proposal"),
    an_act(6, "seller", "accept_proposal", minute=1),
    an_act(7, "mediator", "decide", outcome="partly", amount="30.00"),
    an_act(8, "seller", "accept_decision"),
    an_act(8, "buyer", "accept_decision", minute=1),
    an_act(9, "seller", "performed"),
    an_act(31, "clock", "advance"),
)
"""A draw, an objection, a refusal, a decision, and a performance that nobody confirms."""


def a_line(name: str, *acts: dict[str, Any], **changes: Any) -> bytes:
    told: dict[str, Any] = {
        "id": name,
        "opened": OPENED,
        "buyer": {"name": f"Buyer of {name}", "country": "DE", "language": "de"},
        "seller": {"name": "Seller", "country": "CN", "language": "zh"},
        "claim": {
            "category": "not_delivered",
            "amount": "48.90",
            "currency": "EUR",
            "remedy": "refund",
            "narrative": "It never came.",
        },
        "acts": list(acts),
    }
    return json.dumps({**told, **changes}).encode()


def replay(house: House, *lines: bytes, folder: Path | None = None, **options: Any) -> Result:
    return run(house, lines, folder or house.settings.instance, Options(**options))


def entries_of(house: House) -> dict[str, list[Entry]]:
    """The entries of every dispute, by its stream, in their order."""
    streams: dict[str, list[Entry]] = {}
    with house.engine.connect() as connection:
        rows = connection.scalars(
            select(entry.c.raw).where(entry.c.stream.like("dispute/%")).order_by(entry.c.stream, entry.c.ver)
        )
        for raw in rows:
            one = check(raw)
            streams.setdefault(one.stream, []).append(one)
    return streams


def only_stream(house: House) -> list[Entry]:
    [stream] = entries_of(house).values()
    return stream


def types_of(entries: list[Entry]) -> list[str]:
    return [entry.type for entry in entries]


def sound(house: House) -> bool:
    """Whether nothing is wrong with the log, and every row is what its entries say."""
    return verify_house(house).findings == []
