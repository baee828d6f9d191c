"""When time runs out: days, days of rest, the end of a day everywhere on Earth, and more time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.kernel import instant, moment
from odr.procedure.deadlines import DAY, Calendar, Seats, begin, end_of_day, extend, last_day
from odr.procedure.events import Deadline
from tests.procedure.story import NEVER_RESTING, SEATS, default_ruleset, due, instant_of, rulesets_with

RULES = default_ruleset()
WEEKEND = Calendar(
    "weekends", frozenset(day for day in (date(2024, 1, 1) + timedelta(n) for n in range(1200)) if day.weekday() > 4)
)


def day_before(due_at):
    """The last day of a time, from the instant at which it is over."""
    return moment(due_at).date() - timedelta(1)


days = st.dates(date(2024, 1, 1), date(2026, 12, 31))
instants = st.datetimes(datetime(2024, 1, 1), datetime(2026, 6, 30), timezones=st.just(UTC)).map(instant)
steps = st.sampled_from(sorted(RULES.steps))
# At most every other day is one of rest, so that every search ends.
calendars = st.builds(
    lambda name, rest: Calendar(name, frozenset(rest)),
    st.sampled_from(["A", "B"]),
    st.sets(days, max_size=200) | st.just(WEEKEND.rest),
)
seats = st.builds(Seats, calendars, calendars, calendars)


# -- days -------------------------------------------------------------------------------------------------------


def test_the_day_of_the_event_is_not_counted():
    assert last_day(date(2026, 3, 2), 14, (NEVER_RESTING,)) == date(2026, 3, 16)


@pytest.mark.parametrize(
    ("start", "length", "last"),
    [
        (date(2026, 1, 31), 28, date(2026, 2, 28)),
        (date(2026, 2, 28), 1, date(2026, 3, 1)),
        (date(2024, 2, 28), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 365, date(2025, 2, 28)),
        (date(2025, 12, 31), 1, date(2026, 1, 1)),
        (date(2000, 2, 28), 2, date(2000, 3, 1)),
        (date(2100, 2, 28), 2, date(2100, 3, 2)),
    ],
)
def test_months_and_leap_years_have_the_days_they_have(start, length, last):
    assert last_day(start, length, (NEVER_RESTING,)) == last


def test_a_last_day_of_rest_moves_to_the_next_working_day():
    friday = date(2026, 3, 6)

    assert last_day(friday, 1, (WEEKEND,)) == date(2026, 3, 9)


def test_days_of_rest_in_between_are_counted():
    assert last_day(date(2026, 3, 6), 3, (WEEKEND,)) == date(2026, 3, 9)


def test_working_days_alone_are_counted_where_the_ruleset_says_so():
    assert last_day(date(2026, 3, 6), 5, (WEEKEND,), working=True) == date(2026, 3, 13)


def test_a_time_of_both_sides_ends_when_neither_rests():
    rests_on_monday = Calendar("monday", frozenset({date(2026, 3, 9)}))

    assert last_day(date(2026, 3, 6), 1, (WEEKEND, rests_on_monday)) == date(2026, 3, 10)


@given(days, st.integers(0, 60), st.lists(calendars, min_size=1, max_size=2), st.booleans())
def test_nobodys_time_ends_on_a_day_of_rest(start, length, held, working):
    last = last_day(start, length, tuple(held), working=working)

    if length or not working:
        assert all(calendar.works(last) for calendar in held)
    assert last >= start + timedelta(length)


@given(days, st.integers(0, 60), calendars)
def test_no_day_of_the_time_is_lost_and_none_is_given_away(start, length, calendar):
    last = last_day(start, length, (calendar,))

    moved = (last - start).days - length
    assert all(not calendar.works(last - timedelta(n)) for n in range(1, moved + 1))


@given(days, st.integers(1, 60), calendars)
def test_as_many_working_days_pass_as_the_time_has(start, length, calendar):
    last = last_day(start, length, (calendar,), working=True)

    passed = [start + timedelta(n) for n in range(1, (last - start).days + 1)]
    assert sum(calendar.works(day) for day in passed) == length


@given(days, st.integers(0, 30), st.integers(0, 60), st.lists(calendars, min_size=1, max_size=2), st.booleans())
def test_who_begins_later_ends_no_earlier(start, shift, length, held, working):
    later = start + timedelta(shift)

    assert last_day(later, length, tuple(held), working=working) >= last_day(
        start, length, tuple(held), working=working
    )


@given(days, st.integers(0, 60), calendars, calendars, st.booleans())
def test_a_second_holder_costs_nobody_a_day(start, length, one, other, working):
    both = last_day(start, length, (one, other), working=working)

    assert both >= max(last_day(start, length, (held,), working=working) for held in (one, other))


# -- instants ---------------------------------------------------------------------------------------------------


@given(days)
def test_a_day_is_over_when_it_is_over_everywhere(day):
    over = end_of_day(day)

    westernmost = ZoneInfo("Etc/GMT+12")
    assert moment(over).astimezone(westernmost).date() == day + timedelta(1)
    assert moment(over - 1).astimezone(westernmost).date() == day
    assert moment(over).time() == datetime(2026, 1, 1, 12).time()


@pytest.mark.parametrize(
    ("place", "before"),
    [
        ("Europe/Berlin", "2026-03-28T23:30"),
        ("America/New_York", "2026-03-08T06:59"),
        ("Asia/Shanghai", "2026-03-28T17:00"),
    ],
)
def test_summer_time_moves_no_deadline(place, before):
    """A day of 23 hours somewhere is a day like any other: all reckoning is in UTC."""
    at = instant_of(before)
    assert moment(at).astimezone(ZoneInfo(place)).tzinfo is not None

    clock = begin(RULES, "evidence", at, SEATS)

    assert clock.due == due(at, 10)
    assert (clock.due - end_of_day(moment(at).date())) == 10 * DAY


def test_the_last_millisecond_of_a_utc_day_belongs_to_it():
    evening = instant_of("2026-03-02T23:59:59.999")

    assert begin(RULES, "sign", evening, SEATS).due == instant_of("2026-03-10T12:00")
    assert begin(RULES, "sign", evening + 1, SEATS).due == instant_of("2026-03-11T12:00")


@given(steps, instants, seats)
def test_every_deadline_is_noon_utc_after_a_day_that_its_holders_work(step, at, seats):
    clock = begin(RULES, step, at, seats)

    assert clock.due % DAY == DAY // 2
    assert all(calendar.works(day_before(clock.due)) for calendar in seats.of(clock.holder))
    assert (clock.step, clock.holder) == (step, RULES.steps[step].holder)


@given(steps, instants, seats)
def test_nobody_gets_less_than_the_days_of_the_ruleset(step, at, seats):
    clock = begin(RULES, step, at, seats)

    entry = RULES.steps[step]
    received = RULES.receipt_days if entry.receipt else 0
    # Over the days themselves, the rest of the last one until it ends at the date line.
    assert clock.due - at >= (entry.days + received) * DAY + DAY // 2


@given(steps, instants, st.integers(0, 40 * DAY), seats)
def test_a_step_that_begins_later_is_due_no_earlier(step, at, shift, seats):
    assert begin(RULES, step, at + shift, seats).due >= begin(RULES, step, at, seats).due


@given(steps.filter(lambda step: RULES.steps[step].extension_days), instants, seats)
def test_more_time_is_more(step, at, seats):
    clock = begin(RULES, step, at, seats)

    longer = extend(RULES, clock, seats)

    assert longer.due - clock.due >= RULES.steps[step].extension_days * DAY
    assert longer.due % DAY == DAY // 2
    assert all(calendar.works(day_before(longer.due)) for calendar in seats.of(clock.holder))


@given(instants, seats)
def test_more_time_of_no_days_takes_none_away(at, seats):
    clock = begin(RULES, "sign", at, seats)

    assert extend(RULES, clock, seats).due == clock.due


def test_a_deadline_says_by_which_rule_it_was_computed():
    at = instant_of("2026-03-02T09:00")
    seats = Seats(Calendar("DE:data", frozenset()), Calendar("CN:data", frozenset()), Calendar("NL:data", frozenset()))

    assert begin(RULES, "screening", at, seats).rule == "default-1:screening:5w:NL:data"
    assert begin(RULES, "reply", at, seats).rule == "default-1:reply:14+2r:CN:data"
    assert begin(RULES, "negotiation", at, seats).rule == "default-1:negotiation:10:DE:data,CN:data"
    reply = begin(RULES, "reply", at, seats)
    assert extend(RULES, reply, seats) == Deadline(
        "reply", "seller", reply.due + 7 * DAY, "default-1:reply:extended 7:CN:data"
    )


def test_a_ruleset_may_count_the_sellers_time_in_working_days():
    european = rulesets_with(
        "eu",
        (
            '[steps.reply]\nholder = "seller"\ndays = 14',
            ('[steps.reply]\nholder = "seller"\nworking = true\ndays = 20'),
        ),
    ).named("eu")
    seats = Seats(WEEKEND, WEEKEND, WEEKEND)

    clock = begin(european, "reply", instant_of("2026-03-02T09:00"), seats)

    assert day_before(clock.due) == date(2026, 4, 1)
    assert clock.rule == "eu:reply:20w+2r:weekends"
