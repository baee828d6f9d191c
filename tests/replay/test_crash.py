"""A replay that is killed at any moment, again and again: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import json
import multiprocessing
import random
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from odr.house import House
from odr.kernel import real_clock
from odr.log.tables import idempotency
from odr.replay.cli import Options, run
from odr.replay.worker import Plan, open_again
from odr.verify import verify_house
from tests.replay.scripts import LIFE, a_line, an_act, entries_of, replay

# security.md, R1: 40 kills in an ordinary run, on each kind of database.
KILLS = 40

ACTS = (
    an_act(3, "buyer", "message", text="Where is it?"),
    an_act(3, "seller", "offer", minute=1, amount="10.00"),
    an_act(3, "buyer", "accept", minute=2, of=5),
    an_act(4, "buyer", "reject"),
    an_act(4, "buyer", "offer", minute=1, amount="48.90"),
    an_act(10, "seller", "accept"),
    an_act(10, "seller", "offer", minute=1, amount="24.45"),
    an_act(10, "seller", "withdraw_offer", minute=2),
    an_act(10, "buyer", "evidence", minute=3, file="late.txt"),
    an_act(10, "seller", "offer", minute=4, amount="48.90"),
    an_act(10, "buyer", "accept", minute=5),
    an_act(11, "buyer", "sign"),
    an_act(31, "clock", "advance"),
)
"""Offers, two refusals, an offer that lapses, and a signature that never comes."""


@pytest.mark.slow
def test_a_replay_killed_again_and_again_loses_nothing_and_does_nothing_twice(app, tmp_path):
    house: House = app.extensions["odr"]
    whole = replay(house, a_line("whole", *ACTS), a_line("life", *LIFE))
    expected = [told(entries) for entries in entries_of(house).values()]
    chance = random.Random()
    kills = 0
    while kills < KILLS:
        lines = [a_line(f"{kills}/acts", *ACTS), a_line(f"{kills}/life", *LIFE)]
        acks = tmp_path / f"acks {kills}"
        # Up to three times in one place: also a run that goes on after a kill is killed.
        for _ in range(chance.randint(1, 3)):
            kills += killed(house, lines, acks, chance.randrange(whole.performed), chance.uniform(0, 0.02))

            assert verify_house(house).findings == []
            assert acknowledged(acks) <= done_acts(house)

        result = replay(house, *lines)

        assert (result.performed, result.acts) == (whole.performed, whole.acts)
        assert result.outcomes == {"settled_negotiation": 1, "decided_partly:accepted": 1}
    streams = [told(entries) for entries in entries_of(house).values()]
    assert [streams.count(one) for one in expected] == [len(streams) // 2] * 2
    assert verify_house(house).findings == []


def told(entries):
    return [(entry.type, entry.at, entry.role) for entry in entries]


def killed(house: House, lines: list[bytes], acks: Path, after: int, moment: float) -> bool:
    """Replay in a process of its own and kill it `moment` seconds after it acknowledged that many acts; whether it
    was still alive."""
    house.engine.dispose()
    before = len(acknowledged_lines(acks))
    # Forked, so that many processes need not each read the whole program.
    process = multiprocessing.get_context("fork").Process(target=live, args=(house, lines, acks))
    process.start()
    while process.is_alive() and len(acknowledged_lines(acks)) < before + after:
        process.join(0.001)
    process.join(moment)
    alive = process.is_alive()
    process.kill()
    process.join()
    return alive


def live(house: House, lines: list[bytes], acks: Path) -> None:
    again = replace(open_again(Plan(house.settings, house.origin)), clock=real_clock)
    run(again, lines, house.settings.instance, Options(acks=acks))


def acknowledged_lines(acks: Path) -> list[bytes]:
    """Whole lines only: what was cut off by the kill was told to nobody."""
    return acks.read_bytes().split(b"\n")[:-1] if acks.exists() else []


def acknowledged(acks: Path) -> set[str]:
    said = [json.loads(line) for line in acknowledged_lines(acks)]
    return {f"replay/{ack['dispute']}/{ack['position']}" for ack in said if ack["do"] != "advance"}


def done_acts(house: House) -> set[str]:
    with house.engine.connect() as connection:
        return set(connection.scalars(select(idempotency.c.key)))
