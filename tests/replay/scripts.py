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

OPENED = "2026-03-02T10:00:00Z"


def an_act(day: int, by: str, do: str, *, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """An act on that day of March 2026, at noon and some minutes."""
    return {"at": f"2026-03-{day:02}T12:{minute:02}:00Z", "by": by, "do": do, **fields}


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
