"""What the tests of the decision are given: two sides, a mediator with a browser, and a dispute that came that far."""

from __future__ import annotations

import io

import pytest
from flask import Flask

from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Money, new_pseudonym
from odr.mediation.service import Admission, admit_mediator
from odr.procedure.events import ClaimItem
from tests.builders import ADispute, a_dispute
from tests.disputes.conftest import buyer, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader, account
from tests.mediation.roster import evidenced

__all__ = ["buyer", "house", "nobody", "registrar", "seller", "stranger"]

SEVERAL = (
    ClaimItem("refund", Money(114900, "EUR")),
    ClaimItem("costs", Money(1250, "EUR")),
    ClaimItem("apology", None),
)


class Mediator(Reader):
    """A mediator with a browser of their own; `mediator_id` is the name that entries give to them."""

    def __init__(self, app: Flask, house: House, email: str) -> None:
        account_id = account(app, email, "A Mediator")
        admission = Admission(languages=("en",))
        named = admit_mediator(house, email, "A Mediator", admission, account_id=account_id)
        self.mediator_id = evidenced(house, named)
        super().__init__(app, account_id)


@pytest.fixture
def mediator(app: Flask, house: House) -> Mediator:
    return Mediator(app, house, "mediator@example.org")


@pytest.fixture
def other_mediator(app: Flask, house: House) -> Mediator:
    """A mediator of the same roster who does not sit in the dispute."""
    return Mediator(app, house, "other.mediator@example.org")


@pytest.fixture
def dispute(house: House, buyer: Reader, seller: Reader) -> ADispute:
    """A filed dispute between these two, about two amounts and an apology."""
    return a_dispute(
        house, items=SEVERAL, paid=Money(114900, "EUR"),
        buyer_account=buyer.account_id, seller_account=seller.account_id,
    )  # fmt: skip


@pytest.fixture
def shown(house: House, dispute: ADispute) -> ADispute:
    """The dispute with one file from each side."""
    dispute.admitted().contested()
    for actor, name in ((dispute.buyer, "tracking.txt"), (dispute.seller, "label.txt")):
        content = io.BytesIO(b"The last scan is of 9 January.\n")
        take_in(house, dispute.id, actor, key=new_pseudonym(), arriving=content, name=name, about=f"See {name}.")
    return dispute


@pytest.fixture
def heard(shown: ADispute, mediator: Mediator) -> ADispute:
    """The mediation is over; both sides may give their final words."""
    return shown.in_decision(mediator.mediator_id)


@pytest.fixture
def to_decide(heard: ADispute) -> ADispute:
    """Both sides gave their final words: the mediator decides."""
    return heard.file_closed()


@pytest.fixture
def decided(to_decide: ADispute) -> ADispute:
    """The whole claim is granted; both sides may answer."""
    return to_decide.decided()
