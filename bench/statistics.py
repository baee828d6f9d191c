"""What the figures cost: the page against the front page, its growth with the number of disputes, cutting an edition.

The disputes of the large house are bulk-made rows of what is counted, spread over three years; the page reads none of
them. A part of a house that goes through the doorway is counted again from its entries, as `odr statistics check` does.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import insert

from bench.houses import a_house
from odr.database import writing
from odr.disputes.rebuild import counted_as_of
from odr.house import House
from odr.kernel import new_id
from odr.log.integrator import seal_all
from odr.statistics import tables
from odr.statistics.figures import Record
from odr.statistics.records import to_text
from odr.statistics.service import cut
from odr.verify import verify_edition
from tests.builders import a_dispute
from tests.statistics.disputes import PLAIN, decided, settled

GOALS = {"page_growth": 1.1, "page_against_front_page": 2.0, "cut_growth_per_dispute": 1.2}


def run(*, short: bool) -> dict[str, Any]:
    small, large, through_doorway, rounds = (100, 1_000, 20, 3) if short else (10_000, 300_000, 300, 15)
    with a_house() as (small_app, small_house), a_house() as (large_app, large_house):
        cuts = {}
        for house, size in ((small_house, small), (large_house, large)):
            _fill(house, size)
            seal_all(house)
            begun = time.process_time()
            assert cut(house, counted_as_of) is not None
            cuts[size] = time.process_time() - begun
        small_page, large_page = small_app.test_client(), large_app.test_client()
        growths = [_time(large_page, "/figures") / _time(small_page, "/figures") for _ in range(rounds)]
        fronts = [_time(large_page, "/figures") / _time(large_page, "/") for _ in range(rounds)]
    return {
        "page_growth": round(statistics.median(growths), 2),
        "page_against_front_page": round(statistics.median(fronts), 2),
        "cut_seconds": {str(size): round(seconds, 2) for size, seconds in cuts.items()},
        "cut_growth_per_dispute": round((cuts[large] / large) / (cuts[small] / small), 2),
        "check_seconds_per_1000_disputes": round(_check(through_doorway), 2),
        "spread": {"page_growth": f"{min(growths):.2f} to {max(growths):.2f}"},
        "disputes": {"small": small, "large": large, "counted_again": through_doorway},
        "goals": GOALS,
    }


def _fill(house: House, count: int) -> None:
    """Rows of what is counted, of many kinds, filed on any of a thousand days."""
    chosen = random.Random(7)
    kinds = (PLAIN, settled(), settled("settled_mediation", day=40), decided(), decided("partly"),
             decided("for_seller", standing="nothing_due"), decided(unheard=True, standing="unconfirmed"),
             replace(PLAIN, standing="refused", ground="late", answer="", way="", replied=0))  # fmt: skip
    for start in range(0, count, 5_000):
        rows = [
            {"dispute_id": new_id(), "simulated": False, "overdue": "", "body": to_text(_spread(chosen, kinds))}
            for _ in range(min(5_000, count - start))
        ]
        with writing(house.engine) as connection:
            connection.execute(insert(tables.record), rows)


def _spread(chosen: random.Random, kinds: tuple[Record, ...]) -> Record:
    kind, earlier = chosen.choice(kinds), chosen.randrange(1_000)
    return replace(
        kind,
        filed=kind.filed - earlier,
        replied=kind.replied and kind.replied - earlier,
        outcome_on=kind.outcome_on and kind.outcome_on - earlier,
        buyer_country=chosen.choice(("DE", "FR", "BR", "US")),
    )


def _check(count: int) -> float:
    """Seconds to count again a thousand disputes from their entries."""
    with a_house() as (_, house):
        for _ in range(count):
            a_dispute(house).in_negotiation()
        seal_all(house)
        cut(house, counted_as_of)
        begun = time.perf_counter()
        assert verify_edition(house, 1) == []
        return (time.perf_counter() - begun) / count * 1_000


def _time(client: FlaskClient, path: str) -> float:
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        if client.get(path).status_code != 200:
            raise RuntimeError(path)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
