"""How the list and the dispute page grow from 1,000 to 100,000 disputes in one database.

2,000 disputes go through the doorway like any other. The rest are bulk-made: copies of those rows under new ids, which
no verifier would accept and which only fill the tables and their indexes. Both pages are asked for through the whole
application, signed in, in turns with the small and the large database, and the medians compared.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Table, insert, select

from bench.houses import a_house
from odr.database import write_unit, writing
from odr.disputes.tables import dispute_row, party
from odr.house import House
from odr.kernel import new_id, new_number, new_pseudonym
from odr.log import tables as log
from odr.log.integrator import seal_all
from odr.people.security import cookie_name
from odr.people.service import open_account, start_session
from tests.builders import a_dispute

GOALS = {"list_growth": 1.2, "page_growth": 1.2}
OWN = 40
"""Disputes of the person whose pages are timed: more than one page of the list."""


def run(*, short: bool) -> dict[str, Any]:
    small, large, through_doorway, rounds = (50, 400, 60, 3) if short else (1_000, 100_000, 2_000, 15)
    with a_house() as (small_app, small_house), a_house() as (large_app, large_house):
        sides = {}
        for name, app, house, size in (
            ("small", small_app, small_house, small),
            ("large", large_app, large_house, large),
        ):
            account_id, number = _own_disputes(house)
            for _ in range(min(size, through_doorway) - OWN):
                _a_whole_dispute(house)
            seal_all(house)
            _copy_rows(house, size - min(size, through_doorway))
            sides[name] = (_signed_in(app, house, account_id), number)
        lists, pages = [], []
        for _ in range(rounds):
            lists.append(_ratio(sides, lambda number: "/disputes"))
            pages.append(_ratio(sides, lambda number: f"/disputes/{number}"))
    return {
        "list_growth": round(statistics.median(lists), 2),
        "page_growth": round(statistics.median(pages), 2),
        "spread": {
            "list": f"{min(lists):.2f} to {max(lists):.2f}",
            "page": f"{min(pages):.2f} to {max(pages):.2f}",
        },
        "disputes": {"small": small, "large": large, "through_the_doorway": min(large, through_doorway)},
        "goals": GOALS,
    }


def _own_disputes(house: House) -> tuple[str, str]:
    def unit(connection: Connection) -> str:
        return open_account(connection, house, email="buyer@example.org", name="Buyer", at=house.clock(), country="DE")

    account_id = write_unit(house.engine, unit)
    told = [_a_whole_dispute(house, buyer_account=account_id) for _ in range(OWN)]
    return account_id, told[-1].number


def _a_whole_dispute(house: House, **given: Any) -> Any:
    told = a_dispute(house, **given).in_negotiation()
    for step in range(6):
        told.offer(told.seller if step % 2 else told.buyer, f"{20 + step}.00", text="As discussed.")
    return told.accepted(told.buyer).signed()


def _copy_rows(house: House, count: int) -> None:
    """Fill the tables with copies of the last dispute under new names."""
    with house.engine.connect() as connection:
        model = connection.execute(select(dispute_row).order_by(dispute_row.c.id.desc()).limit(1)).one()
        stream = f"dispute/{model.id}"
        held = {
            table: [dict(row._mapping) for row in connection.execute(select(table).where(table.c.stream == stream))]
            for table in (log.entry, log.payload, log.idempotency, log.leaf)
        }
        sides = [dict(row._mapping) for row in connection.execute(select(party).where(party.c.dispute_id == model.id))]
        position = len(list(connection.scalars(select(log.leaf.c.position))))
    for start in range(0, count, 500):
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in (dispute_row, party, *held)}
        for _ in range(min(500, count - start)):
            dispute_id = new_id()
            named = {"stream": f"dispute/{dispute_id}"}
            rows[dispute_row].append({**model._mapping, "id": dispute_id, "number": new_number()})
            rows[party] += [{**side, "dispute_id": dispute_id, "account_id": new_id()} for side in sides]
            for table, copied in held.items():
                for row in copied:
                    other = {"key": new_pseudonym()} if table is log.idempotency else {}
                    if table is log.leaf:
                        other, position = {"position": position}, position + 1
                    rows[table].append({**row, **named, **other})
        with writing(house.engine) as connection:
            for table, copied in rows.items():
                connection.execute(insert(table), copied)


def _signed_in(app: Flask, house: House, account_id: str) -> FlaskClient:
    client = app.test_client()

    def unit(connection: Connection) -> str:
        return start_session(connection, account_id, "bench", house.clock())

    with app.app_context(), app.test_request_context():
        client.set_cookie(cookie_name("odr"), write_unit(house.engine, unit))
    return client


def _ratio(sides: dict[str, tuple[FlaskClient, str]], path: Any) -> float:
    """The median time in the large database over that in the small one, asked for in turns."""
    times: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(12):
        for name, (client, number) in sides.items():
            begun = time.perf_counter()
            answer = client.get(path(number))
            times[name].append(time.perf_counter() - begun)
            if answer.status_code != 200:
                raise RuntimeError(f"{path(number)} answered {answer.status_code}")
    return statistics.median(times["large"]) / statistics.median(times["small"])
