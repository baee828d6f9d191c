"""Time through the whole house: zones, days of rest at a seat, the end of a day, and clocks that change."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from flask import Flask
from flask_babel import force_locale
from hypothesis import given
from hypothesis import strategies as st

from odr.disputes.calendars import calendar_of, seats_of
from odr.disputes.service import due_disputes, fire_one
from odr.house import House
from odr.kernel import instant, moment
from odr.notices.mail import _Reader
from odr.procedure.deadlines import begin, end_of_day, extend, resume
from odr.procedure.ruleset import shipped_rulesets
from odr.web.language import init_language
from tests.builders import a_dispute

RULES = shipped_rulesets().named("default-1")
HOUR, DAY = 3_600_000, 86_400_000
ZONES = sorted(available_timezones() - {"localtime", "Factory"})

zones = st.sampled_from(ZONES)
instants = st.integers(instant(datetime(2025, 1, 1, tzinfo=UTC)), instant(datetime(2029, 12, 31, tzinfo=UTC)))
seats_around_the_world = st.sampled_from(["DE", "CN", "US", "AE", "IL", "NZ", "BR", "JP", "IN", "WS", "??"])
steps = st.sampled_from(sorted(RULES.steps))


def last_day_of(due: int) -> date:
    return moment(due).date() - timedelta(1)


# -- zones -----------------------------------------------------------------------------------------------------------


@given(steps, instants, seats_around_the_world, seats_around_the_world, zones)
def test_whoever_acts_on_the_last_day_by_their_own_clock_is_in_time_wherever_they_are(
    step: str, at: int, buyer: str, seller: str, zone: str
) -> None:
    due = begin(RULES, step, at, seats_of(buyer, seller, "NL", at)).due

    day_after = last_day_of(due) + timedelta(1)
    their_midnight = datetime(day_after.year, day_after.month, day_after.day, tzinfo=ZoneInfo(zone))
    assert instant(their_midnight) <= due


def test_the_last_place_on_earth_where_a_day_ends_gets_all_of_it() -> None:
    day = date(2026, 5, 14)
    anywhere = datetime(2026, 5, 15, tzinfo=ZoneInfo("Etc/GMT+12"))

    assert end_of_day(day) == instant(anywhere)


@given(instants, st.sampled_from(["en", "zh_Hans"]), zones)
def test_the_day_in_a_subject_is_the_last_one_that_is_whole_everywhere(at: int, language: str, zone: str) -> None:
    due = end_of_day(moment(at).date())

    assert _Reader(language, zone).last_day(due) == _Reader(language, "UTC").last_day(due)
    assert _Reader(language, zone).last_day(due) == _Reader(language, zone).day(last_day_of(due).isoformat())


@given(due=instants, zone=zones)
def test_an_instant_in_a_mail_is_the_same_in_the_readers_zone_and_in_utc(talking: None, due: int, zone: str) -> None:
    due -= due % 60_000
    said = _Reader("en", zone).instant(due)

    days, times = re.findall(r"\d{1,2} [A-Z][a-z]+ \d{4}", said), re.findall(r"\d\d:\d\d", said)
    there, utc = (
        datetime.strptime(f"{day} {hour}", "%d %B %Y %H:%M")
        for day, hour in ((days[0], times[0]), (days[-1], times[-1]))
    )
    assert instant(utc.replace(tzinfo=UTC)) == due
    # Where an hour comes twice its name is the same; the hour in UTC tells which one it is.
    assert due in {instant(there.replace(tzinfo=ZoneInfo(zone), fold=fold)) for fold in (0, 1)}


@pytest.fixture(scope="module")
def talking() -> Iterator[None]:
    app = Flask("tests")
    init_language(app)
    with app.app_context(), force_locale("en"):
        yield


@pytest.fixture(params=["Pacific/Kiritimati", "America/New_York", "Etc/GMT+12", "Asia/Kathmandu"])
def machine_elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine, set to another zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_zone_of_the_machine_moves_no_deadline(machine_elsewhere: None) -> None:
    assert os.environ["TZ"] and datetime(2026, 7, 1).astimezone().utcoffset() != timedelta(0)
    at = instant(datetime(2026, 3, 28, 23, 30, tzinfo=UTC))

    due = begin(RULES, "reply", at, seats_of("DE", "CN", "NL", at)).due

    assert moment(due) == datetime(2026, 4, 14, 12, tzinfo=UTC)


# -- clocks that change ----------------------------------------------------------------------------------------------


@given(steps, instants, st.integers(0, 60 * DAY))
def test_time_that_stood_still_gives_back_at_least_what_it_took_and_keeps_the_hour(
    step: str, at: int, stood: int
) -> None:
    clock = begin(RULES, step, at, seats_of("DE", "CN", "NL", at))

    later = resume(clock, stood)

    assert 0 <= later.due - clock.due - stood < DAY
    assert moment(later.due).hour == 12


def test_a_clock_that_was_set_back_makes_nothing_happen_twice_and_nothing_too_early(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    due = dispute.state.running_clock.due

    clock.at = due - 1
    assert due_disputes(house) == [] and fire_one(house, dispute.id).version == dispute.state.version
    clock.at = due
    assert due_disputes(house) == [dispute.id]
    called = fire_one(house, dispute.id)
    clock.at = due - 5 * HOUR
    again = fire_one(house, dispute.id)

    assert called.running_clock.step == "last_call" and again == called
    dispute.contested()
    # Entries never go back in time, whatever the machine believes.
    assert dispute.state.at >= due


# -- days of rest ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seller", "admitted"),
    [("CN", datetime(2026, 9, 15, 9, tzinfo=UTC)), ("DE", datetime(2026, 12, 9, 9, tzinfo=UTC))],
    ids=["golden week", "christmas"],
)
def test_a_seller_whose_seat_rests_on_the_last_day_has_until_it_works_again(
    house: House, clock: Any, seller: str, admitted: datetime
) -> None:
    clock.at = instant(admitted)
    dispute = a_dispute(house, seller_country=seller).admitted()

    counted = admitted.date() + timedelta(RULES.receipt_days + RULES.steps["reply"].days)
    last = last_day_of(dispute.state.running_clock.due)
    calendar = calendar_of(seller, admitted.year)
    assert not calendar.works(counted) and calendar.works(last)
    assert not [day for day in range((last - counted).days) if calendar.works(counted + timedelta(day))]
    assert calendar.id in dispute.state.running_clock.rule


def test_a_feast_at_the_other_sides_seat_costs_and_gives_nothing(house: House, clock: Any) -> None:
    clock.at = instant(datetime(2026, 9, 15, 9, tzinfo=UTC))

    at_work = a_dispute(house, seller_country="DE", buyer_country="CN").admitted()

    assert last_day_of(at_work.state.running_clock.due) == date(2026, 10, 1)


@given(instants, seats_around_the_world, seats_around_the_world)
def test_more_time_ends_on_no_day_of_rest_of_whoever_asked_for_it(at: int, buyer: str, seller: str) -> None:
    seats = seats_of(buyer, seller, "NL", at)

    for step in ("reply", "evidence", "information"):
        longer = extend(RULES, begin(RULES, step, at, seats), seats)

        assert all(calendar.works(last_day_of(longer.due)) for calendar in seats.of(RULES.steps[step].holder))
