"""Whole disputes in real browsers, from the reply to the last word, each with the people it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser

from odr.disputes.queries import stand
from odr.disputes.rebuild import compare
from odr.house import House
from odr.kernel import SYSTEM
from odr.mediation.queries import mediator_by_id
from odr.mediation.service import Admission, admit_mediator
from odr.procedure.rules import return_notice
from odr.verify import verify_house
from odr.worker import run as work
from tests.browser.visitors import Visitor, somebody, visitor
from tests.builders import ADispute, a_dispute
from tests.mediation.roster import evidenced

MEDIATORS = ("mediator", "mediator-2", "mediator-3")

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Cast:
    """The people of one dispute at browsers of their own, and the house they meet in."""

    def __init__(self, app: Flask, chromium: Browser, address: str, stack: ExitStack) -> None:
        self.app, self.chromium, self.address, self.stack = app, chromium, address, stack
        self.house: House = app.extensions["odr"]
        self.accounts: dict[str, str] = {}
        self.people: dict[str, Visitor] = {}

    def __getitem__(self, name: str) -> Visitor:
        """The visitor of that name; whoever was not there yet comes in now."""
        if name not in self.people:
            seat = visitor(self.chromium, self.address, script=False, app=self.app, account=self.account(name))
            self.people[name] = self.stack.enter_context(seat)
        return self.people[name]

    def account(self, name: str) -> str:
        if name not in self.accounts:
            self.accounts[name] = somebody(self.house, name, role="registrar" if name == "registrar" else "")
        return self.accounts[name]

    def on_the_roster(self, name: str) -> str:
        admission = Admission(languages=("en",), training="Consumer disputes.")
        return evidenced(self.house, admit_mediator(self.house, "", "", admission, account_id=self.account(name)))

    def dispute(self, **given: Any) -> ADispute:
        parties = {f"{side}_account": self.account(side) for side in ("buyer", "seller")}
        return a_dispute(self.house, **{**parties, **given})

    def work(self) -> None:
        """The worker does all that is due: deadlines, draws, seals, mail."""
        for _ in range(3):
            assert work(self.app, once=True)

    def later(self, **time: int) -> None:
        """Time passes; the worker is the only one who looks. Whoever comes back signs in anew."""
        self.house.clock.advance(**time)  # type: ignore[attr-defined]
        self.people.clear()
        self.work()

    def drawn(self, dispute: ADispute) -> str:
        """Who sits in the dispute now, by the name they have here."""
        with self.house.engine.connect() as connection:
            sits = stand(connection, self.house, dispute.id).dispute.mediator
            return next(name for name in MEDIATORS if mediator_by_id(connection, sits).account_id == self.account(name))

    def ends_well(self) -> None:
        """The log verifies, and every row is what the entries say."""
        self.work()
        assert verify_house(self.house).findings == []
        with self.house.engine.connect() as connection:
            assert list(compare(connection, self.house)) == []


@pytest.fixture
def cast(app: Flask, chromium: Browser, address: str) -> Iterator[Cast]:
    with ExitStack() as stack:
        yield Cast(app, chromium, address, stack)


def test_a_mediated_dispute_is_decided_accepted_and_honoured(cast: Cast):
    cast.on_the_roster("mediator")
    told = cast.dispute().in_negotiation()
    place, buyer, seller, mediator = f"/disputes/{told.number}", cast["buyer"], cast["seller"], cast["mediator"]

    buyer.go(f"{place}/negotiation/leaving").fits().press("Leave the negotiation")
    cast.work()
    mediator.go("/desk/mediator").fits().sees(told.number).press(told.number)
    mediator.go(f"{place}/appointment").fits()
    declare(mediator)
    for side in (buyer, seller):
        side.go(f"{place}/mediator/objection").fits().sees("The mediator").press("I have no objection")

    mediator.go(f"{place}/proposals/new").fits()
    fill_terms(mediator, "30.00").press("Make this proposal")
    buyer.go(place).fits().sees("It is the turn of both sides").press("Read and accept")
    buyer.fits().sees("30.00").press("Accept the proposal")
    seller.go(f"{place}/proposals/0/rejection").fits().press("Reject the proposal")
    mediator.go(f"{place}/mediation/closing").fits().press("Close the mediation")
    for side in (buyer, seller):
        side.go(f"{place}/final-words").fits().type(text="Nothing has changed.").press("Give my final words")

    decide(mediator, place, "part", "40.00")
    for side in (buyer, seller):
        side.go(f"{place}/decision").fits().sees("40.00")
        side.go(f"{place}/decision/acceptance").fits().sees("40.00").press("Accept the decision")
    seller.go(f"{place}/performance").fits().type(text="Paid back to the card.").press("Say that it is done")
    buyer.go(place).fits().sees("It is your turn").press("It was carried out")
    buyer.fits().press("I have all of it")
    for side in (buyer, seller):
        side.go(f"{place}/rating").fits().type(score="4").press("Send the grade")
        side.go(place).fits().sees("the claim is granted in part").sees("Honoured in time")
    cast.ends_well()


def test_a_seller_who_never_answers_is_decided_about_on_the_papers(cast: Cast):
    cast.on_the_roster("mediator")
    told = cast.dispute().admitted()
    place = f"/disputes/{told.number}"

    # Every time limit runs out before nobody but the worker: the reply, the last call, the buyer's time to prove it.
    cast.later(days=21)
    cast.later(days=6)
    cast["buyer"].go(place).fits().sees("on the papers").sees("It is your turn")
    cast.later(days=14)
    cast["mediator"].go(f"{place}/appointment").fits()
    declare(cast["mediator"])
    cast.later(days=6)
    cast["buyer"].go(place).fits().sees("final words")
    cast.later(days=8)
    decide(cast["mediator"], place, "full")
    cast["buyer"].go(f"{place}/decision/acceptance").fits().press("Accept the decision")
    # Nobody says yes for the seller, and nobody knows whether it was paid.
    cast.later(days=35)
    cast["buyer"].go(place).fits().sees("not accepted")
    cast.later(days=20)
    cast.later(days=20)
    cast["buyer"].go(place).fits().sees("Unknown whether it was honoured")
    cast.ends_well()


def test_a_mediator_who_is_objected_to_is_replaced_by_the_next_of_the_same_draw(cast: Cast):
    for name in MEDIATORS:
        cast.on_the_roster(name)
    told = cast.dispute().left()
    place, seller = f"/disputes/{told.number}", cast["seller"]
    cast.work()
    first = cast.drawn(told)
    cast[first].go(f"{place}/appointment")
    declare(cast[first])

    seller.go(f"{place}/mediator/objection").fits().press("Object to this mediator")

    second = cast.drawn(told)
    assert second != first
    assert cast[first].go(place).page.title().startswith("This page is not here")
    cast[second].go(f"{place}/appointment").fits()
    declare(cast[second])
    # The seller has used the one objection; the buyer still has one, and lets it be.
    cast["buyer"].go(f"{place}/mediator/objection").fits().press("I have no objection")
    seller.go(place).fits().sees("Mediation").press("Check the draw")
    seller.fits().sees("Drawn, and released since")
    cast.ends_well()


def test_a_seller_may_decline_the_whole_procedure(cast: Cast):
    told = cast.dispute().admitted()
    place = f"/disputes/{told.number}"

    cast["seller"].go(f"{place}/reply").fits().type(choice="decline").press("Continue")
    cast["seller"].fits().press("Decline to take part")

    for side in ("buyer", "seller"):
        cast[side].go(place).fits().sees("The seller declined the procedure")
    cast.ends_well()


def test_nobody_is_decided_about_whom_no_notice_reached(cast: Cast):
    told = cast.dispute().admitted()
    place, buyer = f"/disputes/{told.number}", cast["buyer"]
    told.act(return_notice, SYSTEM, side="seller", template="invitation")

    buyer.go(place).fits().sees("It is your turn").press("Name an address")
    buyer.fits().type(email="other@shop.example").press("Send the notice there")
    told.act(return_notice, SYSTEM, side="seller", template="invitation")
    cast.later(days=20)

    cast["buyer"].go(place).fits().sees("no notice could be delivered to the seller")
    cast.ends_well()


def test_a_buyer_who_rejects_the_decision_keeps_every_other_way(cast: Cast):
    mediator_id = cast.on_the_roster("mediator")
    told = cast.dispute().in_decision(mediator_id).file_closed()
    place = f"/disputes/{told.number}"
    decide(cast["mediator"], place, "none")

    cast["buyer"].go(f"{place}/decision").fits().press("Read and reject")
    cast["buyer"].fits().sees("court").press("Reject the decision")

    for side in ("buyer", "seller"):
        cast[side].go(place).fits().sees("not accepted")
    cast.ends_well()


def declare(mediator: Visitor) -> None:
    """Declare each line and accept."""
    for line in mediator.page.locator('[name="declared"]').all():
        line.check()
    mediator.type(text="I know neither side.").press("Declare this and accept")


def fill_terms(person: Visitor, amount: str) -> Visitor:
    """Give this much on the first item."""
    person.page.locator('main input[inputmode="decimal"]').first.fill(amount)
    return person


def decide(mediator: Visitor, place: str, granted: str, amount: str = "") -> None:
    """Write a decision on one item, read it once more, and issue it."""
    mediator.go(f"{place}/decision/new").fits().type(granted_0=granted)
    if amount:
        fill_terms(mediator, amount)
    mediator.type(**{"finding-0-text": "The parcel never came.", "finding-0-cites": "0"})
    mediator.type(text="The seller bears the risk of the way.", basis="buyer_law").press("Check the decision")
    mediator.fits().sees("The parcel never came.").press("Issue the decision")
    mediator.fits().sees("The parcel never came.")
