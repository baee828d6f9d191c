"""When time runs out: instants from days, and which deadlines of a dispute are due.

Calendar days; the day of the event is not counted; the last day ends when it has ended everywhere on Earth
(UTC-12); a last day of rest at the acting party's seat moves to the next working day (Regulation 1182/71, Art. 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from odr.kernel import instant, moment
from odr.procedure.events import Deadline
from odr.procedure.ruleset import Ruleset

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of rest at a seat, as plain values; `id` names the seat and the version of the data."""

    id: str
    rest: frozenset[date]

    def works(self, day: date) -> bool:
        return day not in self.rest


@dataclass(frozen=True, slots=True)
class Seats:
    """The calendars of those who hold deadlines. A deadline of both sides ends on a day that is a working day for
    both, so that neither side's holiday costs it time."""

    buyer: Calendar
    seller: Calendar
    registrar: Calendar

    def of(self, holder: str) -> tuple[Calendar, ...]:
        if holder == "both":
            return (self.buyer, self.seller)
        # Mediators and the house itself keep the working days of the house's seat, as registrars do.
        return ({"buyer": self.buyer, "seller": self.seller}.get(holder, self.registrar),)


def last_day(start: date, days: int, calendars: tuple[Calendar, ...], *, working: bool = False) -> date:
    """The last day of a time of `days` that begins the day after `start`."""
    day = start
    if working:
        while days:
            day += timedelta(1)
            days -= all(calendar.works(day) for calendar in calendars)
        return day
    day += timedelta(days)
    while not all(calendar.works(day) for calendar in calendars):
        day += timedelta(1)
    return day


def end_of_day(day: date) -> int:
    """The first millisecond at which `day` is over everywhere: noon UTC of the next day."""
    return instant(datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(1))


def begin(ruleset: Ruleset, step: str, at: int, seats: Seats) -> Deadline:
    """The deadline of a step that begins at instant `at`."""
    entry = ruleset.steps[step]
    calendars = seats.of(entry.holder)
    start = moment(at).date()
    if entry.receipt:
        start += timedelta(ruleset.receipt_days)
    due = end_of_day(last_day(start, entry.days, calendars, working=entry.working))
    length = f"{entry.days}{'w' if entry.working else ''}{f'+{ruleset.receipt_days}r' if entry.receipt else ''}"
    return Deadline(step, entry.holder, due, _rule(ruleset, step, length, calendars))


def extend(ruleset: Ruleset, clock: Deadline, seats: Seats) -> Deadline:
    """The same deadline, later by the extension that the ruleset allows for its step."""
    days = ruleset.steps[clock.step].extension_days
    calendars = seats.of(clock.holder)
    # The instant is noon UTC after the last day, so the last day itself is the day before.
    last = moment(clock.due).date() - timedelta(1)
    due = end_of_day(last_day(last, days, calendars))
    return Deadline(clock.step, clock.holder, due, _rule(ruleset, clock.step, f"extended {days}", calendars))


def until(ruleset: Ruleset, step: str, due: int, rule: str) -> Deadline:
    """The deadline of a step whose end was set otherwise than by days, as by an agreement or a decision."""
    return Deadline(step, ruleset.steps[step].holder, due, f"{ruleset.name}:{step}:{rule}")


def resume(clock: Deadline, stood: int) -> Deadline:
    """The same deadline after time stood still for `stood` milliseconds: later by as many days, a begun one counted
    whole, so that nobody gets less than was left."""
    due = resumed_due(clock.due, stood)
    return Deadline(clock.step, clock.holder, due, f"{clock.rule}:stood {(due - clock.due) // DAY}")


def resumed_due(due: int, stood: int) -> int:
    """An instant, later by the days that time stood still for `stood` milliseconds."""
    return due - (-stood // DAY) * DAY


def _rule(ruleset: Ruleset, step: str, length: str, calendars: tuple[Calendar, ...]) -> str:
    return f"{ruleset.name}:{step}:{length}:{','.join(calendar.id for calendar in calendars)}"
