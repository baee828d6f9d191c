"""Disputes and people for tests, told in the order things happen: `a_dispute(house).admitted().in_negotiation()`."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert

from odr.compliance import rules as compliance
from odr.database import write_unit
from odr.decision import rules as decision
from odr.disputes.service import Done, Rule, fire_one, perform
from odr.disputes.tables import opening, party
from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.house import House
from odr.kernel import SYSTEM, Actor, Money, new_id, new_number, new_pseudonym
from odr.log.chain import LARGEST_INTEGER
from odr.log.integrator import seal_all
from odr.log.journal import Stored
from odr.log.tiles import tree_head
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import ClaimItem, Finding, Term
from odr.response import rules as response

ONE_REFUND = (ClaimItem("refund", Money(4890, "EUR")),)
A_POOL = tuple(sorted(f"{number:032x}" for number in range(0xA1, 0xA5)))
"""Four mediators by their stable ids, for tests in which nobody needs an account."""


class ADispute:
    """One dispute driven through the doorway. Each method is an act and answers the same builder; `state` is what
    the dispute came to."""

    def __init__(
        self,
        house: House,
        *,
        items: tuple[ClaimItem, ...] = ONE_REFUND,
        buyer_account: str | None = None,
        seller_account: str | None = None,
        ruleset: str = "default-1",
        **changes: Any,
    ) -> None:
        self.house = house
        self.id = new_id()
        self.buyer = Actor(new_pseudonym(), "buyer")
        self.seller = Actor(new_pseudonym(), "seller")
        self.registrar = Actor(new_pseudonym(), "registrar")
        self.filing = a_filing(self.seller.id, items, **changes)
        self.number = self.filing.number
        self._accounts = {"buyer": buyer_account, "seller": seller_account}

        def parties(connection: Connection, stored: list[Stored]) -> None:
            connection.execute(
                insert(party),
                [
                    {"dispute_id": self.id, "side": side, "actor_id": actor.id, "account_id": self._accounts[side]}
                    for side, actor in (("buyer", self.buyer), ("seller", self.seller))
                ],
            )

        self.state = self.act(
            filing.file_dispute,
            self.buyer,
            alongside=parties,
            filing=self.filing,
            ruleset=house.rulesets.named(ruleset),
        ).dispute

    def act(self, rule: Rule, actor: Actor, *, key: str | None = None, **given: Any) -> Done:
        """Any act; refused ones raise."""
        done = perform(self.house, rule, self.id, actor, key=key or new_pseudonym(), **given)
        self.state: Dispute = done.dispute
        return done

    def admitted(self) -> ADispute:
        self.act(filing.admit_filing, self.registrar)
        return self

    def contested(self) -> ADispute:
        self.act(response.give_reply, self.seller, choice="contest", text="We sent it.")
        return self

    def in_negotiation(self) -> ADispute:
        """Admitted and contested, unless that was done, and the evidence complete on both sides."""
        if self.state.admitted_at is None:
            self.admitted()
        if self.state.reply is None:
            self.contested()
        self.act(evidence.complete_evidence, self.buyer)
        self.act(evidence.complete_evidence, self.seller)
        return self

    def offer(self, actor: Actor, amount: str, currency: str = "EUR", **given: Any) -> ADispute:
        terms = (Term(0, True, Money.parse(amount, currency)),)
        self.act(negotiation.make_offer, actor, terms=terms, **given)
        return self

    def accepted(self, actor: Actor) -> ADispute:
        offer = self.state.offers[-1]
        self.act(negotiation.accept_offer, actor, offer=offer.number, seen=offer.seal)
        return self

    def signed(self, *actors: Actor) -> ADispute:
        for actor in actors or (self.buyer, self.seller):
            agreement = self.state.agreement
            assert agreement is not None
            self.act(procedure.sign_settlement, actor, seen=agreement.seal)
        return self

    def expired(self) -> ADispute:
        """The time of the present step runs out and what follows happens. The house's clock must be a frozen one."""
        clock: Any = self.house.clock
        clock.at = max(clock.at, self.state.running_clock.due)
        self.state = fire_one(self.house, self.id)
        return self

    def seller_silent(self) -> ADispute:
        """Admitted, unless that was done, and never answered, nor after the last call."""
        if self.state.admitted_at is None:
            self.admitted()
        return self.expired().served().expired()

    def served(self) -> ADispute:
        """The last notice to the seller left the house."""
        self.act(procedure.record_notice, SYSTEM, side="seller", template="last_call")
        return self

    def left(self) -> ADispute:
        """In negotiation, unless that was done, and left by the buyer: somebody is to be drawn."""
        if self.state.phase is not Phase.NEGOTIATION:
            self.in_negotiation()
        self.act(negotiation.leave_negotiation, self.buyer)
        return self

    # -- the second half: each verb goes as far back as it must, unless the dispute has already come so far

    def drawn(self, *pool: str) -> ADispute:
        """One of the pool is drawn, as the house does it: by the first checkpoint over the entry that fixed it."""
        if self.state.phase is not Phase.ASSIGNMENT:
            self.left()
        self.act(mediation.commit_pool, SYSTEM, pool=pool or A_POOL)
        seal_all(self.house)
        with self.house.engine.connect() as connection:
            size, root = tree_head(connection)
        self.act(mediation.draw_mediator, SYSTEM, size=size, root=root.hex())
        return self

    def appointed(self, *pool: str) -> ADispute:
        """The drawn mediator accepts; both sides may still object."""
        if not self.state.mediator:
            self.drawn(*pool)
        declared = self.state.rules.declarations
        self.act(mediation.accept_appointment, self.mediator, declared=declared, text="Ten years of such disputes.")
        return self

    def _unopposed(self, *pool: str) -> ADispute:
        if not self.state.appointed:
            self.appointed(*pool)
        for side in (self.buyer, self.seller):
            if self.state.phase is Phase.ASSIGNMENT and side.role not in self.state.objected:
                self.act(mediation.waive_objection, side)
        return self

    def in_mediation(self, *pool: str) -> ADispute:
        """Nobody objects; the mediator mediates."""
        return self._unopposed(*pool)

    def proposed(self, amount: str, currency: str = "EUR", **given: Any) -> ADispute:
        """The mediator proposes that the first item be met with this amount."""
        terms = (Term(0, True, Money.parse(amount, currency)),)
        self.act(mediation.make_proposal, self.mediator, terms=terms, **given)
        return self

    def proposal_accepted(self, *actors: Actor) -> ADispute:
        for actor in actors or (self.buyer, self.seller):
            proposal = self.state.proposals[-1]
            self.act(mediation.accept_proposal, actor, proposal=proposal.number, seen=proposal.seal)
        return self

    def in_decision(self, *pool: str) -> ADispute:
        """The mediation ends without an agreement; both sides may give their final words. In default there is no
        mediation."""
        if self.state.phase is Phase.DEFAULT_TRACK:
            self.act(evidence.complete_evidence, self.buyer)
        if self.state.phase not in (Phase.MEDIATION, Phase.DECISION):
            self._unopposed(*pool)
        if self.state.phase is Phase.MEDIATION:
            self.act(mediation.close_mediation, self.mediator)
        return self

    def file_closed(self) -> ADispute:
        """Both sides gave their final words."""
        if self.state.phase is not Phase.DECISION:
            self.in_decision()
        for side in (self.buyer, self.seller):
            if self.state.file_closed_at is None and side.role not in self.state.final_words:
                self.act(decision.give_final_words, side, text="Nothing more.")
        return self

    def decided(self, *terms: Term, **given: Any) -> ADispute:
        """The decision is issued: on these terms, or that the whole claim is granted. `given` may hold `basis`,
        `findings`, `texts`, `costs` and `perform_days`."""
        if self.state.file_closed_at is None:
            self.file_closed()
        whole = tuple(Term(place, True, item.amount) for place, item in enumerate(self.state.items))
        fitting = {
            "basis": "buyer_law",
            "findings": (Finding((0,)),),
            "texts": {"reasons": "The seller bears the risk of the way.", "finding_1": "The parcel never came."},
        }
        self.act(decision.issue_decision, self.mediator, terms=terms or whole, **{**fitting, **given})
        return self

    def closed_with(self, *, buyer: bool | None = True, seller: bool | None = True) -> ADispute:
        """The decision is accepted (True), rejected (False) or not answered (None) by each side, until that ends it."""
        if self.state.phase is not Phase.DECIDED:
            self.decided()
        for side, accepts in ((self.seller, seller), (self.buyer, buyer)):
            seen = self.state.decision.seal if self.state.decision else ""
            if accepts is not None and self.state.phase is Phase.DECIDED:
                self.act(decision.accept_decision if accepts else decision.reject_decision, side, seen=seen)
        return self if self.state.phase is Phase.CLOSED else self.expired()

    def performed(self) -> ADispute:
        """The seller says that it is done."""
        self.act(compliance.report_performance, self.seller, text="Sent by parcel, with tracking.")
        return self

    def confirmed(self) -> ADispute:
        """The buyer confirms it."""
        self.act(compliance.confirm_performance, self.buyer)
        return self

    def opened_to(self, account_id: str) -> ADispute:
        """A registrar of this account has opened it with a reason, for as long as a test lasts."""
        row = {"dispute_id": self.id, "account_id": account_id, "opened_at": 0, "until": LARGEST_INTEGER}
        run_alone(self.house, (opening, row))
        return self

    @property
    def mediator(self) -> Actor:
        """Whoever sits in the dispute now as its mediator, drawn or appointed."""
        return Actor(self.state.mediator, "mediator")


