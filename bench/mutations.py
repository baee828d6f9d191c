"""Five thousand case files with one byte changed: the long run of the test in tests/log/test_offline_case.py.

Each must be refused by the verifier for everybody, or show what it showed before: the same words, files and facts, to
the verifier and to an unpacker of another hand. The archive's own dates and the like say nothing about a dispute, and
nobody signs them; the result says how many changes fell there. Nothing here is timed for a goal.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from odr.log import offline
from tests.log.books import vkey, with_manifest, zipped
from tests.log.mutations import view_of
from tests.log.test_offline_case import case_members

MUTATIONS = 5_000


def run(*, short: bool) -> dict[str, Any]:
    dice, whole = random.Random(), zipped(with_manifest(case_members()))
    seen: Counter[str] = Counter()
    begun = time.perf_counter()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "case.zip"
        path.write_bytes(whole)
        honest = view_of(path, vkey())
        assert honest[0] == offline.SOUND
        for _ in range(200 if short else MUTATIONS):
            place, change = dice.randrange(len(whole)), dice.randrange(1, 256)
            path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            status, view = view_of(path, vkey())
            seen["refused" if status != offline.SOUND else "shows the same" if view == honest[1] else "slipped by"] += 1
            if seen["slipped by"]:
                raise AssertionError(f"byte {place} changed by {change} shows something else and is not refused")
    return {
        "bytes_of_the_case_file": len(whole),
        "mutations": seen.total(),
        **{what.replace(" ", "_"): seen[what] for what in ("refused", "shows the same", "slipped by")},
        "seconds": round(time.perf_counter() - begun),
    }
