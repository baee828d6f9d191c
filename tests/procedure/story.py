"""A dispute told without a house: acts asked of the rules, facts folded, time moved by hand, no database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from odr.compliance import rules as compliance
from odr.decision import rules as decision
from odr.evidence import rules as evidence
from odr.evidence.rules import StoredFile
from odr.filing import rules as filing
from odr.kernel import SYSTEM, Actor, Money, Refused, instant, moment
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import expiry
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY, Calendar, Seats
from odr.procedure.dispute import Agreement, Decision, Dispute, Header, Offer, Phase, Proposal, apply
from odr.procedure.events import ClaimItem, Deadline, Event, Finding, Term
from odr.procedure.ruleset import Ruleset, Rulesets, read_ruleset, shipped_rulesets
from odr.representation import rules as representation
from odr.response import rules as response

HOUR = 3_600_000
MONDAY = instant(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))

BUYER = Actor("b" * 32, "buyer")
SELLER = Actor("5" * 32, "seller")
REGISTRAR = Actor("1" * 32, "registrar")
OTHER_REGISTRAR = Actor("2" * 32, "registrar")
STRANGER = Actor("e" * 32, "buyer")
# Three who can be drawn, in the order of their ids, and the root of the checkpoint that draws them.
POOL = ("a1" * 16, "a2" * 16, "a3" * 16)
ROOT = "7" * 64

# Nobody rests, so that a due day is the number of days; the days of rest have tests of their own.
NEVER_RESTING = Calendar("never", frozenset())
SEATS = Seats(NEVER_RESTING, NEVER_RESTING, NEVER_RESTING)

EUR = 4890
REFUND = (ClaimItem("refund", Money(EUR, "EUR")),)
A_FILE = StoredFile("d" * 64, 1234, "f" * 32)

Rule = Callable[..., list[Event]]


class Story:
    """One dispute, from its filing on. Every verb answers the story, so that a test reads downward; `ask` answers
    with the facts alone and changes nothing."""

    def __init__(
        self,
        *,
        items: tuple[ClaimItem, ...] = REFUND,
        at: int = MONDAY,
        seats: Seats = SEATS,
        rulesets: Rulesets | None = None,
        ruleset: str = "default-1",
        **changes: Any,
    ) -> None:
        self.at = at
        self.seats = seats
        self.rulesets = rulesets or shipped_rulesets()
        self.ruleset = self.rulesets.named(ruleset)
        self.facts: list[tuple[Event, Header]] = []
        self.dispute = Dispute(id="0" * 32)
        self.filing = a_filing(items=items, **changes)
        self.do(filing.file_dispute, BUYER, filing=self.filing, ruleset=self.ruleset)

    # -- the four verbs everything is told with

    def ask(self, rule: Rule, actor: Actor, **given: Any) -> list[Event]:
        """What the rule answers now."""
        return rule(self.dispute, actor, at=self.at, seats=self.seats, **given)

    def do(self, rule: Rule, actor: Actor, **given: Any) -> Story:
        return self.fold(*self.ask(rule, actor, **given), by=actor)

    def fold(self, *events: Event, by: Actor = SYSTEM) -> Story:
        """Add facts as they are, allowed or not."""
        for event in events:
            version = self.dispute.version + 1
            header = Header(version, self.at, by.id, by.role, f"{version:064x}")
            self.dispute = apply(self.dispute, event, header, self.rulesets)
            self.facts.append((event, header))
        return self

    def fire(self) -> list[Event]:
        """What follows by itself now."""
        return expiry.fire(self.dispute, at=self.at, seats=self.seats)

    # -- time

    def later(self, *, days: int = 0, hours: int = 0) -> Story:
        """Time passes and nobody looks: nothing fires."""
        self.at += days * DAY + hours * HOUR
        return self

    def at_due(self) -> Story:
        """The very instant at which the time of the present step is over, and nothing has fired yet."""
        self.at = self.clock.due
        return self

    def expired(self) -> Story:
        """The time of the present step runs out and what follows happens."""
        self.at_due()
        while events := self.fire():
            self.fold(*events)
        return self

    # -- who acts for a side

    def mandated(self, by: Actor, scope: str = "bind", *, days: int = 100, taken_up: bool = True) -> Story:
        """A side lets somebody act for it, who takes the mandate up."""
        given = {**a_mandate(self.dispute), "scope": scope, "until": _day_after(self.at, days)}
        self.do(representation.give_mandate, by, **given)
        representative = Actor(given["representative"].id, by.role)
        return self.do(representation.take_up_mandate, representative) if taken_up else self

    # -- the way through the procedure

    def asked_for_more(self) -> Story:
        return self.do(filing.ask_information, REGISTRAR, topics=("order",), text="Which order?")

    def refused(self) -> Story:
        return self.do(filing.refuse_filing, REGISTRAR, ground="frivolous", text="It is a joke.")

    def in_review(self) -> Story:
        return self.refused().do(filing.ask_review, BUYER, text="It is not.")

    def admitted(self) -> Story:
        return self.do(filing.admit_filing, REGISTRAR)

    def objected(self) -> Story:
        return self.admitted().do(response.give_reply, SELLER, choice="object", text="We sell to firms only.")

    def last_called(self) -> Story:
        return self.admitted().expired()

    def seller_silent(self) -> Story:
        return self.last_called().served().expired()

    def served(self) -> Story:
        """The last notice to the seller left the house."""
        return self.do(procedure.record_notice, SYSTEM, side="seller", template="last_call")

    def contested(self) -> Story:
        return self.admitted().do(response.give_reply, SELLER, choice="contest", text="We sent it.")

    def with_evidence(self, by: Actor = BUYER) -> Story:
        return self.do(evidence.add_evidence, by, file=A_FILE, media="application/pdf", name="a.pdf")

    def in_negotiation(self) -> Story:
        self.contested()
        for side in (BUYER, SELLER):
            self.do(evidence.complete_evidence, side)
        return self

    def offered(self, by: Actor, minor: int = EUR, currency: str = "EUR", **given: Any) -> Story:
        return self.do(negotiation.make_offer, by, terms=terms(Money(minor, currency)), **given)

    def accepted(self, by: Actor) -> Story:
        return self.do(negotiation.accept_offer, by, offer=self.offer.number, seen=self.offer.seal)

    def settled(self) -> Story:
        return self.in_negotiation().offered(SELLER).accepted(BUYER)

    def signed(self, *by: Actor) -> Story:
        for actor in by or (BUYER, SELLER):
            self.do(procedure.sign_settlement, actor, seen=self.agreement.seal)
        return self

    def left(self) -> Story:
        return self.in_negotiation().do(negotiation.leave_negotiation, BUYER)

    def unserved(self) -> Story:
        """The invitation came back: the buyer is asked for another address."""
        return self.admitted().mail_came_back("seller")

    def mail_came_back(self, side: str) -> Story:
        return self.do(procedure.return_notice, SYSTEM, side=side, template="your_turn")

    def pool_fixed(self, pool: tuple[str, ...] = POOL) -> Story:
        """In assignment, unless that was done otherwise, with a pool from which nobody is drawn yet."""
        if self.dispute.phase is not Phase.ASSIGNMENT:
            self.left()
        return self.do(mediation.commit_pool, SYSTEM, pool=pool)

    def drawn(self, pool: tuple[str, ...] = POOL) -> Story:
        return self.pool_fixed(pool).do(mediation.draw_mediator, SYSTEM, size=7, root=ROOT)

    def appointed(self) -> Story:
        """The drawn mediator accepts; whoever still has an objection may make it."""
        if not self.dispute.mediator:
            self.drawn()
        return self.do(mediation.accept_appointment, self.mediator, declared=self.ruleset.declarations)

    def released(self) -> Story:
        """The mediator who sits gives the dispute back, and the next of the order is drawn."""
        return self.do(mediation.resign, self.mediator, text="I am ill.")

    def objected_to(self, by: Actor = BUYER) -> Story:
        return self.do(mediation.object_to_mediator, by)

    def challenged(self, by: Actor = BUYER) -> Story:
        return self.do(mediation.challenge_mediator, by, ground="tie", text="They went to school together.")

    def taken_up(self) -> Story:
        """Nobody objects, and the mediator begins: to mediate, or to decide."""
        if not self.dispute.appointed:
            self.appointed()
        for side in (BUYER, SELLER):
            if self.dispute.phase is Phase.ASSIGNMENT and side.role not in self.dispute.objected:
                self.do(mediation.waive_objection, side)
        return self

    def in_mediation(self) -> Story:
        return self.taken_up()

    def proposed(self, minor: int = 2500) -> Story:
        return self.do(mediation.make_proposal, self.mediator, terms=terms(Money(minor, "EUR")))

    def proposal_accepted(self, by: Actor) -> Story:
        proposal = self.proposal
        return self.do(mediation.accept_proposal, by, proposal=proposal.number, seen=proposal.seal)

    def evidence_requested(self, side: str = "seller", days: int = 5) -> Story:
        return self.do(mediation.request_evidence, self.mediator, side=side, days=days, text="The tracking, please.")

    def in_decision(self) -> Story:
        """After a mediation without agreement; in default at once."""
        if self.dispute.phase is Phase.DEFAULT_TRACK:
            self.do(evidence.complete_evidence, BUYER)
        if self.dispute.phase not in (Phase.MEDIATION, Phase.DECISION):
            self.taken_up()
        return self.do(mediation.close_mediation, self.mediator) if self.dispute.phase is Phase.MEDIATION else self

    def final_words(self, by: Actor) -> Story:
        return self.do(decision.give_final_words, by, text="Nothing more.")

    def file_closed(self) -> Story:
        if self.dispute.phase is not Phase.DECISION:
            self.in_decision()
        return self.final_words(BUYER).final_words(SELLER)

    def decided(self, *amounts: Money | bool, **given: Any) -> Story:
        """The decision on each item, unless told otherwise that the whole claim is granted."""
        if self.dispute.file_closed_at is None:
            self.file_closed()
        return self.do(decision.issue_decision, self.mediator, **a_decision(self.dispute, *amounts, **given))

    def answered(self, *, buyer: bool | None = None, seller: bool | None = None) -> Story:
        """Each side accepts or rejects the decision, or does not say; the seller first."""
        for actor, accepts in ((SELLER, seller), (BUYER, buyer)):
            if accepts is not None:
                rule = decision.accept_decision if accepts else decision.reject_decision
                self.do(rule, actor, seen=self.decision.seal)
        return self

    def closed_by_decision(self) -> Story:
        return self.decided().answered(buyer=True, seller=True)

    def reported(self) -> Story:
        return self.do(compliance.report_performance, SELLER, text="Paid today.")

    def denied(self) -> Story:
        return self.do(compliance.deny_performance, BUYER, text="Nothing came.")

    def suspended(self, *, by: str = "parties") -> Story:
        """Time stands still: by consent, by the registrar, or because the buyer's mail came back ("system")."""
        if by == "registrar":
            return self.do(procedure.order_suspension, REGISTRAR, ground="incapacity", text="In hospital.")
        if by == "system":
            return self.mail_came_back("buyer")
        return self.do(procedure.ask_suspension, BUYER).do(procedure.agree_suspension, SELLER)

    def withdrawn(self) -> Story:
        return self.do(procedure.withdraw_dispute, BUYER)

    # -- what a test looks at

    @property
    def clock(self) -> Deadline:
        return self.dispute.running_clock

    @property
    def offer(self) -> Offer:
        return self.dispute.offers[-1]

    @property
    def mediator(self) -> Actor:
        """Whoever sits as the mediator now, drawn or appointed."""
        return Actor(self.dispute.mediator, "mediator")

    @property
    def proposal(self) -> Proposal:
        return self.dispute.proposals[-1]

    @property
    def decision(self) -> Decision:
        decided = self.dispute.decision
        assert decided is not None
        return decided

    @property
    def agreement(self) -> Agreement:
        agreement = self.dispute.agreement
        assert agreement is not None
        return agreement

    @property
    def events(self) -> list[Event]:
        return [event for event, _ in self.facts]


