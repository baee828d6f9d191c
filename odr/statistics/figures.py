"""The figures: what is counted about each dispute, and what the counts come to.

Everything here follows from the states of disputes, so that whoever holds their entries can count again. Nothing is
hidden here; that is the next step (`disclosure`). Numbers are whole numbers; shares stay pairs of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from odr.kernel import Money
from odr.procedure.dispute import Dispute, Phase
from odr.statistics.disclosure import THRESHOLD, Parts, cross

METHOD = "1"
"""The version of these definitions (docs/statistics.md); it grows when one of them changes."""

MATURE_DAYS = 180
"""Days after the end of a month of filing when its disputes are counted as old enough to have ended."""

Amounts = tuple[tuple[str, int], ...]
"""Amounts of one dispute by currency, in minor units. Currencies are never added."""

BEFORE_ADMISSION = frozenset({Phase.SCREENING, Phase.NEEDS_INFORMATION, Phase.REFUSED})
RUNNING = frozenset({"due", "performed", "disputed", "checking"})


@dataclass(frozen=True, slots=True)
class Record:
    """What is counted about one dispute. Days are numbered from 1 January 1970, UTC."""

    filed: int
    standing: str
    ground: str
    late_admission: bool
    answer: str
    served: int
    replied: int
    way: str
    outcome_on: int
    unheard: bool
    buyer_said: str
    seller_said: str
    buyer_country: str
    seller_country: str
    category: str
    remedies: tuple[str, ...]
    claimed: Amounts
    settled: Amounts
    awarded: Amounts
    costs: Amounts
    overdue: str

    @property
    def admitted(self) -> bool:
        return self.answer != ""


def record_of(dispute: Dispute) -> Record:
    """What is counted about a dispute in this state."""
    outcome, outcome_on = _outcome(dispute)
    admitted = _is_admitted(dispute)
    decision, agreement = dispute.decision, dispute.agreement
    return Record(
        filed=day_of(dispute.filed_at),
        standing=_standing(dispute, admitted, outcome),
        ground=_code(dispute).partition("refused:")[2],
        late_admission=dispute.times_overdue > 0,
        answer=_answer(dispute) if admitted else "",
        served=day_of(dispute.admitted_at or 0) + (dispute.rules.receipt_days if dispute.admitted_at else 0),
        replied=day_of(dispute.replied_at or 0),
        way=_way(dispute, outcome) if admitted else "",
        outcome_on=outcome_on,
        unheard=decision is not None and dispute.in_default,
        buyer_said=_said(dispute, "buyer"),
        seller_said=_said(dispute, "seller"),
        buyer_country=dispute.buyer_country,
        seller_country=dispute.seller_country,
        category=dispute.category,
        remedies=tuple(sorted({item.remedy for item in dispute.items})),
        claimed=_amounts(dispute.claimed),
        settled=_amounts(agreement.totals if agreement else {}),
        awarded=_amounts(decision.awarded if decision else {}),
        costs=_amounts({decision.costs.currency: decision.costs} if decision and decision.costs else {}),
        overdue=_OVERDUE.get(dispute.clock.step, "") if dispute.clock else "",
    )


def day_of(at: int) -> int:
    """The number of the UTC day of an instant."""
    return at // 86_400_000


def _code(dispute: Dispute) -> str:
    return dispute.code or ""


def _is_admitted(dispute: Dispute) -> bool:
    # Refused after an objection to the scope: it was not admissible after all.
    out = dispute.phase in BEFORE_ADMISSION or _code(dispute).startswith("refused:")
    return dispute.admitted_at is not None and not out


def _outcome(dispute: Dispute) -> tuple[str, int]:
    """How the dispute was settled or decided, and on which day; ("", 0) where it was not."""
    if dispute.decision:
        return f"decided.{dispute.decision.outcome}", day_of(dispute.decision.at)
    if dispute.agreement:
        return dispute.agreement.how, day_of(dispute.agreement.at)
    if dispute.code == "settled_direct":
        return "settled_direct", day_of(dispute.closed_at or dispute.at)
    return "", 0


def _standing(dispute: Dispute, admitted: bool, outcome: str) -> str:
    closed = dispute.phase is Phase.CLOSED
    if not admitted:
        return _NEVER_ADMITTED.get(_code(dispute).partition(":")[0], "other_early") if closed else "pending"
    if not closed:
        return "open"
    if dispute.compliance in RUNNING:
        return "due"
    if outcome == "settled_direct":
        # The buyer's word that both settled says nothing of what was done.
        return "direct"
    return _ENDED.get(dispute.compliance or "", "nothing_due")


def _answer(dispute: Dispute) -> str:
    """What came of the seller's time to reply."""
    if dispute.reply == "decline":
        return "declined"
    if dispute.reply in ("accept_all", "offer", "contest"):
        return "late" if dispute.last_called else "in_time"
    if dispute.seller_silent:
        return "never"
    if dispute.address_asked or dispute.code == "not_served":
        return "not_served"
    return "ended" if dispute.phase is Phase.CLOSED else "waiting"


