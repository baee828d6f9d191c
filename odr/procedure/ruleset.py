"""A ruleset: the numbers, lists and limits of the procedure as data, pinned to each dispute by its digest."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step that has a time limit. `receipt` counts it from the deemed receipt of the notice that began it."""

    name: str
    holder: str
    days: int
    working: bool = False
    receipt: bool = False
    extension_days: int = 0


@dataclass(frozen=True, slots=True)
class Ruleset:
    name: str
    digest: str
    categories: tuple[str, ...]
    remedies: tuple[str, ...]
    money_remedies: tuple[str, ...]
    grounds: tuple[str, ...]
    topics: tuple[str, ...]
    reply_choices: tuple[str, ...]
    declarations: tuple[str, ...]
    challenge_grounds: tuple[str, ...]
    bases: tuple[str, ...]
    suspension_grounds: tuple[str, ...]
    handovers: tuple[str, ...]
    seller_bound: bool
    receipt_days: int
    offer_days: int
    offer_days_most: int
    perform_days: int
    perform_days_most: int
    leave_from_day: int
    rebuttal_window_days: int
    fresh_decider_days: int
    suspension_days: int
    suspensions_most: int
    evidence_request_days_most: int
    steps: Mapping[str, Step]


class MalformedRuleset(ValueError):
    """A ruleset file that does not say all that the procedure needs."""


def read_ruleset(raw: bytes) -> Ruleset:
    """Read a ruleset from the bytes of its file; its digest is SHA-256 over exactly these bytes."""
    try:
        table = tomllib.loads(raw.decode())
        return Ruleset(
            name=table["name"],
            digest=hashlib.sha256(raw).hexdigest(),
            steps={name: Step(name=name, **step) for name, step in table["steps"].items()},
            seller_bound=_truth(table["seller_bound"]),
            **_lists(table),
            **_whole_numbers(table["time"]),
        )
    except (KeyError, TypeError, ValueError) as trouble:
        raise MalformedRuleset(str(trouble)) from trouble


_LISTS = (
    "categories", "remedies", "money_remedies", "grounds", "topics", "reply_choices", "declarations",
    "challenge_grounds", "bases", "suspension_grounds", "handovers",
)  # fmt: skip


def _lists(table: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(table[name]) for name in _LISTS}


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("seller_bound is neither true nor false")
    return value


def _whole_numbers(times: dict[str, Any]) -> dict[str, Any]:
    for name, days in times.items():
        if not isinstance(days, int) or days < 0:
            raise ValueError(f"time.{name} is not a number of days")
    return times


class Rulesets:
    """The rulesets at hand, found by name for new disputes and by digest for pinned ones."""

    def __init__(self, rulesets: list[Ruleset]) -> None:
        self._by_name = {ruleset.name: ruleset for ruleset in rulesets}
        self._by_digest = {ruleset.digest: ruleset for ruleset in rulesets}

    def named(self, name: str) -> Ruleset:
        return self._by_name[name]

    def pinned(self, digest: str) -> Ruleset:
        """The ruleset a dispute was filed under. KeyError when its file is gone: nothing is guessed."""
        return self._by_digest[digest]

    def names(self) -> list[str]:
        return sorted(self._by_name)

    def all(self) -> list[Ruleset]:
        return list(self._by_digest.values())


@cache
def shipped_rulesets() -> Rulesets:
    """The rulesets that come with the product."""
    folder = Path(__file__).parent / "rulesets"
    return Rulesets([read_ruleset(path.read_bytes()) for path in sorted(folder.glob("*.toml"))])


def rulesets_beside(folder: Path) -> Rulesets:
    """The shipped rulesets and those whose files lie in `folder`, to which disputes may be pinned as well. Of two that
    share a name the shipped one is found by it."""
    added = [read_ruleset(path.read_bytes()) for path in sorted(folder.glob("*.toml"))]
    return Rulesets([*added, *shipped_rulesets().all()])
