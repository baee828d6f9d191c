"""Proofs from the database in a log of a million entries, against pymerkle on SQLite over the same leaves.

Each side has a SQLite file of its own. Rounds alternate: in each, both sides answer the same questions, and every
answer is verified against the root outside the time. Neither keeps anything from one proof to the next: this house has
no cache of nodes, and pymerkle's cache of subroots is emptied before each of its proofs. What pymerkle takes for places
it was never asked about while its cache is kept is measured after that, in turns with ours, and said beside it.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymerkle import SqliteTree
from sqlalchemy import Connection, insert

from bench.houses import HERE
from odr.database import Base, open_engine, writing
from odr.log import tables
from odr.log.proof import roots_at, verify_consistency, verify_inclusion
from odr.log.tiles import complete_tiles, consistency, inclusion

GOALS = {"inclusion": 300, "consistency": 150}
AT_ONCE = 50_000


def run(*, short: bool) -> dict[str, Any]:
    size, rounds, each = (20_000, 3, 3) if short else (1_000_000, 9, 3)
    chance = random.Random(4)
    entries = [b"%032x" % place for place in range(size)]
    leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
    (root,) = roots_at(leaves, [size])
    with _ours(leaves) as ours, _theirs(entries) as theirs:
        inclusions, consistencies = _Ratios(), _Ratios()
        for _ in range(rounds):
            places = [chance.randrange(size) for _ in range(each)]
            paths = inclusions.round(
                places,
                lambda place: inclusion(ours, place, size),
                lambda place: _cold(theirs).prove_inclusion(place + 1, size),
            )
            for place, (path, proof) in zip(places, paths, strict=True):
                verify_inclusion(leaves[place], place, size, path, root)
                if proof.path[1:] != path:
                    raise RuntimeError("the two sides proved different things")
            olds = sorted(chance.randrange(1, size) for _ in range(each))
            paths = consistencies.round(
                olds,
                lambda old: consistency(ours, old, size),
                lambda old: _cold(theirs).prove_consistency(old, size),
            )
            for old, old_root, (path, _) in zip(olds, roots_at(leaves, olds), paths, strict=True):
                verify_consistency(old, old_root, size, root, path)
        kept = _Ratios()
        for _ in range(rounds):
            kept.round(
                [chance.randrange(size) for _ in range(each)],
                lambda place: inclusion(ours, place, size),
                lambda place: theirs.prove_inclusion(place + 1, size),
            )
    return {
        "inclusion": round(inclusions.median),
        "inclusion_spread": inclusions.spread,
        "consistency": round(consistencies.median),
        "consistency_spread": consistencies.spread,
        "entries": size,
        "goals": GOALS,
        "for_orientation": {
            "inclusion_ms": round(inclusions.ours, 2),
            "inclusion_ms_of_pymerkle": round(inclusions.theirs, 1),
            "inclusion_ms_of_pymerkle_that_keeps_its_cache": round(kept.theirs, 2),
            "inclusion_against_pymerkle_that_keeps_its_cache": round(kept.median, 1),
            "consistency_ms": round(consistencies.ours, 2),
            "consistency_ms_of_pymerkle": round(consistencies.theirs, 1),
        },
    }


class _Ratios:
    """How many times as long the other side took, round by round."""

    def __init__(self) -> None:
        self._rounds: list[tuple[float, float]] = []

    def round(
        self, questions: list[int], our: Callable[[int], list[bytes]], their: Callable[[int], Any]
    ) -> list[tuple[list[bytes], Any]]:
        answers, ours, theirs = [], [], []
        for question in questions:
            begun = time.perf_counter()
            path = our(question)
            between = time.perf_counter()
            proof = their(question)
            theirs.append(time.perf_counter() - between)
            ours.append(between - begun)
            answers.append((path, proof))
        self._rounds.append((statistics.median(ours), statistics.median(theirs)))
        return answers

    @property
    def _ratios(self) -> list[float]:
        return [theirs / ours for ours, theirs in self._rounds]

    @property
    def median(self) -> float:
        return statistics.median(self._ratios)

    @property
    def spread(self) -> str:
        return f"{min(self._ratios):.0f} to {max(self._ratios):.0f}"

    @property
    def ours(self) -> float:
        return 1000 * statistics.median(ours for ours, _ in self._rounds)

    @property
    def theirs(self) -> float:
        return 1000 * statistics.median(theirs for _, theirs in self._rounds)


def _cold(tree: SqliteTree) -> SqliteTree:
    tree.cache_clear()
    return tree


@contextmanager
def _ours(leaves: list[bytes]) -> Iterator[Connection]:
    with _folder() as folder:
        engine = open_engine(f"sqlite:///{folder / 'ours.sqlite'}")
        Base.metadata.create_all(engine, tables=[tables.leaf, tables.tile])
        for start in range(0, len(leaves), AT_ONCE):
            held = leaves[start : start + AT_ONCE]
            with writing(engine) as connection:
                connection.execute(
                    insert(tables.leaf),
                    [
                        {
                            "position": start + place,
                            "stream": f"dispute/{start + place:032x}",
                            "ver": 1,
                            "leaf_hash": leaf,
                        }
                        for place, leaf in enumerate(held)
                    ],
                )
                complete_tiles(connection, start, start + len(held))
        with engine.connect() as connection:
            yield connection
        engine.dispose()


@contextmanager
def _theirs(entries: list[bytes]) -> Iterator[SqliteTree]:
    with _folder() as folder:
        tree = SqliteTree(str(folder / "theirs.sqlite"))
        tree.append_entries(entries)
        yield tree
        tree.close()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="proofs-", dir=HERE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