def _way(dispute: Dispute, outcome: str) -> str:
    if outcome:
        return outcome
    if dispute.phase is not Phase.CLOSED:
        return "running"
    return _DISCONTINUED.get(_code(dispute), "other")


def _said(dispute: Dispute, side: str) -> str:
    decision = dispute.decision
    if decision is None:
        return ""
    if side in decision.answered_by:
        return "accepted" if side in decision.accepted_by else "rejected"
    return "silent" if dispute.phase is Phase.CLOSED else "waiting"


def _amounts(by_currency: Mapping[str, Money]) -> Amounts:
    return tuple(sorted((currency, amount.minor) for currency, amount in by_currency.items()))


_NEVER_ADMITTED = {"refused": "refused", "incomplete": "incomplete", "withdrawn": "withdrawn_early"}
_ENDED = {"honoured": "in_time", "late": "late", "not_honoured": "not_honoured", "unknown": "unconfirmed"}
_DISCONTINUED = {
    code: code for code in ("withdrawn", "declined", "not_served", "moved_to_court", "out_of_hands")
} | {"abandoned_buyer": "abandoned"}  # fmt: skip
_OVERDUE = {"screening_last": "admission", "decision_late": "decision", "draw_late": "draw"}


# -- how counts add up ----------------------------------------------------------------------------------------

_LEAF: Parts = {}


def _leaves(prefix: str, names: Iterable[str]) -> Parts:
    return {f"{prefix}.{name}": _LEAF for name in names}


STANDING: Parts = {
    "open": _LEAF,
    "due": _LEAF,
    "over": {
        "delivered": _leaves("delivered", ("in_time", "late")),
        "unknown": _leaves("unknown", ("unconfirmed", "direct")),
        "not_honoured": _LEAF,
    },
    "nothing_due": _LEAF,
}
ADMISSION: Parts = {
    "pending": _LEAF,
    "not_admitted": _leaves("not_admitted", ("refused", "incomplete", "withdrawn_early", "other_early")),
    "admitted": _LEAF,
}
ANSWER: Parts = {
    "served": {
        "answered": _leaves("answered", ("in_time", "late")),
        "declined": _LEAF,
        "never_replied": _LEAF,
    },
    "not_yet": _leaves("not_yet", ("underway", "running", "not_served", "ended")),
}
WAY: Parts = {
    "outcome": {
        "settled": _leaves("settled", ("direct", "in_full", "negotiation", "mediation")),
        "decided": _LEAF,
    },
    "discontinued": _leaves(
        "discontinued", ("withdrawn", "declined", "not_served", "abandoned", "moved_to_court", "out_of_hands", "other")
    ),
    "running": _LEAF,
}
SAID = ("accepted", "rejected", "silent", "waiting")
HEARD = ("decided.heard", "decided.unheard")
OUTCOMES = ("decided.for_buyer", "decided.partly", "decided.for_seller")

DIVISIONS: tuple[tuple[str, Parts], ...] = (
    ("admitted", STANDING),
    ("filed", ADMISSION),
    ("filed", _leaves("admission", ("on_time", "overdue"))),
    ("admitted", _leaves("border", ("across", "within"))),
    ("admitted", ANSWER),
    ("admitted", WAY),
    ("outcome", _leaves("outcome", ("within_90", "later"))),
    ("decided", _leaves("buyer", SAID)),
    ("decided", _leaves("seller", SAID)),
)
"""What is divided into what, the admitted disputes first: all else is told of them, and they are never held back for
the sake of another count. Beside these: decisions by outcome and whether the seller was heard, and divisions whose
parts depend on the ruleset or on who comes (`Counts.divisions`)."""

