"""The six disputes in one house, on both databases: what the figures of all of them say, and what they must not."""

from __future__ import annotations

import json

import pytest

from odr.log.integrator import seal_all
from odr.statistics.figures import Record, count, day_of, decimal, median
from odr.statistics.records import Head, edition_of
from odr.verify import verify_house
from tests.stories.cases import SIX

pytestmark = [pytest.mark.shared, pytest.mark.slow]


def test_all_six_together_come_to_the_figures_of_the_sample(app, clock, shared):
    told = [tell(app, clock, shared) for tell in SIX]

    seal_all(app.extensions["odr"])
    assert verify_house(app.extensions["odr"]).findings == []
    counted = count([case.record for case in told], day_of(clock.at))
    counts = counted.counts
    assert (counts["filed"], counts["settled.negotiation"], counts["decided"]) == (6, 2, 4)
    assert (counts["decided.for_buyer"], counts["decided.partly"], counts["decided.for_seller"]) == (2, 1, 1)
    assert (counts["never_replied"], counts["served"], counts["decided.unheard"]) == (1, 6, 1)
    assert counted.outcome_days == [9, 58, 2, 51, 40, 44]
    assert decimal(*median(counted.outcome_days)) == "42.0"
    assert len(counted.reply_days) == 5
    assert counts["delivered.in_time"] == 3
    assert (counts["not_honoured"], counts["unknown.unconfirmed"], counts["nothing_due"]) == (1, 1, 1)
    assert (counts["border.across"], counts["border.within"]) == (6, 0)
    assert {key: held.minor for key, held in counted.sums.items()} == {
        ("claimed", "EUR"): 4890 + 114900 + 64000,
        ("claimed", "BRL"): 132055,
        ("claimed", "CLP"): 72990,
        ("claimed", "GBP"): 8900,
        ("settled", "EUR"): 4890,
        ("settled", "USD"): 26499,
        ("awarded", "EUR"): 114900 + 38000,
        ("awarded", "CLP"): 72990,
        ("costs", "EUR"): 3850,
    }
    check_published(counted, [case.record for case in told], clock.at)


def check_published(counted, records: list[Record], at: int) -> None:
    """Six disputes are too few for anything to be said of them: no cell between one and nine is shown, no sum, no
    median; nor is there a table of country pairs by problem, whose every cell would be one dispute."""
    pairs = {(record.buyer_country, record.seller_country, record.category) for record in records}
    assert len(pairs) == 6
    said = edition_of(Head(1, at, "evenhand/0", 1, "0" * 64, False), records, None).said
    [group] = said["groups"].values()
    assert not any(group["counts"].values())
    assert group["days"] == {name: {"mean": None, "median": None, "p90": None} for name in ("outcome", "reply")}
    assert not any(group["sums"].values())
    assert all(share["percent"] is None for share in group["shares"])
    assert "CL" not in json.dumps(group) and "HK" not in json.dumps(group)
