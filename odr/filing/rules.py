"""Filing and admission: file, complete, ask, admit, refuse on a closed ground, have a refusal reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from odr.kernel import Actor, Money, Refused, moment
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import (
    ClaimItem,
    DisputeFiled,
    Event,
    FilingAdmitted,
    FilingRefused,
    InformationAsked,
    InformationGiven,
    RefusalReviewAsked,
)
from odr.procedure.rules import closed, read_day, require_amount, require_text, words
from odr.procedure.ruleset import Ruleset

MOST_ITEMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What a buyer files. `texts` holds the personal words: narrative, order, buyer, seller."""

    number: str
    seller: str
    buyer_country: str
    seller_country: str
    buyer_language: str
    seller_language: str
    category: str
    items: tuple[ClaimItem, ...]
    paid: Money
    ordered_on: str
    contacted_on: str
    texts: Mapping[str, str]


def file_dispute(
    dispute: Dispute, actor: Actor, *, at: int, seats: Seats, filing: Filing, ruleset: Ruleset
) -> list[Event]:
    """The first fact of every dispute. Complete by shape here; whether it is admitted is the registrar's act."""
    if dispute.phase is not Phase.UNFILED:
        raise Refused("filed_already")
    if actor.role != "buyer":
        raise Refused("not_your_role")
    if filing.seller == actor.id:
        raise Refused("seller_is_buyer")
    _check_claim(filing, ruleset)
    _check_days(filing, at)
    require_text(filing.texts.get("narrative", ""), "narrative_missing")
    return [
        DisputeFiled(
            number=filing.number,
            ruleset=ruleset.name,
            ruleset_digest=ruleset.digest,
            buyer=actor.id,
            seller=filing.seller,
            buyer_country=filing.buyer_country,
            seller_country=filing.seller_country,
            buyer_language=filing.buyer_language,
            seller_language=filing.seller_language,
            category=filing.category,
            items=filing.items,
            paid=filing.paid,
            ordered_on=filing.ordered_on,
            contacted_on=filing.contacted_on,
            clock=begin(ruleset, "screening", at, seats),
            words=words(**filing.texts),
        )
    ]


def _check_claim(filing: Filing, ruleset: Ruleset) -> None:
    if filing.category not in ruleset.categories:
        raise Refused("category_unknown")
    if not filing.items:
        raise Refused("nothing_claimed")
    if len(filing.items) > MOST_ITEMS:
        raise Refused("too_many_items", most=MOST_ITEMS)
    require_amount(filing.paid)
    for item in filing.items:
        if item.remedy not in ruleset.remedies:
            raise Refused("remedy_unknown")
        if (item.amount is not None) != (item.remedy in ruleset.money_remedies):
            raise Refused("remedy_needs_amount")
        if item.amount is not None:
            require_amount(item.amount)


def _check_days(filing: Filing, at: int) -> None:
    # A day that has begun anywhere on Earth (UTC+14) may be named.
    today = (moment(at) + timedelta(hours=14)).date()
    ordered, contacted = read_day(filing.ordered_on), read_day(filing.contacted_on)
    if ordered > today or contacted > today:
        raise Refused("day_in_future")
    if contacted < ordered:
        raise Refused("contacted_before_order")


def ask_information(
    dispute: Dispute, actor: Actor, *, at: int, seats: Seats, topics: tuple[str, ...], text: str
) -> list[Event]:
    """Ask the buyer to complete the filing, by topics of the closed list."""
    demand("information:ask", dispute, actor, at)
    if not topics or any(topic not in dispute.rules.topics for topic in topics):
        raise Refused("topic_missing")
    require_text(text)
    clock = begin(dispute.rules, "information", at, seats)
    return [InformationAsked(topics=tuple(dict.fromkeys(topics)), clock=clock, words=words(text=text))]


def give_information(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The buyer completes the filing; the registrar's time begins anew, since it runs from the complete file."""
    demand("information:give", dispute, actor, at)
    require_text(text)
    return [InformationGiven(clock=begin(dispute.rules, "screening", at, seats), words=words(text=text))]


def admit_filing(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    demand("filing:admit", dispute, actor, at)
    return [FilingAdmitted(clock=begin(dispute.rules, "reply", at, seats))]


def refuse_filing(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ground: str, text: str) -> list[Event]:
    """Refuse on one ground of the closed list, with reasons. A refusal that was reviewed is the last word."""
    demand("filing:refuse", dispute, actor, at)
    return refusal(dispute, at=at, seats=seats, ground=ground, text=text)


def refusal(dispute: Dispute, *, at: int, seats: Seats, ground: str, text: str) -> list[Event]:
    """The facts of a refusal: open to review once, final after it."""
    if ground not in dispute.rules.grounds:
        raise Refused("ground_unknown")
    require_text(text, "reasons_missing")
    if dispute.review_asked:
        return [
            FilingRefused(ground=ground, clock=None, words=words(text=text)),
            closed(f"refused:{ground}"),
        ]
    return [FilingRefused(ground=ground, clock=begin(dispute.rules, "review", at, seats), words=words(text=text))]


def ask_review(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    demand("refusal:review", dispute, actor, at)
    require_text(text)
    return [RefusalReviewAsked(clock=begin(dispute.rules, "screening", at, seats), words=words(text=text))]


def uphold_objection(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ground: str, text: str) -> list[Event]:
    """The seller's objection to the scope holds: the filing is refused after all, on a ground of the closed list."""
    demand("scope:decide", dispute, actor, at)
    return refusal(dispute, at=at, seats=seats, ground=ground, text=text)