# Where each value of a record is counted; all wholes above it follow.
_STANDS = {
    "pending": "pending", "refused": "not_admitted.refused", "incomplete": "not_admitted.incomplete",
    "withdrawn_early": "not_admitted.withdrawn_early", "other_early": "not_admitted.other_early", "open": "open",
    "due": "due", "in_time": "delivered.in_time", "late": "delivered.late", "unconfirmed": "unknown.unconfirmed",
    "direct": "unknown.direct", "not_honoured": "not_honoured", "nothing_due": "nothing_due",
}  # fmt: skip
_ANSWERS = {
    "in_time": "answered.in_time", "late": "answered.late", "declined": "declined", "never": "never_replied",
    "waiting": "not_yet.running", "underway": "not_yet.underway", "not_served": "not_yet.not_served",
    "ended": "not_yet.ended",
}  # fmt: skip
_WAYS = {
    "settled_direct": "settled.direct", "accepted_in_full": "settled.in_full",
    "settled_negotiation": "settled.negotiation", "settled_mediation": "settled.mediation",
    "running": "running", **dict.fromkeys(OUTCOMES, "decided"),
}  # fmt: skip


MONEY = ("claimed", "settled", "awarded", "costs")


def _names(parts: Parts) -> Iterator[str]:
    for name, further in parts.items():
        yield name
        yield from _names(further)


