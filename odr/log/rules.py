"""What the log demands of holds and erasures, in whatever stream (docs/log-format.md, section 16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

HOLD_PLACED, HOLD_LIFTED = "hold_placed", "hold_lifted"
ERASURE_ORDERED, WORDS_ERASED = "erasure_ordered", "words_erased"
_KINDS = frozenset({HOLD_PLACED, HOLD_LIFTED, ERASURE_ORDERED, WORDS_ERASED})
# Who may have others' words erased, because the law says so.
_BY_LAW = frozenset({"registrar", "system"})

Words = tuple[int, str]
"""Words by the version of their entry and the name under which it commits to them."""


@dataclass(frozen=True, slots=True)
class Breach:
    """An entry about holds or erasures that is not as the log demands."""

    code: str
    version: int
    expected: str | None = None
    found: str | None = None


@dataclass(slots=True)
class Erased:
    """What one stream says of its words: which are erased, by the entry that records it, and what is wrong with it."""

    words: dict[Words, int] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)


def erased_in(entries: Mapping[int, Mapping[str, Any]]) -> Erased:
    """Read the entries of one stream, by version, for what was held, ordered and erased."""
    erased, holds, orders = Erased(), set[int](), dict[int, list[Words]]()
    for version in sorted(version for version, entry in entries.items() if entry["type"] in _KINDS):
        entry = entries[version]
        data = entry["data"]
        if entry["type"] == HOLD_PLACED:
            holds.add(version)
        elif entry["type"] == HOLD_LIFTED:
            if (hold := _version(data.get("hold"))) not in holds:
                erased.breaches.append(Breach("hold_malformed", version, found=str(data.get("hold"))))
            holds.discard(hold)
        elif entry["type"] == ERASURE_ORDERED:
            orders[version] = list(_targets(entries, version, erased.breaches))
            if holds:
                erased.breaches.append(Breach("erasure_under_hold", version, found=f"held by entry {max(holds)}"))
        else:
            words = orders.pop(_version(data.get("ordered")), None)
            if words is None:
                erased.breaches.append(Breach("erasure_without_order", version, found=str(data.get("ordered"))))
            erased.words |= dict.fromkeys(words or (), version)
    return erased


def _targets(entries: Mapping[int, Mapping[str, Any]], version: int, breaches: list[Breach]) -> Iterator[Words]:
    """The words that an order is about: those it has a right to, of entries before it."""
    order = entries[version]
    targets = order["data"].get("targets")
    for target in targets if isinstance(targets, list) and targets else [None]:
        told, names = (target.get("ver"), target.get("names")) if isinstance(target, dict) else (None, None)
        aim = _version(told)
        entry = entries.get(aim) if aim < version else None
        if entry is None or not isinstance(names, list) or not names or not _all_held(entry, names):
            breaches.append(Breach("erasure_malformed", version, found=str(told)))
        elif order["actor"] != entry["actor"] and order["role"] not in _BY_LAW:
            breaches.append(Breach("erasure_without_right", version, expected=entry["actor"], found=order["actor"]))
        else:
            yield from ((aim, name) for name in names)


def _version(told: object) -> int:
    """A version that an entry tells of; 0, which no entry has, where it tells of none."""
    return told if type(told) is int else 0


def _all_held(entry: Mapping[str, Any], names: list[Any]) -> bool:
    return all(isinstance(name, str) and name in entry["commit"] for name in names)
