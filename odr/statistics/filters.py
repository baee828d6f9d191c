"""How an edition reads: figures with their sentences, tables in the words of the procedure, and drawn charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent
from flask_babel import gettext, lazy_gettext
from markupsafe import Markup

from odr.kernel import Money
from odr.log.queries import LogState
from odr.statistics.records import Edition
from odr.web import sentences
from odr.web.filters import money_markup, number
from odr.web.language import manner

_ = lazy_gettext

COUNTS = {
    "filed": _("Filed"),
    "pending": _("Wait for admission"),
    "not_admitted": _("Not admitted"),
    "not_admitted.refused": _("Refused on a ground of the list"),
    "not_admitted.incomplete": _("Stayed incomplete"),
    "not_admitted.withdrawn_early": _("Withdrawn before admission"),
    "not_admitted.other_early": _("Ended otherwise before admission"),
    "admitted": _("Admitted"),
    "admission.on_time": _("Handled within the registrar’s time"),
    "admission.overdue": _("Registrar was late"),
    "served": _("Received the notice, and answered or let their time run out"),
    "answered": _("Answered the claim"),
    "answered.in_time": _("Answered in time"),
    "answered.late": _("Answered after the last call"),
    "declined": _("Declined the procedure"),
    "never_replied": _("Never replied"),
    "not_yet": _("No answer due yet, or none any more"),
    "not_yet.underway": _("Notice on its way"),
    "not_yet.running": _("Time to reply still runs"),
    "not_yet.not_served": _("Could not be reached"),
    "not_yet.ended": _("Ended before an answer was due"),
    "outcome": _("Settled or decided"),
    "settled": _("Settled"),
    "settled.direct": _("Settled directly, outside this procedure"),
    "settled.in_full": _("Seller accepted the whole claim"),
    "settled.negotiation": _("Settled in the negotiation"),
    "settled.mediation": _("Settled in the mediation"),
    "decided": _("Decided"),
    "discontinued": _("Ended without either"),
    "discontinued.withdrawn": _("Withdrawn by the buyer"),
    "discontinued.declined": _("Seller declined the procedure"),
    "discontinued.not_served": _("Seller could not be reached"),
    "discontinued.abandoned": _("Given up by the buyer"),
    "discontinued.moved_to_court": _("Moved to a court"),
    "discontinued.out_of_hands": _("Taken up by another body"),
    "discontinued.other": _("Otherwise"),
    "running": _("Still running"),
    "outcome.within_90": _("Within 90 days of filing"),
    "outcome.later": _("Later"),
    "decided.for_buyer": _("For the buyer"),
    "decided.partly": _("In part"),
    "decided.for_seller": _("For the seller"),
    "decided.heard": _("With the seller"),
    "decided.unheard": _("Without the seller, who never replied"),
    "buyer.accepted": _("Buyer accepted"),
    "buyer.rejected": _("Buyer rejected"),
    "buyer.silent": _("Buyer did not say"),
    "buyer.waiting": _("Buyer still has time to say"),
    "seller.accepted": _("Seller accepted"),
    "seller.rejected": _("Seller rejected"),
    "seller.silent": _("Seller did not say"),
    "seller.waiting": _("Seller still has time to say"),
    "open": _("Not ended yet"),
    "due": _("Ended, and the time to perform still runs"),
    "over": _("Ended, and the time to perform is over"),
    "delivered": _("Remedy delivered"),
    "delivered.in_time": _("Delivered in time"),
    "delivered.late": _("Delivered late"),
    "unknown": _("Unknown whether delivered"),
    "unknown.unconfirmed": _("Nobody said whether it was done"),
    "unknown.direct": _("Settled directly, nothing recorded of it"),
    "not_honoured": _("Not honoured"),
    "nothing_due": _("Ended, and nothing was to be done"),
    "border.across": _("Buyer and seller in different countries"),
    "border.within": _("Buyer and seller in the same country"),
}

TABLES = (
    (_("From filing to admission"), ("filed", "pending", "not_admitted", "not_admitted.refused",
      "not_admitted.incomplete", "not_admitted.withdrawn_early", "not_admitted.other_early", "admitted",
      "admission.overdue")),
    (_("What the sellers answered"), ("served", "answered", "answered.in_time", "answered.late", "declined",
      "never_replied", "not_yet", "not_yet.underway", "not_yet.running", "not_yet.not_served", "not_yet.ended")),
    (_("How admitted disputes ended"), ("outcome", "settled", "settled.direct", "settled.in_full",
      "settled.negotiation", "settled.mediation", "decided", "discontinued", "discontinued.withdrawn",
      "discontinued.declined", "discontinued.not_served", "discontinued.abandoned", "discontinued.moved_to_court",
      "discontinued.out_of_hands", "discontinued.other", "running")),
    (_("What the decisions said, and what the sides said to them"), ("decided", "decided.for_buyer", "decided.partly",
      "decided.for_seller", "decided.heard", "decided.unheard", "buyer.accepted", "buyer.rejected", "buyer.silent",
      "buyer.waiting", "seller.accepted", "seller.rejected", "seller.silent", "seller.waiting")),
    (_("What became of promises and awards"), ("over", "delivered", "delivered.in_time", "delivered.late", "unknown",
      "unknown.unconfirmed", "unknown.direct", "not_honoured", "due", "nothing_due", "open")),
)  # fmt: skip

LISTS = (
    ("ground", _("Refusals by ground"), sentences.GROUNDS),
    ("category", _("What the disputes were about"), sentences.CATEGORIES),
    ("remedy", _("What buyers asked for"), sentences.REMEDIES),
    ("buyer_country", _("Where the buyers were"), None),
    ("seller_country", _("Where the sellers were"), None),
)

DAYS = (
    ("outcome", _("From filing to a settlement or a decision")),
    ("reply", _("From filing to the seller’s answer, of those who answered")),
)

SUMS = (
    ("claimed", _("Claimed")),
    ("settled", _("Agreed on")),
    ("awarded", _("Awarded")),
    ("costs", _("Costs awarded beside it")),
)

GROUPS = {
    "all": _("All disputes filed so far"),
    "mature": _("Disputes filed in months that are 180 days old"),
    "recent": _("Disputes filed since then"),
}

WHY = {
    "hidden": _("Held back: a count in it is below ten, or would give one away"),
    "too_few": _("Held back: it would be about fewer than ten disputes"),
}

FIRST = ("H1", "H2", "I3", "I7.never", "I5", "I10")
"""The figures that stand first, each as a number of its own."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it reads: `value` and the `counts` it comes from, or why it is held back."""

    id: str
    title: str
    definition: str
    value: str
    counts: str
    why: str

    @property
    def heading(self) -> str:
        """The title with the counts behind the share, where they are shown."""
        return gettext("%(title)s (%(counts)s)", title=self.title, counts=self.counts) if self.counts else self.title


