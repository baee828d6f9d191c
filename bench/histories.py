"""A thousand random honest histories of a house: the long run of the test in tests/log/test_histories.py.

In each, disputes go on in turns while places are given, checkpoints signed, keys brought in and retired, words held and
erased, and the house is ended and opened again; now and then, and at the end, everybody looks: `odr verify`, both
self-checks, and the verifier for everybody at the whole log, at what it kept of it, and at the case file of every side.
An alarm of anybody ends the run with the number that makes the same history again. Nothing here is timed for a goal.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import FileSystemBytecodeCache

from bench.houses import make_tables, settings_in
from tests.log.histories import History

HISTORIES, STEPS = 1_000, 30


def run(*, short: bool) -> dict[str, Any]:
    histories = 5 if short else HISTORIES
    first = random.SystemRandom().randrange(10**6)
    happened: Counter[str] = Counter()
    begun = time.perf_counter()
    with TemporaryDirectory() as compiled, multiprocessing.get_context("spawn").Pool() as processes:
        lives = [(seed, compiled) for seed in range(first, first + histories)]
        for lived in processes.imap_unordered(_lived, lives):
            happened += lived
    return {
        "histories": histories,
        "alarms": 0,
        "happened": dict(sorted(happened.items())),
        "first_seed": first,
        "seconds": round(time.perf_counter() - begun),
    }


def _lived(given: tuple[int, str]) -> Counter[str]:
    """What happened in the history with this seed; templates are compiled into the folder once for all."""
    seed, compiled = given
    with TemporaryDirectory() as folder:
        house = Path(folder) / "house"
        house.mkdir()
        settings = settings_in(house, f"sqlite:///{house / 'odr.sqlite'}")
        make_tables(settings.database_url)
        history = History(seed, settings, Path(folder) / "outside", FileSystemBytecodeCache(compiled))
        history.live(STEPS)
    if history.alarms:
        raise AssertionError(f"history {seed} raised an alarm: {history.alarms[0]}")
    return history.happened
