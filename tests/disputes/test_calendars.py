"""The days of rest at a seat: weekends and feasts as the data knows them, make-up days, and countries it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.disputes.calendars import calendar_of, seats_of
from odr.kernel import instant
from odr.procedure.deadlines import begin, extend
from tests.procedure.story import default_ruleset

RULES = default_ruleset()
COUNTRIES = ("AE", "BR", "CL", "CN", "DE", "EG", "FR", "IL", "IN", "IR", "IT", "JP", "KW", "NL", "TR", "US")


@pytest.mark.parametrize(
    ("country", "day", "works"),
    [
        # Germany rests on Good Friday and on the Day of Unity, and works on the day before.
        ("DE", date(2026, 4, 3), False),
        ("DE", date(2026, 4, 2), True),
        ("DE", date(2025, 10, 3), False),
        ("DE", date(2026, 3, 7), False),
        # China works on weekends that make up for the long feasts.
        ("CN", date(2025, 1, 26), True),
        ("CN", date(2025, 2, 8), True),
        ("CN", date(2025, 2, 9), False),
        ("CN", date(2025, 9, 28), True),
        ("CN", date(2025, 10, 6), False),
        # The Emirates moved their weekend to Saturday and Sunday in 2022.
        ("AE", date(2021, 12, 31), False),
        ("AE", date(2026, 3, 6), True),
        ("AE", date(2026, 3, 7), False),
        ("AE", date(2026, 3, 8), False),
        ("AE", date(2026, 12, 2), False),
        # Egypt and Israel rest on Friday and Saturday.
        ("EG", date(2026, 3, 6), False),
        ("EG", date(2026, 3, 8), True),
        ("IL", date(2026, 3, 8), True),
    ],
)
def test_a_seat_rests_on_the_days_its_country_rests(country, day, works):
    assert calendar_of(country, day.year).works(day) is works


@pytest.mark.parametrize("country", ["XX", "", "ZZ"])
def test_an_unknown_country_keeps_its_weekends_and_says_so(country):
    calendar = calendar_of(country, 2026)

    assert calendar.id == f"{country or '??'}:weekends"
    assert all(calendar.works(day) == (day.weekday() < 5) for day in _year(2026))


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_calendar_agrees_with_the_data_it_names_for_both_its_years(country):
    calendar = calendar_of(country, 2026)

    known = holidays.country_holidays(country)
    days = [*_year(2026), *_year(2027)]
    assert [day for day in days if calendar.works(day) is not known.is_working_day(day)] == []
    assert calendar.id == f"{country}:holidays-{holidays.__version__}"


def test_each_holder_has_the_calendar_of_its_own_seat():
    seats = seats_of("DE", "CN", "NL", instant(datetime(2026, 3, 2, tzinfo=UTC)))

    assert [calendar.id.split(":")[0] for calendar in seats.of("both")] == ["DE", "CN"]
    assert [calendar.id.split(":")[0] for calendar in seats.of("registrar")] == ["NL"]
    assert seats.of("buyer") == (calendar_of("DE", 2026),)
    assert seats.of("seller") == (calendar_of("CN", 2026),)


@given(
    st.sampled_from(COUNTRIES),
    st.sampled_from(COUNTRIES),
    st.datetimes(datetime(2025, 12, 1), datetime(2026, 12, 31, 23, 59), timezones=st.just(UTC)),
    st.sampled_from(sorted(RULES.steps)),
)
def test_no_time_ends_on_a_day_of_rest_even_across_new_year(buyer, seller, day, step):
    at = instant(day)
    seats = seats_of(buyer, seller, "NL", at)

    clock = begin(RULES, step, at, seats)
    longer = extend(RULES, clock, seats)

    seat = {"buyer": (buyer,), "seller": (seller,), "both": (buyer, seller)}.get(clock.holder, ("NL",))
    for due in (clock.due, longer.due):
        last = datetime.fromtimestamp(due / 1000, UTC).date() - timedelta(1)
        assert all(holidays.country_holidays(country).is_working_day(last) for country in seat)


def _year(year):
    return [date(year, 1, 1) + timedelta(n) for n in range(365)]