@dataclass(frozen=True, slots=True)
class Table:
    """A table of counts: rows of words and a number, None where it is held back."""

    title: str
    rows: list[tuple[str, int | None]]


class Group:
    """The figures of one group of months."""

    def __init__(self, name: str, said: dict[str, Any]) -> None:
        self.name = name
        self.title = str(GROUPS[name])
        self._said = said
        self._counts: dict[str, int | None] = said["counts"]

    @property
    def shares(self) -> list[Share]:
        return [self._share(share) for share in self._said["shares"]]

    @property
    def first(self) -> list[Share]:
        by_id = {share.id: share for share in self.shares}
        return [by_id[each] for each in FIRST]

    @property
    def tables(self) -> list[Table]:
        """Every table that has something in it."""
        fixed = [Table(str(title), [(str(COUNTS[name]), self._counts[name]) for name in names])
                 for title, names in TABLES]  # fmt: skip
        return [table for table in (*fixed, *self._lists()) if any(held != 0 for _words, held in table.rows)]

    @property
    def days(self) -> list[tuple[str, list[str]]]:
        """A sentence, and median, mean and what nine of ten do not exceed."""
        return [
            (str(words), [_decimal(self._said["days"][name][each]) for each in ("median", "mean", "p90")])
            for name, words in DAYS
        ]

    @property
    def sums(self) -> list[tuple[str, list[Markup]]]:
        """Sums by kind, one for each currency; currencies are never added."""
        return [
            (str(words), [money_markup(Money(minor, currency)) for currency, minor in self._said["sums"][kind].items()])
            for kind, words in SUMS
            if self._said["sums"][kind]
        ]

    @property
    def endings(self) -> Chart:
        """How the admitted disputes ended, as a chart with its finding."""
        rows = [(str(COUNTS[name]), self._counts[name]) for name in ("settled", "decided", "discontinued", "running")]
        return Chart(self._finding(), bars(rows), Table(str(_("How admitted disputes ended")), rows))

    def _finding(self) -> str:
        settled, decided, admitted = (self._counts[name] for name in ("settled", "decided", "admitted"))
        if settled is None or decided is None or not admitted:
            return gettext("How admitted disputes ended, as far as it can be shown")
        return gettext(
            "Of %(admitted)s admitted disputes, %(settled)s were settled and %(decided)s decided",
            admitted=number(admitted),
            settled=number(settled),
            decided=number(decided),
        )

    def _share(self, share: dict[str, Any]) -> Share:
        part, over = self._counts[share["part"]], self._counts[share["over"]]
        title, definition = gettext(share["title"]), gettext(share["definition"])
        if part is None or over is None or share["percent"] is None:
            return Share(share["id"], title, definition, gettext("Not shown"), "", str(WHY[share["why"]]))
        counts = gettext("%(part)s of %(over)s", part=number(part), over=number(over))
        return Share(share["id"], title, definition, _percent(share["percent"]), counts, "")

    def _lists(self) -> list[Table]:
        return [Table(str(title), self._list(name, words)) for name, title, words in LISTS]

    def _list(self, name: str, words: Any) -> list[tuple[str, int | None]]:
        found = []
        for key, held in self._counts.items():
            if key.startswith(f"{name}.") and not key.endswith(".not_asked"):
                code = key.removeprefix(f"{name}.").removesuffix(".asked")
                found.append((_country(code) if words is None else str(words.get(code, code)), held))
        return sorted(found, key=lambda row: (-(row[1] or 0), row[0]))


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, its finding, and the same as a table."""

    finding: str
    drawing: Markup
    table: Table


class Shown:
    """An edition as a page shows it."""

    def __init__(self, edition: Edition) -> None:
        said = edition.said
        self.head = edition.head
        self.digest = edition.digest
        self.groups = [
            Group(name, said["groups"][name]) for name in ("all", "mature", "recent") if name in said["groups"]
        ]
        self._said = said
        self._months: dict[str, int | None] = said["months"]

    @property
    def length(self) -> dict[str, str] | None:
        """How long disputes take, None where too few have ended."""
        days = self._said["groups"][self.groups[0].name]["days"]["outcome"]
        return {name: _decimal(days[name]) for name in ("mean", "median")} if days["mean"] else None

    @property
    def months(self) -> Chart:
        """Admitted disputes by the month in which they were filed, the latest dozen drawn."""
        rows = [(_month(name), held) for name, held in self._months.items() if name.startswith("month.")]
        finding = gettext("Admitted disputes by the month in which they were filed")
        return Chart(finding, bars(rows[-12:]), Table(finding, rows))


_DRAWING = Markup('<svg class="bars" viewBox="0 0 360 {height}" width="560" aria-hidden="true">{drawn}</svg>')
_WORDS = Markup('<text x="0" y="{y}" font-size="13">{words}</text>')
_BAR = Markup('<rect class="bar" x="0" y="{y}" width="{width}" height="14"/>')
_FRAME = Markup('<rect class="unknown" x="0.5" y="{y}" width="60" height="13"/>')
_BESIDE = Markup('<text x="{x}" y="{y}" font-size="12">{words}</text>')
_HIGH, _LONGEST = 40, 290


def bars(rows: Sequence[tuple[str, int | None]]) -> Markup:
    """Horizontal bars drawn in SVG: the words above, the number behind; a count that is held back has an empty frame.

    Hidden from screen readers, which read the table beneath.
    """
    most = max([held or 0 for _words, held in rows], default=0) or 1
    drawn = Markup("").join(_bar(place * _HIGH, words, held, most) for place, (words, held) in enumerate(rows))
    return _DRAWING.format(height=len(rows) * _HIGH + 4, drawn=drawn)


def _bar(top: int, words: str, held: int | None, most: int) -> Markup:
    above = _WORDS.format(y=top + 14, words=words)
    if held is None:
        return above + _FRAME.format(y=top + 20) + _BESIDE.format(x=68, y=top + 31, words=gettext("held back"))
    width = max(1, _LONGEST * held // most) if held else 0
    return above + _BAR.format(y=top + 20, width=width) + _BESIDE.format(x=width + 6, y=top + 31, words=number(held))


def _month(name: str) -> str:
    year, month = name.removeprefix("month.").split("-")
    return str(format_skeleton("yMMMM", date(int(year), int(month), 1), locale=manner()))


def _country(code: str) -> str:
    return gettext("Countries of fewer than ten") if code == "other" else str(manner().territories.get(code, code))


def _decimal(text: str | None) -> str:
    return (
        gettext("Not shown") if text is None else str(format_decimal(Decimal(text), format="#,##0.#", locale=manner()))
    )


def _percent(text: str) -> str:
    return str(format_percent(Decimal(text) / 100, format="#,##0.0\N{NO-BREAK SPACE}%", locale=manner()))


# -- what a regulator watches ---------------------------------------------------------------------------------

JUMP = 10
"""Percentage points within four weeks that are worth a look."""

LATE_SEAL = 3_600_000
"""How long (ms) an entry may wait for a checkpoint before somebody should look; the worker needs seconds."""

OVERDUE = (
    ("admission", _("Filings whose registrar is late")),
    ("draw", _("Disputes for which nobody could be drawn in time")),
    ("decision", _("Decisions that are late")),
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a regulator watches: what, how it stands, and whether it wants a look."""

    words: str
    state: str
    raised: bool


