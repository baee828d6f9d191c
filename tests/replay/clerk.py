"""What our time limits make of a row of the sources: counted from its dates with a calendar in hand, by nobody's code.

Nobody rests but on weekends, as in a country that the data does not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = Mapping[str, Any]

LONGEST = 20_000
MEDIATORS = 7
RESPONSE_DAYS = 20


def over(start: datetime, days: int) -> datetime:
    """When a time of `days` that begins then is over: noon UTC after its last day, which is no weekend."""
    last = start.date() + timedelta(days)
    last += timedelta({5: 2, 6: 1}.get(last.weekday(), 0))
    return datetime(last.year, last.month, last.day, 12, tzinfo=UTC) + timedelta(1)


def morning(day: str | None) -> datetime | None:
    return datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC) if day else None


@dataclass(slots=True)
class Count:
    """What a source comes to."""

    acts: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def refused_by(self) -> dict[str, int]:
        codes: Counter[str] = Counter()
        for (_, code), number in self.refused.items():
            codes[code] += number
        return dict(codes)


# -- complaints ---------------------------------------------------------------------------------------------------


def count_complaints(rows: list[Row]) -> Count:
    """Every outcome leads to one place; answers that came late find the dispute gone on without the company."""
    count = Count()
    for row in rows:
        outcome, late = row["outcome"], row["responded_in_time"] is False
        acts, end = _COMPLAINTS[outcome]
        count.acts += 1 + acts
        if outcome.startswith("relief") and late:
            end = "decision"
            count.refused["reply", "not_in_this_phase"] += 1
            count.refused["accept", "offer_unknown"] += 1
            count.refused["performed", "not_in_this_phase"] += 1
        elif outcome == "explanation_only" and late:
            end = "decision"
            count.refused["reply", "not_in_this_phase"] += 1
            count.refused["leave", "not_in_this_phase"] += 1
        elif outcome == "assessed_not_resolved":
            # Grades are given when a dispute is over.
            count.refused["rate", "not_in_this_phase"] += 1
        count.outcomes[end] += 1
    return count


_COMPLAINTS = {
    "explanation_only": (2, "mediation"),
    "relief_monetary": (4, "settled_negotiation"),
    "relief_non_monetary": (4, "settled_negotiation"),
    "in_progress": (1, "awaiting_response"),
    "no_timely_response": (1, "decision"),
    "assessed_resolved": (3, "settled_direct"),
    "assessed_not_resolved": (3, "mediation"),
    "answered_not_assessed": (1, "negotiation"),
    "not_answered_or_open": (0, "awaiting_response"),
}
"""Acts beside the admission, and where they end."""


# -- decisions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Course:
    """The instants of a dispute that nobody decides: each begins the phase that it is told with."""

    marks: tuple[tuple[datetime, str], ...]

    def phase(self, at: datetime) -> str:
        return next((phase for since, phase in reversed(self.marks) if since <= at), "unfiled")


def count_decisions(rows: list[Row]) -> Count:
    count = Count()
    for row in rows:
        _count_decision(row, count)
    return count


def _count_decision(row: Row, count: Count) -> None:
    filed, panel, decided = (morning(row[name]) for name in ("filed", "panel_appointed", "decided"))
    admitted = morning(row["commenced"]) or filed
    silent, guess = row["respondent_defaulted"], row["outcome_guess"]
    replied = None if silent else admitted + timedelta(RESPONSE_DAYS)
    course, moved = _alone(filed, admitted, panel) if silent else _opposed(filed, admitted, replied, panel)
    decided = decided if guess else None
    count.acts += sum(instant is not None for instant in (morning(row["commenced"]), replied, panel, decided))
    last = max(instant for instant in (filed, morning(row["commenced"]), replied, panel, decided) if instant)
    code = _refused_decision(row, course, decided) if decided else None
    if panel and not moved:
        done = decided and not code and decided < panel
        name = "evidence_complete" if silent else "leave"
        count.refused[name, "not_your_dispute" if panel < filed else "not_in_this_phase"] += 1
        assert not done, "no row of the source has its panel after its decision was taken"
    if code:
        count.refused["decide", code] += 1
    if decided and not code:
        count.outcomes["decided"] += 1
    elif code == "text_too_long":
        # The mediation closes for the decision that then is refused.
        count.outcomes["decision"] += 1
    else:
        count.outcomes[course.phase(last).replace("closed_file", "decision")] += 1


def _refused_decision(row: Row, course: Course, decided: datetime) -> str | None:
    phase = course.phase(decided)
    if phase in ("mediation", "closed_file"):
        return "text_too_long" if len(row.get("text_masked") or "") > LONGEST else None
    # Before somebody is drawn nobody has a seat to decide from.
    return {"assignment": "not_in_this_phase", "decision": "file_open"}.get(phase, "not_your_dispute")


def _alone(filed: datetime, admitted: datetime, panel: datetime | None) -> tuple[Course, bool]:
    """The seller is silent; with the panel the buyer's time to prove ends, if it runs at that moment."""
    silent = over(over(admitted, 2 + 14), 3)
    default_over = over(silent, 10)
    moved = panel is not None and silent <= panel < default_over
    drawn = panel if moved and panel else default_over if panel else silent
    marks = [(filed, "awaiting_response"), (silent, "default_track")]
    for _ in range(MEDIATORS):
        opened = over(drawn, 3)
        closed = over(opened, 5)
        marks += [(drawn, "assignment"), (opened, "decision"), (closed, "closed_file")]
        drawn = over(over(closed, 14), 7)
    return Course((*marks, (drawn, "assignment"))), moved


def _opposed(filed: datetime, admitted: datetime, replied: datetime, panel: datetime | None) -> tuple[Course, bool]:
    """The seller answers on the last day; with the panel the negotiation ends, if it runs at that moment."""
    negotiation_over = over(replied, 10)
    moved = panel is not None and replied <= panel < negotiation_over
    drawn = panel if moved and panel else negotiation_over
    mediated = over(drawn, 10)
    marks = [(filed, "awaiting_response"), (replied, "negotiation"), (drawn, "mediation"), (mediated, "closed_file")]
    return Course(tuple(marks)), moved


def days_out_of_order(row: Row) -> bool:
    days = [date.fromisoformat(row[name]) for name in ("filed", "commenced", "panel_appointed", "decided") if row[name]]
    return days != sorted(days)
