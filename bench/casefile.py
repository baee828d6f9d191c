"""How long somebody waits for the verifier: a case file of two hundred entries, and a whole log of a hundred thousand.

The verifier is the file that comes along in the case file, run by a fresh interpreter as its reader would run it, so
that the start of Python is counted; an interpreter that does nothing takes turns with it. The dispute goes through the
doorway; the whole log is the one of bench/verification.py, published into a folder, with the words left out.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.houses import a_house
from bench.verification import fill
from odr.database import one_moment
from odr.house import House
from odr.log.integrator import seal_all
from odr.log.publication import publish_files
from odr.procedure.rules import send_message
from tests.builders import a_dispute
from tests.casefile.archives import key_of, made, members

GOALS = {"case_file_seconds": 0.3, "whole_log_seconds": 5.0}
VERIFIER = "evenhand-verify.py"


def run(*, short: bool) -> dict[str, Any]:
    entries, rounds, in_log, log_rounds = (40, 2, 2_000, 1) if short else (200, 15, 100_000, 3)
    with TemporaryDirectory() as folder, a_house() as (app, house):
        at_home = Path(folder)
        size = _case_file(app, house, at_home, entries)
        key, starts, cases, cpu = key_of(house), [], [], []
        for _ in range(rounds):
            starts.append(_waited(at_home, "-c", "pass"))
            before = _cpu()
            cases.append(_waited(at_home, VERIFIER, "case", "case.zip", "--key", key))
            cpu.append(_cpu() - before)
        with a_house() as (_, large):
            counted = _whole_log(large, at_home / "log", in_log)
            asked = (VERIFIER, "log", "log", "--key", key_of(large))
            logs = [_waited(at_home, *asked) for _ in range(log_rounds)]
    return {
        "case_file_seconds": round(statistics.median(cases), 3),
        "case_file_spread": f"{min(cases):.3f} to {max(cases):.3f}",
        "whole_log_seconds": round(statistics.median(logs), 2),
        "goals": GOALS,
        "for_orientation": {
            "entries_of_the_case_file": entries,
            "kilobytes_of_the_case_file": size // 1000,
            "processor_seconds_of_a_case_file": round(statistics.median(cpu), 3),
            "seconds_of_an_interpreter_that_does_nothing": round(statistics.median(starts), 3),
            "entries_of_the_whole_log": counted,
        },
    }


def _case_file(app: Any, house: House, folder: Path, entries: int) -> int:
    told = a_dispute(house).in_negotiation()
    while told.state.version < entries:
        told.act(send_message, told.buyer, text="When may I expect an answer to my last message?")
    seal_all(house)
    raw = made(app, house, told, "buyer")
    (folder / "case.zip").write_bytes(raw)
    (folder / VERIFIER).write_bytes(members(raw)[VERIFIER])
    return len(raw)


def _whole_log(house: House, folder: Path, entries: int) -> int:
    fill(house, entries, beside=False)
    with one_moment(house.engine) as connection:
        return publish_files(connection, house, folder).size


def _cpu() -> float:
    """Processor seconds of all programs that were run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _waited(folder: Path, *asked: str) -> float:
    begun = time.perf_counter()
    ended = subprocess.run([sys.executable, *asked], cwd=folder, capture_output=True, check=False)
    seconds = time.perf_counter() - begun
    if ended.returncode:
        raise RuntimeError(f"the verifier did not find it sound: {ended.stdout.decode()}")
    return seconds
