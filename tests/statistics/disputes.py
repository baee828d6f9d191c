"""The six disputes of the sample scenarios as states, and a crowd of records for tables that hide."""

from __future__ import annotations

from dataclasses import replace

from odr.compliance import rules as compliance
from odr.kernel import Money
from odr.negotiation import rules as negotiation
from odr.procedure.dispute import Dispute
from odr.procedure.events import ClaimItem
from odr.response import rules as response
from odr.statistics.figures import Record
from tests.procedure.story import BUYER, SELLER, Story, instant_of, terms


def a_claim(minor: int, currency: str) -> tuple[ClaimItem, ...]:
    return (ClaimItem("refund", Money(minor, currency)),)


def confirmed(story: Story) -> Story:
    return story.do(compliance.confirm_performance, BUYER)


def on_day(story: Story, day: int) -> Story:
    """So many days after the filing."""
    return story.later(days=day - (story.at - story.dispute.filed_at) // 86_400_000)


def parcel_never_arrived() -> Dispute:
    story = Story(at=instant_of("2026-03-27T10:00")).admitted()
    on_day(story, 4).do(response.give_reply, SELLER, choice="contest", text="At customs.")
    story.offered(SELLER, 2445).do(negotiation.reject_offer, BUYER, offer=0)
    on_day(story.offered(SELLER, 4890, open_days=10), 9).accepted(BUYER)
    return confirmed(on_day(story.signed(), 15)).dispute


def laptop_defective() -> Dispute:
    story = Story(items=a_claim(114900, "EUR"), buyer_country="IT", seller_country="BE", category="defective")
    on_day(story.in_decision(), 51).final_words(BUYER).final_words(SELLER)
    on_day(story, 58).decided(costs=Money(3850, "EUR")).answered(buyer=True, seller=True)
    return confirmed(on_day(story, 66)).dispute


def refund_promised() -> Dispute:
    brazil = {"buyer_country": "BR", "seller_country": "US", "category": "refund_not_paid"}
    story = Story(items=a_claim(132055, "BRL"), **brazil).admitted()
    on_day(story, 1).do(response.give_reply, SELLER, choice="offer")
    # The rate difference is part of the offer: a seller may give more than was claimed, in a currency of its own.
    story.do(negotiation.make_offer, SELLER, terms=terms(Money(26499, "USD")))
    return confirmed(on_day(on_day(story, 2).accepted(BUYER).signed(), 12)).dispute


def seller_never_answers() -> Dispute:
    story = Story(items=a_claim(72990, "CLP"), buyer_country="CL", seller_country="HK").seller_silent()
    on_day(story, 51).decided().answered(buyer=True)
    # Nobody says anything any more: the seller to the decision, nor either of them to whether it was done.
    while story.dispute.clock:
        story.expired()
    return story.dispute


def both_half_right() -> Dispute:
    story = Story(
        items=a_claim(64000, "EUR"), buyer_country="FR", seller_country="TR", category="not_as_described"
    ).in_negotiation()
    for by, minor in (
        (SELLER, 10000),
        (BUYER, 64000),
        (SELLER, 25000),
        (BUYER, 50000),
        (SELLER, 30000),
        (BUYER, 45000),
    ):
        story.offered(by, minor)
    story.do(negotiation.leave_negotiation, SELLER)
    on_day(story.file_closed(), 40).decided(Money(38000, "EUR")).answered(buyer=True, seller=True)
    story.expired().denied()
    while story.dispute.clock:
        story.expired()
    return story.dispute


def claim_refused() -> Dispute:
    story = Story(items=a_claim(8900, "GBP"), buyer_country="US", seller_country="GB").file_closed()
    return on_day(story, 44).decided(False).answered(buyer=False).dispute


SIX = (
    parcel_never_arrived,
    laptop_defective,
    refund_promised,
    seller_never_answers,
    both_half_right,
    claim_refused,
)

PLAIN = Record(
    filed=20_500,
    standing="open",
    ground="",
    late_admission=False,
    answer="in_time",
    served=20_502,
    replied=20_506,
    way="running",
    outcome_on=0,
    unheard=False,
    buyer_said="",
    seller_said="",
    buyer_country="DE",
    seller_country="CN",
    category="not_delivered",
    remedies=("refund",),
    claimed=(("EUR", 4890),),
    settled=(),
    awarded=(),
    costs=(),
    overdue="",
)


def decided(outcome: str = "for_buyer", *, unheard: bool = False, day: int = 40, **changes: object) -> Record:
    given = {
        "standing": "in_time",
        "way": f"decided.{outcome}",
        "outcome_on": PLAIN.filed + day,
        "unheard": unheard,
        "answer": "never" if unheard else "in_time",
        "replied": 0 if unheard else PLAIN.replied,
        "buyer_said": "accepted",
        "seller_said": "silent" if unheard else "accepted",
    }
    return replace(PLAIN, **{**given, **changes})


def settled(how: str = "settled_negotiation", *, day: int = 9, **changes: object) -> Record:
    given = {"standing": "in_time", "way": how, "outcome_on": PLAIN.filed + day, "settled": (("EUR", 4890),)}
    return replace(PLAIN, **{**given, **changes})
