"""What is kept and published, as bytes: a record of a dispute, and an edition of the figures as JSON and as a table."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from odr.kernel import Money, moment
from odr.log.chain import canonical
from odr.statistics.disclosure import THRESHOLD, Parts, crossed, divided, hidden_in
from odr.statistics.figures import (
    HEARD,
    INDICATORS,
    METHOD,
    MONEY,
    OUTCOMES,
    Counts,
    Record,
    count,
    day_of,
    decimal,
    end_of_month,
    is_mature,
    median,
    month_of,
    percentile_90,
)

FORMAT = "evenhand-edition-1"

Counted = tuple[Record, bool]
"""What is counted about a dispute, and whether it runs on a simulated clock."""

FEWEST_FOR_P90 = 50
"""With fewer, the slowest tenth is so few that it tells of single disputes."""


def to_text(record: Record) -> str:
    """A record as JSON in one spelling."""
    return json.dumps({name: getattr(record, name) for name in _FIELDS}, sort_keys=True, separators=(",", ":"))


def to_record(text: str) -> Record:
    """The record in that text."""
    held = json.loads(text)
    held["remedies"] = tuple(held["remedies"])
    for kind in MONEY:
        held[kind] = tuple((currency, minor) for currency, minor in held[kind])
    return Record(**held)


_FIELDS = tuple(part.name for part in fields(Record))


@dataclass(frozen=True, slots=True)
class Head:
    """What an edition says of itself: its number, when it was cut, and over which log."""

    number: int
    cut_at: int
    origin: str
    size: int
    root: str
    demonstration: bool


@dataclass(frozen=True)
class Edition:
    """A published edition: its bytes, and what they say."""

    body: bytes

    @cached_property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said

    @property
    def head(self) -> Head:
        log, said = self.said["log"], self.said
        return Head(said["number"], said["cut_at"], log["origin"], log["size"], log["root"], said["demonstration"])

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, 64 hex digits."""
        return hashlib.sha256(self.body).hexdigest()


def edition_of(head: Head, records: Iterable[Record], previous: Edition | None) -> Edition:
    """The edition that these records make: nothing else goes into it but what was hidden in the one before."""
    today = day_of(head.cut_at)
    held = sorted(records, key=lambda record: record.filed)
    before = _hidden_before(previous)
    groups = _groups(held, today)
    said = {
        "format": FORMAT,
        "method": METHOD,
        "number": head.number,
        "cut_at": head.cut_at,
        "log": {"origin": head.origin, "size": head.size, "root": head.root},
        "demonstration": head.demonstration,
        "threshold": THRESHOLD,
        "months": _months(held, groups, today, before),
        "groups": {
            name: _group(count(records, today), frozenset(_within(name, before))) for name, records in groups.items()
        },
    }
    return Edition(canonical(said))


def recut(stored: Edition, counted: Iterable[Counted], previous: Edition | None) -> Edition:
    """The edition that these records make in the place of a stored one, as its own words say when and where."""
    return edition_of(stored.head, wanted(counted, stored.head.demonstration), previous)


def wanted(counted: Iterable[Counted], demonstration: bool) -> Iterator[Record]:
    """Disputes on a simulated clock are never mixed into real figures (decisions: simulated entries)."""
    return (record for record, simulated in counted if demonstration or not simulated)


# -- groups of months -----------------------------------------------------------------------------------------


def _groups(held: list[Record], today: int) -> dict[str, list[Record]]:
    """Those filed in months that are old enough to be judged by, and the recent ones, where both are enough to be
    shown; else all together."""
    old = [record for record in held if is_mature(record.filed, today)]
    recent = held[len(old) :]
    if min(_admitted(old), _admitted(recent)) < THRESHOLD:
        return {"all": held}
    return {"mature": old, "recent": recent}


def _admitted(records: Iterable[Record]) -> int:
    return sum(record.admitted for record in records)


def _months(
    held: Sequence[Record], groups: dict[str, list[Record]], today: int, before: frozenset[str]
) -> dict[str, int | None]:
    """The admitted disputes by the month in which they were filed."""
    counts = {f"admitted.{name}": _admitted(records) for name, records in groups.items()}
    counts["admitted"] = sum(counts.values())
    parts: dict[str, Parts] = {f"admitted.{name}": {} for name in groups}
    day = held[0].filed if held else today
    while day <= today:
        name = "all" if len(groups) == 1 else "mature" if is_mature(day, today) else "recent"
        month = f"month.{month_of(day)}"
        counts[month] = 0
        parts[f"admitted.{name}"] = {**parts[f"admitted.{name}"], month: {}}
        day = end_of_month(day)
    for record in held:
        counts[f"month.{month_of(record.filed)}"] += record.admitted
    cells = divided("admitted", parts, counts)
    wholes = {name for name in counts if name.startswith("admitted") and not 0 < counts[name] < THRESHOLD}
    hidden = hidden_in(cells, shown=frozenset(wholes), before=before)
    return {name: None if name in hidden else counts[name] for name in sorted(counts)}


# -- the figures of a group -----------------------------------------------------------------------------------


