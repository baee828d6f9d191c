"""docs/permissions.md as tests read it: what was agreed, cell by cell, and what follows from it for whoever comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "permissions.md").read_text("utf-8")

SIDES = frozenset({"buyer", "seller"})
STAFF = frozenset({"mediator", "registrar", "regulator", "admin"})
ROLES = SIDES | STAFF | {"system"}
NOT_ROLES = frozenset({"anyone", "signed_in", "auditor"})
SCOPES = ("read", "speak", "bind")


@dataclass(frozen=True)
class Agreed:
    """One line of the agreement."""

    name: str
    words: str
    who: frozenset[str]
    stands: frozenset[str]
    phases: frozenset[str]
    refused_by: frozenset[str]
    mandate: str
    proof: bool
    entries: frozenset[str]
    recorded: frozenset[str]

    @property
    def held_by(self) -> str:
        """Which of the doors of the agreement is this one's; none for what the house does by itself."""
        if self.who & SIDES:
            return "held by a side"
        if self.who & STAFF:
            return "held by a role at a desk"
        [only] = self.who
        return f"held by `{only}`" if only in NOT_ROLES else ""


def rows(*heads: str) -> Iterator[list[str]]:
    """The lines of every table of the page whose head has these cells."""
    for block in re.findall(r"(?:^\|.*\n?)+", PAGE, re.M):
        head, _, *body = (_cells(line) for line in block.strip().splitlines())
        if set(heads) <= set(head):
            yield from body


def codes(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", cell))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


NAMED_PHASES = {name: codes(phases) for name, phases in rows("name", "phases")}
STANDS = {
    role: next(iter(codes(stands))) for stands, of_whom, _ in rows("stands", "of whom") for role in codes(of_whom)
}
READERS = {next(iter(codes(reader))): codes(entries) for reader, entries in rows("reader", "entries")}
_DOORS = [head for head in PAGE.splitlines() if head.startswith("| who comes")]
DOORS = {
    comes: dict(zip(_cells(_DOORS[0])[1:], answers, strict=True)) for comes, *answers in rows("who comes")
}  # fmt: skip
"""What is answered at each door to each who comes."""


def _phases(cell: str) -> frozenset[str]:
    named, _, but = cell.partition(" but ")
    found = codes(named).union(*(NAMED_PHASES[part] for part in named.split(", ") if part in NAMED_PHASES))
    assert found or cell == "–", cell
    return found - codes(but)


AGREED = {
    agreed.name: agreed
    for agreed in (
        Agreed(
            next(iter(codes(name))), words, codes(who), codes(stands), _phases(phases), codes(refused_by),
            "".join(codes(mandate)), proof == "asked", codes(entries), codes(recorded),
        )
        for name, words, who, stands, phases, refused_by, mandate, proof, entries, recorded in rows("permission", "who")
    )
}  # fmt: skip


def order() -> list[str]:
    """The permissions in the order of the page, each as often as it stands there."""
    return [next(iter(codes(name))) for name, *_ in rows("permission", "who")]
