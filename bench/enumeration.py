"""Whether the time of an answer tells who has an account: the doors that anybody can knock at, asked by turns.

Each sample is one form sent to the whole application, for an address that has an account or for one that has none, in
an order drawn by chance; between two samples the counts of attempts are forgotten, untimed. The area under the curve is
the chance that of two answers, one of each kind, the guess "the slower one is known" is right: one half tells nothing.
What no timing shows is shown by tests/people/test_guessing.py: the same bytes, statements and hashes.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import delete

from bench.houses import a_house
from odr.database import write_unit
from odr.house import House
from odr.kernel import new_number
from odr.people import service
from odr.people.tables import rate
from tests.builders import a_dispute

GOALS = {"auc_at_most": 0.55, "medians_within": 0.10}
KNOWN, UNKNOWN = "known@example.org", "other@example.org"
PASSWORD = "tides of amber 91"
REGISTRATION = {"name": "First Holder", "country": "SE", "language": "en", "password": PASSWORD}
DOORS = {
    "sign_in": ("/session/new", {"password": "not the password"}),
    "register": ("/account/new", REGISTRATION),
    "new_password": ("/password/forgotten", {}),
    "sign_in_link": ("/session/link", {}),
    "invitation": ("/invitation", {}),
}


def run(*, short: bool) -> dict[str, Any]:
    samples = 20 if short else 300
    chance = random.Random(5)
    with a_house() as (app, house):
        number = _furnish(house)
        results = {}
        for door, (path, given) in DOORS.items():
            pair = ("number", number, new_number()) if door == "invitation" else ("email", KNOWN, UNKNOWN)
            results[door] = _told(_samples(app.test_client(), house, path, given, pair, samples, chance))
    worst = max(results.values(), key=lambda one: abs(one["auc"] - 0.5))
    return {
        "doors": results,
        "worst_auc": worst["auc"],
        "goals": GOALS,
        "reached": all(_reached(one) for one in results.values()),
        "samples_of_each_kind": samples,
    }


def _furnish(house: House) -> str:
    hashed = service.hash_password(PASSWORD)
    account_id = write_unit(
        house.engine,
        lambda connection: service.open_account(
            connection, house, email=KNOWN, name="First Holder", password_hash=hashed, at=house.clock()
        ),
    )
    return a_dispute(house, buyer_account=account_id).admitted().number


def _samples(
    client: FlaskClient,
    house: House,
    path: str,
    given: dict[str, str],
    pair: tuple[str, str, str],
    samples: int,
    chance: random.Random,
) -> dict[str, list[float]]:
    name, known, unknown = pair
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).get_data(as_text=True))
    form = {**given, "csrf_token": token[1] if token else ""}
    took: dict[str, list[float]] = {known: [], unknown: []}
    for turn in range(-5, samples):
        # Both of a pair in either order, so that whatever drifts drifts for both.
        for value in chance.sample((known, unknown), 2):
            write_unit(house.engine, lambda connection: connection.execute(delete(rate)))
            begun = time.perf_counter()
            answer = client.post(path, data={**form, name: value})
            spent = time.perf_counter() - begun
            if answer.status_code not in (303, 422):
                raise RuntimeError(f"{path} answered {answer.status_code}")
            # The first rounds open connections and compile statements.
            if turn >= 0:
                took[value].append(spent)
    return {"known": took[known], "unknown": took[unknown]}


def _told(took: dict[str, list[float]]) -> dict[str, float]:
    known, unknown = took["known"], took["unknown"]
    slower = sum((one > other) + (one == other) / 2 for one in known for other in unknown)
    medians = statistics.median(known), statistics.median(unknown)
    return {
        "auc": round(slower / (len(known) * len(unknown)), 3),
        "medians_differ_by": round(abs(medians[0] - medians[1]) / min(medians), 3),
        "known_ms": round(1000 * medians[0], 2),
        "unknown_ms": round(1000 * medians[1], 2),
    }


def _reached(one: dict[str, float]) -> bool:
    # A guess that is wrong more often than not tells as much as one that is right.
    apart = abs(one["auc"] - 0.5)
    return apart <= GOALS["auc_at_most"] - 0.5 and one["medians_differ_by"] <= GOALS["medians_within"]