def told(**given: Any) -> Story:
    """A dispute that was just filed: 48.90 EUR paid on 6 January 2026, the whole price asked back."""
    return Story(**given)


def a_filing(**changes: Any) -> filing.Filing:
    given: dict[str, Any] = {
        "number": "7K3M-Q9TZ-5",
        "seller": SELLER.id,
        "buyer_country": "DE",
        "seller_country": "CN",
        "buyer_language": "de",
        "seller_language": "zh_Hans",
        "category": "not_delivered",
        "items": REFUND,
        "paid": Money(EUR, "EUR"),
        "ordered_on": "2026-01-06",
        "contacted_on": "2026-02-10",
        "texts": {"narrative": "Two bicycle lights never came."},
    }
    return filing.Filing(**{**given, **changes})


def terms(*amounts: Money | bool) -> tuple[Term, ...]:
    """What an offer gives on each item: an amount, True for a remedy without money, False for nothing."""
    return tuple(
        Term(place, amount is not False, amount if isinstance(amount, Money) else None)
        for place, amount in enumerate(amounts)
    )


def a_decision(dispute: Dispute, *amounts: Money | bool, **changes: Any) -> dict[str, Any]:
    """What a mediator gives with a decision: on each item, or that the whole claim is granted."""
    whole = tuple(Term(place, True, item.amount) for place, item in enumerate(dispute.items))
    given: dict[str, Any] = {
        "terms": terms(*amounts) or whole,
        "basis": "buyer_law",
        "findings": (Finding((0,)),),
        "texts": {"reasons": "The seller bears the risk of the way.", "finding_1": "The parcel never came."},
    }
    return {**given, **changes}


