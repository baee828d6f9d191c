"""Tiles and checkpoints as a server hands them out, against the same application's most trivial page.

Each round asks for each address a number of times, one after the other, through the whole application: routing, the
door, the headers. The trivial page is a route of the same application that answers as many bytes as a full tile has and
asks no database. The house is a SQLite file with a log of two full tiles and a rest.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from flask import Flask, make_response
from sqlalchemy import insert

from bench.houses import a_house
from odr.database import writing
from odr.house import House
from odr.log import tables
from odr.log.chain import GENESIS, Entry, encode, leaf_hash
from odr.log.integrator import seal_all
from odr.web.security import requires

GOAL = 0.8
ENTRIES = 600
BYTES = 8_192
ADDRESSES = {
    "full_tile": "/log/tile/0/000",
    "tile_at_the_edge": "/log/tile/0/002.p/80",
    "checkpoint": "/log/checkpoint",
}


def run(*, short: bool) -> dict[str, Any]:
    rounds, each = (5, 20) if short else (40, 200)
    with a_house() as (app, house):
        _trivial(app)
        _fill(house)
        client = app.test_client()
        took: dict[str, list[float]] = {name: [] for name in (*ADDRESSES, "trivial")}
        for turn in range(-1, rounds):
            for name, address in {**ADDRESSES, "trivial": "/trivial"}.items():
                begun = time.perf_counter()
                for _ in range(each):
                    answer = client.get(address)
                spent = (time.perf_counter() - begun) / each
                if answer.status_code != 200:
                    raise RuntimeError(f"{address} was not served")
                # The first round opens connections and compiles statements.
                if turn >= 0:
                    took[name].append(spent)
    return {
        **{name: round(_ratio(took, name), 2) for name in ADDRESSES},
        **{f"{name}_spread": _spread(took, name) for name in ADDRESSES},
        "goal": GOAL,
        "rounds": rounds,
        "for_orientation": {f"{name}_ms": round(1000 * statistics.median(times), 3) for name, times in took.items()},
    }


def _ratio(took: dict[str, list[float]], name: str) -> float:
    return statistics.median(_ratios(took, name))


def _ratios(took: dict[str, list[float]], name: str) -> list[float]:
    return [bare / ours for bare, ours in zip(took["trivial"], took[name], strict=True)]


def _spread(took: dict[str, list[float]], name: str) -> str:
    return f"{min(_ratios(took, name)):.2f} to {max(_ratios(took, name)):.2f}"


def _trivial(app: Flask) -> None:
    def page() -> Any:
        answer = make_response(bytes(BYTES))
        answer.mimetype = "application/octet-stream"
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer

    app.add_url_rule("/trivial", "trivial", requires("site:read")(page))


def _fill(house: House) -> None:
    """A log of so many entries, each of a stream of its own, sealed."""
    with writing(house.engine) as connection:
        entries = [_entry(house, f"dispute/{number:032x}") for number in range(ENTRIES)]
        waiting = [{name: row[name] for name in ("stream", "ver", "leaf_hash")} for row in entries]
        connection.execute(insert(tables.entry), entries)
        connection.execute(insert(tables.queue), waiting)
    seal_all(house)


def _entry(house: House, stream: str) -> dict[str, Any]:
    entry = Entry(
        origin=house.origin, stream=stream, version=1, type="filed", at=house.clock(), clock="bulk", actor="0" * 32,
        role="buyer", reach="parties", prev=GENESIS, nonce="0" * 32, act="", data={}, commit={},
    )  # fmt: skip
    raw = encode(entry)
    return {
        "stream": stream, "ver": 1, "type": entry.type, "at": entry.at, "reach": entry.reach,
        "leaf_hash": leaf_hash(raw), "raw": raw,
    }  # fmt: skip
