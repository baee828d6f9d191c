"""Twenty thousand random lives of a dispute: the long run of the test in tests/procedure/test_machine.py.

Every life is up to 60 acts of everybody, legal and illegal, with time that moves, retries and restarts between them. A
life in which anything fails that must hold ends the run with the shortest way to it. Nothing here is timed for a goal;
the result says how many lives were lived and which ways of docs/procedure.md they went.
"""

from __future__ import annotations

import time
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.procedure.acts import STAYING, TRANSITIONS
from tests.procedure.test_machine import ADisputesLife

LIVES, ACTS_EACH = 20_000, 60


def run(*, short: bool) -> dict[str, Any]:
    lives = 200 if short else LIVES
    ADisputesLife.walked.clear()
    begun = time.perf_counter()
    run_state_machine_as_test(
        ADisputesLife,
        settings=settings(
            max_examples=lives,
            stateful_step_count=ACTS_EACH,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    walked = ADisputesLife.walked
    ways = {(str(phase), what) for phase, what in TRANSITIONS}
    return {
        "lives": lives,
        "acts_each_at_most": ACTS_EACH,
        "acts_done": sum(walked.values()),
        "seconds": round(time.perf_counter() - begun),
        "ways_walked": f"{len(ways & set(walked))} of {len(ways)}",
        "ways_not_walked": sorted(" ".join(way) for way in ways - set(walked)),
        "acts_that_stay_not_done": sorted(STAYING - {what for _, what in walked}),
    }
