"""The days of rest at a party's seat, gathered as plain values for the rules."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from importlib.metadata import version

import holidays

from odr.kernel import moment
from odr.procedure.deadlines import Calendar, Seats

_DATA = f"holidays-{version('holidays')}"
_WEEKEND = frozenset({5, 6})

# No step with its extension is longer than this, so one deadline never needs a later day.
_YEARS_AHEAD = 1


def seats_of(buyer_country: str, seller_country: str, house_country: str, at: int) -> Seats:
    """The calendars of those who may hold a deadline computed at instant `at`. Countries are ISO 3166 alpha-2."""
    year = moment(at).year
    return Seats(
        buyer=calendar_of(buyer_country, year),
        seller=calendar_of(seller_country, year),
        registrar=calendar_of(house_country, year),
    )


@lru_cache(maxsize=512)
def calendar_of(country: str, year: int) -> Calendar:
    """The days of rest in `country` from the start of `year` to the end of the next.

    Make-up working days (as in China) are no days of rest. A country the data does not know keeps its weekends only,
    and its calendar's id says so.
    """
    years = range(year, year + _YEARS_AHEAD + 1)
    days = _days(date(year, 1, 1), date(year + _YEARS_AHEAD, 12, 31))
    if country not in holidays.list_supported_countries():
        return Calendar(f"{country or '??'}:weekends", frozenset(day for day in days if day.weekday() in _WEEKEND))
    known = holidays.country_holidays(country, years=years)
    return Calendar(f"{country}:{_DATA}", frozenset(day for day in days if not known.is_working_day(day)))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days) for days in range((last - first).days + 1)]