def alarms(
    overdue: dict[str, int], log: LogState, latest: Edition | None, earlier: Edition | None, now: int
) -> list[Alarm]:
    """All that is watched, in a fixed order, so that nothing drops out of sight when it is well."""
    late = [Alarm(str(words), number(overdue.get(what, 0)), bool(overdue.get(what))) for what, words in OVERDUE]
    return [*late, _silent_sellers(latest, earlier), _sealing(log, now), _soundness(log)]


def _silent_sellers(latest: Edition | None, earlier: Edition | None) -> Alarm:
    words = gettext("Sellers who never replied, compared with four weeks before")
    then, today = (_never_replied(edition) if edition else None for edition in (earlier, latest))
    if then is None or today is None:
        return Alarm(words, gettext("Cannot be compared yet"), False)
    change = gettext("%(then)s then, %(today)s now", then=_percent(str(then)), today=_percent(str(today)))
    return Alarm(words, change, today - then >= JUMP)


def _never_replied(edition: Edition) -> Decimal | None:
    groups = edition.said["groups"]
    shares = groups["recent" if "recent" in groups else "all"]["shares"]
    percent = next(share["percent"] for share in shares if share["id"] == "I7.never")
    return None if percent is None else Decimal(percent)


def _sealing(log: LogState, now: int) -> Alarm:
    words = gettext("Entries that wait for a checkpoint")
    late = log.waits_since is not None and now - log.waits_since > LATE_SEAL
    return Alarm(words, number(log.waiting), late)


def _soundness(log: LogState) -> Alarm:
    words = gettext("Signature and outside copy of the last checkpoint")
    return Alarm(words, gettext("As they should be") if log.sound else gettext("Do not fit"), not log.sound)
