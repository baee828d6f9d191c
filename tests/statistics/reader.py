"""A reader who works out by exact linear programming what a hidden count can be at most, knowing how tables add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from odr.statistics.disclosure import Cell

Row = dict[str, int]
"""A sum that comes to nothing: names with their signs."""


def sums_of(cells: Iterable[Cell]) -> list[Row]:
    """What adds up in a table: what flows into a node flows out of it."""
    nodes: dict[str, Row] = {}
    for cell in cells:
        nodes.setdefault(cell.head, {})[cell.key] = 1
        nodes.setdefault(cell.tail, {})[cell.key] = -1
    return [row for row in nodes.values() if row]


def at_most(name: str, sums: list[Row], values: Mapping[str, int], hidden: frozenset[str], least: int) -> float:
    """The most that the count `name` can be for a reader of all but the hidden counts; infinite when nothing bounds it.

    A hidden count is at least `least`: 1 where zeros are always shown.
    """
    names = sorted(hidden)
    place = {each: column for column, each in enumerate(names)}
    rows: list[list[Fraction]] = []
    for equation in sums:
        row = [Fraction(0)] * (len(names) + 1)
        for each, sign in equation.items():
            if each in place:
                row[place[each]] += sign
                row[-1] -= sign * least
            else:
                row[-1] -= sign * values[each]
        if any(row):
            rows.append(row if row[-1] >= 0 else [-number for number in row])
    best = _maximum(rows, len(names), place[name])
    return float("inf") if best is None else float(best + least)


def _maximum(rows: list[list[Fraction]], width: int, objective: int) -> Fraction | None:
    """The largest value of a variable over the solutions of these equations that are not negative; None: no bound."""
    height = len(rows)
    table = [
        [*row[:-1], *(Fraction(int(place == own)) for place in range(height)), row[-1]] for own, row in enumerate(rows)
    ]
    basis = [width + place for place in range(height)]
    cost = [Fraction(0)] * width + [Fraction(-1)] * height
    assert _climb(table, basis, cost, width + height) == 0, "the true values are a solution"
    for place, variable in enumerate(basis):
        if variable >= width:
            entering = next((column for column in range(width) if table[place][column]), None)
            if entering is not None:
                _pivot(table, basis, place, entering)
    kept = [place for place, variable in enumerate(basis) if variable < width]
    table, basis = [table[place] for place in kept], [basis[place] for place in kept]
    cost = [Fraction(int(column == objective)) for column in range(width)] + [Fraction(0)] * height
    return _climb(table, basis, cost, width)


def _climb(table: list[list[Fraction]], basis: list[int], cost: list[Fraction], width: int) -> Fraction | None:
    while True:
        worth = [cost[variable] for variable in basis]
        gains = (
            column
            for column in range(width)
            if column not in basis
            and cost[column] > sum(price * row[column] for price, row in zip(worth, table, strict=True) if price)
        )
        entering = next(gains, None)
        if entering is None:
            return sum((price * row[-1] for price, row in zip(worth, table, strict=True)), Fraction(0))
        ratios = [
            (row[-1] / row[entering], basis[place], place) for place, row in enumerate(table) if row[entering] > 0
        ]
        if not ratios:
            return None
        _pivot(table, basis, min(ratios)[2], entering)


def _pivot(table: list[list[Fraction]], basis: list[int], place: int, entering: int) -> None:
    by = table[place][entering]
    table[place] = [number / by for number in table[place]]
    for other, row in enumerate(table):
        if other != place and row[entering]:
            factor = row[entering]
            table[other] = [
                number - factor * pivot if pivot else number for number, pivot in zip(row, table[place], strict=True)
            ]
    basis[place] = entering