def due(at: int, days: int) -> int:
    """Noon UTC after the last day of a time of `days`, where nobody rests."""
    day = moment(at).date() + timedelta(days + 1)
    return instant(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


def clock_of(step: str, holder: str, days: int, at: int = MONDAY) -> Deadline:
    """The deadline of a step of so many days that begins at `at`, where nobody rests."""
    calendars = "never,never" if holder == "both" else "never"
    return Deadline(step, holder, due(at, days), f"default-1:{step}:{days}:{calendars}")


def day_of_week(number: int) -> frozenset[date]:
    """Every Monday (0) … Sunday (6) of the years that tests live in."""
    days = (date(2026, 1, 1) + timedelta(n) for n in range(1500))
    return frozenset(day for day in days if day.weekday() == number)


def instant_of(text: str) -> int:
    """The instant of "2026-03-02T09:00", in UTC."""
    return instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def rulesets_with(name: str, *changes: tuple[str, str]) -> Rulesets:
    """The shipped rulesets and a variant of the default one, of that name, with these pieces of its text replaced."""
    source = Path(procedure.__file__).parent / "rulesets" / "default-1.toml"
    text = source.read_text("utf-8").replace('name = "default-1"', f'name = "{name}"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Rulesets([default_ruleset(), read_ruleset(text.encode())])


def default_ruleset() -> Ruleset:
    return shipped_rulesets().named("default-1")


def a_mandate(dispute: Dispute) -> dict[str, Any]:
    """The next mandate of a dispute, as far as mandates go, for a hundred days."""
    return {
        "representative": representation.NewName(represented(len(dispute.mandates), "buyer").id),
        "scope": "bind",
        "until": _day_after(dispute.at, 100),
        "name": "Somebody",
        "relation": "My lawyer.",
    }


def represented(place: int, side: str) -> Actor:
    """Whoever acts for a side on the mandate of this place, the first one being 0."""
    return Actor(f"{0x90 + place:02x}" * 16, side)


def _day_after(at: int, days: int) -> str:
    return (moment(at).date() + timedelta(days)).isoformat()


@contextmanager
def refused(code: str, **params: Any) -> Iterator[None]:
    """The act is refused with this code and, where they are given, these params."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code
    assert {name: caught.value.params.get(name) for name in params} == params