def _ways_up(parts: Parts, above: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, further in parts.items():
        if further:
            yield from _ways_up(further, (*above, name))
        else:
            yield name, (*above, name)


_UP = {name: way for parts in (STANDING, ADMISSION, ANSWER, WAY) for name, way in _ways_up(parts)}


@dataclass(frozen=True, slots=True)
class Sum:
    """Amounts of one kind in one currency: their sum in minor units, of how many disputes, the largest of them."""

    minor: int
    disputes: int
    largest: int


@dataclass(slots=True)
class Counts:
    """What a set of disputes comes to: counts by name, days by dispute, sums by kind and currency."""

    counts: Counter[str] = field(default_factory=Counter)
    reply_days: list[int] = field(default_factory=list)
    outcome_days: list[int] = field(default_factory=list)
    sums: dict[tuple[str, str], Sum] = field(default_factory=dict)
    open_divisions: dict[str, Counter[str]] = field(default_factory=dict)

    def divisions(self) -> list[tuple[str, Parts]]:
        """All divisions of these counts, wholes before their parts."""
        return [*DIVISIONS, *((whole, _leaves(name, sorted(parts))) for name, whole, parts in self._open())]

    def _open(self) -> Iterator[tuple[str, str, Counter[str]]]:
        for name, parts in self.open_divisions.items():
            yield name, "not_admitted.refused" if name == "ground" else "admitted", parts


def count(records: Iterable[Record], today: int) -> Counts:
    """Count these disputes on the UTC day `today`."""
    found = Counts()
    tally: Counter[str] = Counter(dict.fromkeys(("filed", *HEARD, *OUTCOMES), 0))
    tally.update({cross(heard, outcome): 0 for heard in HEARD for outcome in OUTCOMES})
    for _, parts in DIVISIONS:
        tally.update(dict.fromkeys(_names(parts), 0))
    countries: dict[str, Counter[str]] = {"buyer_country": Counter(), "seller_country": Counter()}
    lists: dict[str, Counter[str]] = {"category": Counter(), "ground": Counter()}
    remedies: Counter[str] = Counter()
    for record in records:
        for name in _counted(record, today):
            tally[name] += 1
        if record.standing == "refused":
            lists["ground"][record.ground] += 1
        if not record.admitted:
            continue
        countries["buyer_country"][record.buyer_country] += 1
        countries["seller_country"][record.seller_country] += 1
        lists["category"][record.category] += 1
        remedies.update(record.remedies)
        if record.replied and record.answer in ("in_time", "late", "declined"):
            found.reply_days.append(record.replied - record.filed)
        if record.outcome_on:
            found.outcome_days.append(record.outcome_on - record.filed)
        _add_sums(found.sums, record)
    found.open_divisions = lists | {name: _pooled(each) for name, each in countries.items()}
    for remedy, asked in sorted(remedies.items()):
        found.open_divisions[f"remedy.{remedy}"] = Counter(asked=asked, not_asked=tally["admitted"] - asked)
    for name, counted in found.open_divisions.items():
        tally.update({f"{name}.{part}": number for part, number in counted.items()})
    found.counts = tally
    return found


def _counted(record: Record, today: int) -> Iterator[str]:
    """Every name under which a dispute counts."""
    yield "filed"
    yield from _UP[_STANDS[record.standing]]
    yield "admission.overdue" if record.late_admission else "admission.on_time"
    if not record.admitted:
        return
    yield "admitted"
    yield "border.across" if record.buyer_country != record.seller_country else "border.within"
    underway = record.answer == "waiting" and today < record.served
    yield from _UP[_ANSWERS["underway" if underway else record.answer]]
    yield from _UP[_WAYS.get(record.way, f"discontinued.{record.way}")]
    if record.outcome_on:
        yield "outcome.within_90" if record.outcome_on - record.filed <= 90 else "outcome.later"
    if record.way in OUTCOMES:
        heard = "decided.unheard" if record.unheard else "decided.heard"
        yield from (record.way, heard, cross(heard, record.way))
        yield from (f"buyer.{record.buyer_said}", f"seller.{record.seller_said}")


def _pooled(countries: Counter[str]) -> Counter[str]:
    """Countries of fewer disputes than may be shown are one: that somebody came from there is theirs to tell."""
    pooled: Counter[str] = Counter()
    for country, number in countries.items():
        pooled[country if number >= THRESHOLD else "other"] += number
    return pooled


def _add_sums(sums: dict[tuple[str, str], Sum], record: Record) -> None:
    for kind in MONEY:
        for currency, minor in getattr(record, kind):
            held = sums.get((kind, currency), Sum(0, 0, 0))
            sums[kind, currency] = Sum(held.minor + minor, held.disputes + 1, max(held.largest, minor))


# -- the figures that are published ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Indicator:
    """A share: what is counted among what, each by its name in the counts."""

    id: str
    title: str
    definition: str
    part: str
    over: str


def N_(sentence: str) -> str:
    """Marks a sentence for the catalogues; it is translated where it is shown."""
    return sentence


INDICATORS = (
    Indicator(
        "H1", N_("Remedy delivered"),
        N_(
            "Disputes in which the buyer confirmed, or papers showed, that what was promised or granted was done,"
            " among all that were admitted."
        ),
        "delivered", "admitted",
    ),
    Indicator(
        "H2", N_("Unknown whether delivered"),
        N_(
            "Disputes that were settled or decided, whose time to perform is over, and of which nobody told us "
            "whether it was done, among all that were admitted. Unknown is never counted as done."
        ),
        "unknown", "admitted",
    ),
    Indicator(
        "I1", N_("Filings refused"),
        N_(
            "Filings refused on a ground of the closed list, once the refusal stands, among all that were filed."
        ),
        "not_admitted.refused", "filed",
    ),
    Indicator(
        "I3", N_("Answered in time"),
        N_(
            "Sellers who answered the claim before their time to reply was over, among all who received the "
            "notice and either answered or let their time run out. A notice that came back was not received."
        ),
        "answered.in_time", "served",
    ),
    Indicator(
        "I3.late", N_("Answered late"),
        N_(
            "Sellers who answered only after the last call, among all who received the notice and either answered "
            "or let their time run out."
        ),
        "answered.late", "served",
    ),
    Indicator(
        "I3.declined", N_("Declined the procedure"),
        N_(
            "Sellers who answered that they do not take part, among all who received the notice and either "
            "answered or let their time run out."
        ),
        "declined", "served",
    ),
    Indicator(
        "I7.never", N_("Sellers who never replied"),
        N_(
            "Sellers whose time to reply ran out without any answer, among all who received the notice and either "
            "answered or let their time run out."
        ),
        "never_replied", "served",
    ),
    Indicator(
        "I5", N_("Settled"),
        N_("Disputes that both sides ended by agreement, at whatever stage, among all that were admitted."),
        "settled", "admitted",
    ),
    Indicator(
        "I5.direct", N_("Settled directly"),
        N_(
            "Disputes of which the buyer said that both settled outside this procedure, among all that were "
            "admitted."
        ),
        "settled.direct", "admitted",
    ),
    Indicator(
        "I5.in_full", N_("Accepted in full"),
        N_(
            "Disputes in which the seller agreed to everything that was asked for, among all that were admitted."
        ),
        "settled.in_full", "admitted",
    ),
    Indicator(
        "I5.negotiation", N_("Settled in the negotiation"),
        N_("Disputes that ended with an accepted offer, among all that were admitted."),
        "settled.negotiation", "admitted",
    ),
    Indicator(
        "I5.mediation", N_("Settled in the mediation"),
        N_(
            "Disputes that ended with the mediator’s proposal, accepted by both sides, among all that were "
            "admitted."
        ),
        "settled.mediation", "admitted",
    ),
    Indicator(
        "I6.for_buyer", N_("Decided for the buyer"),
        N_(
            "Decisions that grant everything that was asked for, among all decisions, those without the seller "
            "included."
        ),
        "decided.for_buyer", "decided",
    ),
    Indicator(
        "I6.partly", N_("Decided in part"),
        N_(
            "Decisions that grant a part of what was asked for, among all decisions, those without the seller "
            "included."
        ),
        "decided.partly", "decided",
    ),
    Indicator(
        "I6.for_seller", N_("Decided for the seller"),
        N_(
            "Decisions that grant nothing of what was asked for, among all decisions, those without the seller "
            "included."
        ),
        "decided.for_seller", "decided",
    ),
    Indicator(
        "I7.unheard", N_("Decided without the seller"),
        N_("Decisions on the papers in disputes in which the seller never replied, among all decisions."),
        "decided.unheard", "decided",
    ),
    Indicator(
        "I9", N_("Discontinued"),
        N_(
            "Disputes that ended without a settlement or a decision after they were admitted, among all that were"
            " admitted."
        ),
        "discontinued", "admitted",
    ),
    Indicator(
        "I10", N_("Settled or decided within 90 days"),
        N_(
            "Settlements and decisions within 90 days of the filing, among all settlements and decisions. A day "
            "is a date in UTC."
        ),
        "outcome.within_90", "outcome",
    ),
    Indicator(
        "I11.buyer", N_("Decisions that the buyer accepted"),
        N_("Decisions to which the buyer said yes, among all decisions. Silence is not consent."),
        "buyer.accepted", "decided",
    ),
    Indicator(
        "I11.seller", N_("Decisions that the seller accepted"),
        N_("Decisions to which the seller said yes, among all decisions. Silence is not consent."),
        "seller.accepted", "decided",
    ),
    Indicator(
        "I12.in_time", N_("Honoured in time"),
        N_("Promises and awards that were carried out in time, among all whose time is over."),
        "delivered.in_time", "over",
    ),
    Indicator(
        "I12.late", N_("Honoured late"),
        N_(
            "Promises and awards that were carried out after their day or only after the buyer complained, among "
            "all whose time is over."
        ),
        "delivered.late", "over",
    ),
    Indicator(
        "I12.not", N_("Not honoured"),
        N_(
            "Promises and awards that were not carried out, as the buyer said and no papers disproved, among all "
            "whose time is over."
        ),
        "not_honoured", "over",
    ),
    Indicator(
        "I12.unknown", N_("Nobody told us"),
        N_(
            "Promises and awards of which neither side said whether they were carried out, and direct "
            "settlements, which say nothing of it, among all whose time is over."
        ),
        "unknown", "over",
    ),
)  # fmt: skip


def median(values: list[int]) -> tuple[int, int]:
    """The median as a pair (numerator, denominator). ValueError of nothing."""
    if not values:
        raise ValueError("nothing has no median")
    held, middle = sorted(values), len(values) // 2
    return (held[middle], 1) if len(held) % 2 else (held[middle - 1] + held[middle], 2)


def percentile_90(values: list[int]) -> int:
    """The least value that nine of ten do not exceed."""
    if not values:
        raise ValueError("nothing has no percentile")
    return sorted(values)[-(-9 * len(values) // 10) - 1]


def decimal(numerator: int, denominator: int) -> str:
    """A quotient of numbers from 0 on with one digit after the point, halves rounded up: "42.0"."""
    tenths = (20 * numerator + denominator) // (2 * denominator)
    return f"{tenths // 10}.{tenths % 10}"


def is_mature(filed: int, today: int) -> bool:
    """Whether the month of filing ended so long ago that its disputes are old enough to be judged by."""
    return today >= end_of_month(filed) + MATURE_DAYS


def end_of_month(day: int) -> int:
    """The number of the first day after the month of this day."""
    when = date.fromordinal(_EPOCH + day)
    return date(when.year + when.month // 12, when.month % 12 + 1, 1).toordinal() - _EPOCH


def month_of(day: int) -> str:
    """The month of a day: "2026-03"."""
    return date.fromordinal(_EPOCH + day).isoformat()[:7]


_EPOCH = date(1970, 1, 1).toordinal()
