"""Counted attempts: no more than agreed, whatever the number of workers, and no address kept in clear."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from odr.database import write_unit
from odr.kernel import Refused
from odr.people.limits import HOUR, LONGEST_PAUSE, MINUTE, address_prefix, bucket, give_back, spend, sweep
from odr.people.tables import rate

NOW = 1_772_442_000_000
SOMEBODY = bucket("a secret", "email", "holder@example.org")


def attempt(engine, at=NOW, *, limit=3, window=HOUR, free=None, who=SOMEBODY):
    write_unit(engine, lambda connection: spend(connection, who, "password", at, limit, window, free=free))


def test_attempts_are_refused_once_the_window_is_spent(engine):
    for _ in range(3):
        attempt(engine)

    with pytest.raises(Refused) as refused:
        attempt(engine, NOW + 15 * MINUTE)

    assert (refused.value.code, refused.value.params) == ("too_many_attempts", {"minutes": 45})


def test_a_new_window_begins_when_the_old_one_is_over(engine):
    for _ in range(3):
        attempt(engine)

    attempt(engine, NOW + HOUR)


def test_one_persons_attempts_are_not_counted_against_another(engine):
    for _ in range(3):
        attempt(engine)

    attempt(engine, who=bucket("a secret", "email", "stranger@example.org"))


def test_the_pause_doubles_after_the_free_attempts(engine):
    at, waits = NOW, []
    for _ in range(2):
        attempt(engine, at, limit=50, free=2, window=100 * HOUR)
    while len(waits) < 8:
        try:
            attempt(engine, at, limit=50, free=2, window=100 * HOUR)
        except Refused as refused:
            waits.append(refused.params["minutes"])
            at += refused.params["minutes"] * MINUTE

    assert waits == [1, 1, 2, 4, 8, 15, 15, 15]
    assert max(waits) * MINUTE == LONGEST_PAUSE


def test_whoever_keeps_guessing_gets_at_most_twenty_tries_in_any_hour(engine):
    tries = []
    for minute in range(0, 300):
        for _ in range(5):
            try:
                attempt(engine, NOW + minute * MINUTE, limit=10, free=5)
            except Refused:
                break
            tries.append(minute)

    assert max(sum(start <= minute < start + 60 for minute in tries) for start in range(300)) <= 20


def test_simultaneous_attempts_are_all_counted(engine):
    def one(_):
        try:
            attempt(engine, limit=5)
        except Refused:
            return 0
        return 1

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(one, range(20))) == 5


PROCESS = """
import sys
from odr.database import open_engine, write_unit
from odr.kernel import Refused
from odr.people.limits import HOUR, spend

url, bucket, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine, taken = open_engine(url), 0
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    try:
        write_unit(engine, lambda connection: spend(connection, bucket, "password", at, 15, HOUR))
        taken += 1
    except Refused:
        pass
print(taken, flush=True)
"""


def test_two_processes_count_in_the_same_rows(engine, database_url):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, database_url, SOMEBODY, str(NOW)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()

    taken = [int(worker.communicate(timeout=60)[0]) for worker in workers]

    assert sum(taken) == 15
    with engine.connect() as connection:
        assert connection.execute(select(rate.c.spent)).scalar_one() == 15


def test_a_rightful_attempt_is_given_back(engine):
    for _ in range(3):
        attempt(engine)

    write_unit(engine, lambda connection: give_back(connection, SOMEBODY, "password"))

    attempt(engine)


def test_no_address_stands_in_the_database(engine):
    attempt(engine, who=bucket("a secret", "address", "192.0.2.0/24"))

    with engine.connect() as connection:
        assert "192.0.2" not in str(connection.execute(select(rate)).all())
    assert bucket("another secret", "email", "holder@example.org") != SOMEBODY


def test_old_counts_are_forgotten(engine):
    attempt(engine)

    assert write_unit(engine, lambda connection: sweep(connection, NOW + 1)) == 1


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("::ffff:192.0.2.17", "192.0.2.0/24"),
        ("2001:db8:1:203::9", "2001:db8:1:200::/56"),
        ("", "unknown"),
        (None, "unknown"),
        ("evil\r\nname", "unknown"),
    ],
)
def test_neighbours_share_a_prefix(address, prefix):
    assert address_prefix(address) == prefix


@given(st.text())
def test_any_address_has_a_prefix(address):
    assert address_prefix(address)
