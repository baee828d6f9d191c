"""Hiding small numbers: which counts of a table are held back, so that nobody can work a small one out.

A table that adds up is a circulation: every count is an edge, and what flows into a node flows out of it. What can be
worked out about a hidden count from those that are shown is then a question of how much more could flow through it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

THRESHOLD = 10
"""The smallest count of disputes that is shown, zero apart."""

MARGIN = 3
"""How much more a count must come to before it is shown again, once it was hidden: two editions cannot be subtracted
when one dispute more or less opens and shuts a cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, flowing from `tail` to `head`."""

    key: str
    tail: str
    head: str
    value: int


Parts = Mapping[str, "Parts"]
"""The names of the parts of a whole, each with its own parts; {} for one that is not divided further."""

_OUT = ""


def divided(whole: str, parts: Parts, counts: Mapping[str, int]) -> list[Cell]:
    """A whole and its parts, level by level."""
    return [Cell(whole, _OUT, whole, counts[whole]), *_below(whole, parts, counts)]


def _below(whole: str, parts: Parts, counts: Mapping[str, int]) -> Iterable[Cell]:
    for name, further in parts.items():
        yield Cell(name, whole, name if further else _OUT, counts[name])
        yield from _below(name, further, counts)


def crossed(whole: str, rows: Sequence[str], columns: Sequence[str], counts: Mapping[str, int]) -> list[Cell]:
    """A whole divided in two ways at once, with the sums of rows and columns; a cell is called `row.column`, where
    the last words of their names are taken."""
    return [
        Cell(whole, _OUT, whole, counts[whole]),
        *(Cell(row, whole, row, counts[row]) for row in rows),
        *(Cell(cross(row, column), row, column, counts[cross(row, column)]) for row in rows for column in columns),
        *(Cell(column, column, _OUT, counts[column]) for column in columns),
    ]


def cross(row: str, column: str) -> str:
    """The name of the cell where a row and a column meet."""
    return f"{row}.{column.rpartition('.')[2]}"


def hidden_in(
    cells: Sequence[Cell],
    *,
    shown: frozenset[str] = frozenset(),
    spared: frozenset[str] = frozenset(),
    before: frozenset[str] = frozenset(),
    threshold: int = THRESHOLD,
) -> frozenset[str]:
    """The keys that are held back: the small counts, and as many more as it takes that none of them can be known to be
    small. Zeros are shown.

    `shown` stand elsewhere already and cannot be held back here; `spared` are held back only where no other will do;
    `before` were hidden in the last edition. Where nothing less will do, the whole table is held back, its zeros too.
    """
    limits = {cell.key: threshold + MARGIN * (cell.key in before) for cell in cells}
    small = [cell for cell in cells if 0 < cell.value < limits[cell.key] and cell.key not in shown]
    hidden = {cell.key for cell in small}
    # What is hidden later only widens what was possible before, so that each small count is looked at once.
    for cell in small:
        while (cut := _cut_short(cells, hidden, cell, limits[cell.key] - cell.value)) is not None:
            helping = [other for other in cells if _helps(other, cut) and other.key not in hidden | shown]
            if not helping:
                return frozenset(other.key for other in cells) - shown
            hidden.add(min(helping, key=lambda other: (other.key in spared, other.value, other.key)).key)
    added = hidden - {cell.key for cell in small}
    order = sorted(cells, key=lambda cell: (cell.key not in spared, -cell.value, cell.key))
    return frozenset(_no_more_than_needed(cells, hidden, small, limits, [c.key for c in order if c.key in added]))


def _no_more_than_needed(
    cells: Sequence[Cell], hidden: set[str], small: Sequence[Cell], limits: Mapping[str, int], added: Sequence[str]
) -> set[str]:
    """Without those that, hidden on the way, turned out not to be needed."""
    for key in added:
        less = hidden - {key}
        if all(_cut_short(cells, less, cell, limits[cell.key] - cell.value) is None for cell in small):
            hidden = less
    return hidden


def _helps(other: Cell, cut: set[str]) -> bool:
    """Whether hiding this count would let more flow out of the nodes that were reached."""
    leads_out = other.tail in cut and other.head not in cut
    leads_in = other.head in cut and other.tail not in cut
    return other.value > 0 and (leads_out or (leads_in and other.value > 1))


def _cut_short(cells: Sequence[Cell], hidden: set[str], cell: Cell, more: int) -> set[str] | None:
    """None when this count could be higher by `more` for all that is shown; else the nodes that its rise reaches."""
    # A hidden count can be anything from 1 on, since a zero would be shown.
    spare = {other.key: other.value - 1 for other in cells if other.key in hidden and other.key != cell.key}
    edges: dict[str, list[tuple[str, str, bool]]] = {}
    for other in cells:
        if other.key in spare:
            edges.setdefault(other.tail, []).append((other.head, other.key, True))
            edges.setdefault(other.head, []).append((other.tail, other.key, False))
    while more > 0:
        path, reached = _path(edges, spare, cell.head, cell.tail)
        if path is None:
            return reached
        flow = min([more, *(spare[key] for key, rises in path if not rises)])
        for key, rises in path:
            spare[key] += flow if rises else -flow
        more -= flow
    return None


def _path(
    edges: Mapping[str, list[tuple[str, str, bool]]], spare: Mapping[str, int], start: str, end: str
) -> tuple[list[tuple[str, bool]] | None, set[str]]:
    """A way from start to end along counts that can rise or fall, None where there is none; and the nodes reached."""
    came: dict[str, tuple[str, str, bool] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        node = waiting.popleft()
        for following, key, rises in edges.get(node, ()):
            if following not in came and (rises or spare[key] > 0):
                came[following] = (node, key, rises)
                waiting.append(following)
    if end not in came:
        return None, set(came)
    path, node = [], end
    while (step := came[node]) is not None:
        node, key, rises = step
        path.append((key, rises))
    return path, set(came)
