"""Disputes and people for tests, told in the order things happen: `a_dispute(house).admitted().in_negotiation()`."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert

from odr.database import write_unit
from odr.disputes.service import Done, Rule, perform
from odr.disputes.tables import party
from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.house import House
from odr.kernel import Actor, Money, new_id, new_number, new_pseudonym
from odr.log.journal import Stored
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute
from odr.procedure.events import ClaimItem, Term
from odr.response import rules as response

ONE_REFUND = (ClaimItem("refund", Money(4890, "EUR")),)


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

        ruleset = house.rulesets.named("default-1")
        self.state = self.act(
            filing.file_dispute, self.buyer, alongside=parties, filing=self.filing, ruleset=ruleset
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