def _group(counted: Counts, before: frozenset[str]) -> dict[str, Any]:
    hidden = hide(counted, before)
    counts = {name: None if name in hidden else number for name, number in sorted(counted.counts.items())}
    return {
        "counts": counts,
        "shares": [_share(counts, indicator) for indicator in INDICATORS],
        "days": {
            "outcome": _days(counted.outcome_days),
            "reply": _days(counted.reply_days),
        },
        "sums": _sums(counted),
    }


def hide(counted: Counts, before: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names of the counts that are held back, from the whole down to its parts. Of a whole that is held back all
    parts are, so that nothing below says what is not said above."""
    counts, hidden = counted.counts, set[str]()
    if 0 < counts["admitted"] < THRESHOLD:
        hidden.add("admitted")
    settled = {"admitted"}
    tables = [(whole, divided(whole, parts, counts)) for whole, parts in counted.divisions()]
    tables.append(("decided", crossed("decided", HEARD, OUTCOMES, counts)))
    # Hidden last: what shares are told of, and what other tables divide further.
    spared = frozenset({whole for whole, _ in tables} | {indicator.part for indicator in INDICATORS})
    for whole, cells in tables:
        names = {cell.key for cell in cells}
        if whole in hidden:
            hidden |= names - settled
        elif counts[whole]:
            shown = frozenset(names & settled - hidden)
            hidden |= hidden_in(cells, shown=shown, spared=spared, before=before)
        settled |= names
    return frozenset(hidden)


def _share(counts: dict[str, int | None], indicator: Any) -> dict[str, Any]:
    part, over = counts[indicator.part], counts[indicator.over]
    share: dict[str, Any] = {
        "id": indicator.id,
        "title": indicator.title,
        "definition": indicator.definition,
        "part": indicator.part,
        "over": indicator.over,
        "percent": None,
        "why": None,
    }
    if part is None or over is None:
        return share | {"why": "hidden"}
    if over < THRESHOLD:
        return share | {"why": "too_few"}
    return share | {"percent": decimal(100 * part, over)}


def _days(days: list[int]) -> dict[str, str | None]:
    """Median, mean and the time that nine of ten do not exceed, where there are enough disputes."""
    enough, many = len(days) >= THRESHOLD, len(days) >= FEWEST_FOR_P90
    return {
        "median": decimal(*median(days)) if enough else None,
        "mean": decimal(sum(days), len(days)) if enough else None,
        "p90": str(percentile_90(days)) if many else None,
    }


def _sums(counted: Counts) -> dict[str, dict[str, int]]:
    """Sums by kind and currency, of at least ten disputes none of which is more than half, to three digits: two
    editions cannot be subtracted to learn what one dispute was about."""
    shown: dict[str, dict[str, int]] = {kind: {} for kind in MONEY}
    for (kind, currency), held in sorted(counted.sums.items()):
        if held.disputes >= THRESHOLD and 2 * held.largest <= held.minor:
            shown[kind][currency] = three_digits(held.minor)
    return shown


def three_digits(number: int) -> int:
    """A number rounded to three significant digits, halves up."""
    step = int("1" + "0" * max(0, len(str(number)) - 3))
    return (2 * number + step) // (2 * step) * step


def _hidden_before(previous: Edition | None) -> frozenset[str]:
    if previous is None:
        return frozenset()
    said = previous.said
    months = {name for name, number in said["months"].items() if number is None}
    of_groups = {
        f"{group}/{name}"
        for group, held in said["groups"].items()
        for name, number in held["counts"].items()
        if number is None
    }
    return frozenset(months | of_groups)


def _within(group: str, before: frozenset[str]) -> Iterator[str]:
    for name in before:
        of, slash, rest = name.partition("/")
        if slash and of == group:
            yield rest


# -- the same as a table file ---------------------------------------------------------------------------------

COLUMNS = ("edition", "cut_at", "log_size", "log_root", "group", "figure", "item", "unit", "value", "why_not")


def as_csv(edition: Edition) -> bytes:
    """The edition as CSV (RFC 4180, UTF-8): one value a line."""
    said = edition.said
    head = [said["number"], moment(said["cut_at"]).strftime("%Y-%m-%dT%H:%M:%SZ"), said["log"]["size"],
            said["log"]["root"]]  # fmt: skip
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for line in _lines(said):
        lines.writerow([*head, *line])
    return out.getvalue().encode()


def _lines(said: dict[str, Any]) -> Iterator[Sequence[Any]]:
    for name, number in said["months"].items():
        yield "all", "months", name, "disputes", _blank(number), "" if number is not None else "hidden"
    for group, held in said["groups"].items():
        for name, number in held["counts"].items():
            yield group, "counts", name, "disputes", _blank(number), "" if number is not None else "hidden"
        for share in held["shares"]:
            yield group, "shares", share["id"], "percent", _blank(share["percent"]), share["why"] or ""
        for of, days in held["days"].items():
            for measure, value in days.items():
                why = "" if value is not None else "too_few"
                yield group, "days", f"{of}.{measure}", "days", _blank(value), why
        for kind, by_currency in held["sums"].items():
            for currency, minor in by_currency.items():
                yield group, "sums", kind, currency, str(Money(minor, currency)), ""


def _blank(value: Any) -> Any:
    return "" if value is None else value