def a_dispute(house: House, **given: Any) -> ADispute:
    """A filed dispute about a parcel that never came, 48.90 EUR, buyer in Germany, seller in China."""
    return ADispute(house, **given)


def a_filing(seller: str, items: tuple[ClaimItem, ...] = ONE_REFUND, **changes: Any) -> filing.Filing:
    texts = {
        "narrative": "Two bicycle lights never arrived.",
        "order": json.dumps({"reference": "A-1"}),
        "buyer": json.dumps({"name": "The buyer", "email": "buyer@example.org"}),
        "seller": json.dumps({"name": "The seller", "email": "seller@example.org"}),
    }
    given: dict[str, Any] = {
        "number": new_number(),
        "seller": seller,
        "buyer_country": "DE",
        "seller_country": "CN",
        "buyer_language": "en",
        "seller_language": "zh_Hans",
        "category": "not_delivered",
        "items": items,
        "paid": Money(4890, "EUR"),
        "ordered_on": "2026-01-06",
        "contacted_on": "2026-02-10",
        "texts": texts,
    }
    return filing.Filing(**{**given, **changes})


def run_alone(house: House, *rows: tuple[Any, dict[str, Any]]) -> None:
    """Write ordinary rows for a test: pairs of a table and the values of one row."""

    def unit(connection: Connection) -> None:
        for table, values in rows:
            connection.execute(insert(table).values(values))

    write_unit(house.engine, unit)
