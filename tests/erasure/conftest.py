"""What the tests of erasure are given: the people of a dispute, and one that is over, full of words and files."""

from __future__ import annotations

import io

import pytest

from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log.integrator import seal_all
from odr.procedure import rules as procedure
from tests.builders import ADispute, a_dispute
from tests.disputes.conftest import buyer, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader

__all__ = ["buyer", "house", "nobody", "registrar", "seller", "stranger"]


def paper(dispute: ADispute, actor, words: bytes = b"a canary of a file\n", **said) -> int:
    """Evidence of this side, through the doorway of uploads; answers the version of its entry."""
    given = {"name": "paper.txt", "about": "What was promised.", **said}
    done = take_in(
        dispute.house, dispute.id, actor, key=new_pseudonym(), arriving=io.BytesIO(words), **given
    )  # fmt: skip
    dispute.state = done.dispute
    return done.first


def settled(house: House, buyer_account: str | None = None, seller_account: str | None = None) -> ADispute:
    """Words and files of both sides, an offer, an agreement, and all of it carried out."""
    dispute = a_dispute(house, buyer_account=buyer_account, seller_account=seller_account).admitted()
    paper(dispute, dispute.buyer)
    dispute.contested()
    dispute.act(procedure.send_message, dispute.buyer, text="The canary of the buyer.")
    dispute.act(procedure.send_message, dispute.seller, text="The canary of the seller.")
    dispute.in_negotiation().offer(dispute.seller, "24.45", text="As a courtesy.").accepted(dispute.buyer).signed()
    dispute.performed().confirmed()
    seal_all(house)
    return dispute


@pytest.fixture
def over(house: House, clock, buyer: Reader, seller: Reader) -> ADispute:
    """A dispute between these two that ended sixty days ago; both have just signed in again."""
    dispute = settled(house, buyer.account_id, seller.account_id)
    clock.advance(days=60)
    for reader in (buyer, seller):
        reader.sign_in()
    return dispute
