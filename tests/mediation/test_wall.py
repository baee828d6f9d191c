"""The wall, proved with canaries: whoever decides reads nothing of offers and of the talk around them, and whoever
decides after another one's mediation nothing of that mediation, in no page, no download and no mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from flask import Flask

from odr.decision.rules import ask_fresh_decider
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Money, new_pseudonym
from odr.mediation.rules import accept_proposal, make_proposal, reject_proposal
from odr.negotiation.rules import make_offer, reject_offer
from odr.procedure.events import ClaimItem, Term
from odr.procedure.rules import send_message
from odr.response.rules import give_reply
from odr.worker import run
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader
from tests.mediation.conftest import Mediators, refreshed
from tests.mediation.walls import all_read

pytestmark = pytest.mark.one_database

CLAIM = (ClaimItem("refund", Money(9_876_543, "EUR")),)

# Words and amounts that stand nowhere else; amounts as pages, entries and mails could write them.
OFFERED = {
    "buyer's offer": (r"canary-offer-buyer", r"71.?234[.,]57|7123457"),
    "seller's offer": (r"canary-offer-seller", r"52.?345[.,]68|5234568"),
    "early offer": (r"canary-offer-early", r"43.?456[.,]79|4345679"),
    "message in the negotiation": (r"canary-talk-negotiation",),
    "message while somebody is drawn": (r"canary-talk-assignment",),
}
MEDIATED = {
    "message in the mediation": (r"canary-mediation-side", r"canary-mediation-own"),
    "first proposal": (r"canary-proposal-first", r"34.?567[.,]81|3456781"),
    "second proposal": (r"canary-proposal-second", r"25.?678[.,]92|2567892"),
}
KNOWN = "positive-control-open-message"


def found(read: dict[str, str], canaries: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Where which canary sits."""
    patterns = [(what, re.compile(sign)) for what, signs in canaries.items() for sign in signs]
    return [(where, what) for where, text in read.items() for what, pattern in patterns if pattern.search(text)]


def refund(minor: int) -> dict[str, object]:
    return {"terms": (Term(0, True, Money(minor, "EUR")),)}


@pytest.fixture
def negotiated(app: Flask, house: House, buyer: Reader, seller: Reader, mediators: Mediators) -> ADispute:
    """A dispute full of canaries, for which a mediator is drawn."""
    dispute = a_dispute(
        house,
        items=CLAIM,
        paid=Money(9_876_543, "EUR"),
        buyer_account=buyer.account_id,
        seller_account=seller.account_id,
    )
    dispute.admitted().contested()
    dispute.act(send_message, dispute.buyer, text=KNOWN)
    for name, content in (("label.txt", b"the label of the parcel\n"), ("chat.txt", b"a chat\n")):
        take_in(
            house,
            dispute.id,
            dispute.buyer,
            key=new_pseudonym(),
            arriving=BytesIO(content),
            name=name,
            about="What the carrier wrote",
        )
    refreshed(house, dispute)
    dispute.act(make_offer, dispute.seller, text="canary-offer-early", **refund(4_345_679))
    dispute.in_negotiation()
    dispute.act(send_message, dispute.seller, text="canary-talk-negotiation")
    dispute.act(make_offer, dispute.buyer, text="canary-offer-buyer", **refund(7_123_457))
    dispute.act(reject_offer, dispute.seller, offer=1)
    dispute.act(make_offer, dispute.seller, text="canary-offer-seller", **refund(5_234_568))
    dispute.left()
    dispute.act(send_message, dispute.buyer, text="canary-talk-assignment")
    assert run(app, once=True)
    return refreshed(house, dispute)


def mediated(dispute: ADispute) -> ADispute:
    """The mediation with canaries of its own, ended without an agreement."""
    dispute.in_mediation()
    dispute.act(send_message, dispute.buyer, text="canary-mediation-side")
    dispute.act(send_message, dispute.mediator, text="canary-mediation-own")
    dispute.act(make_proposal, dispute.mediator, text="canary-proposal-first", **refund(3_456_781))
    seen = dispute.state.proposals[-1]
    dispute.act(reject_proposal, dispute.seller, proposal=seen.number, seen=seen.seal)
    dispute.act(make_proposal, dispute.mediator, text="canary-proposal-second", **refund(2_567_892))
    seen = dispute.state.proposals[-1]
    dispute.act(accept_proposal, dispute.buyer, proposal=seen.number, seen=seen.seal)
    return dispute


STAGES: dict[str, Callable[[ADispute], ADispute]] = {
    "drawn": lambda dispute: dispute,
    "appointed": lambda dispute: dispute.appointed(),
    "mediating": mediated,
    "final words": lambda dispute: mediated(dispute).in_decision(),
    "deciding": lambda dispute: mediated(dispute).file_closed(),
    "decided": lambda dispute: mediated(dispute).decided(),
    "closed": lambda dispute: mediated(dispute).closed_with(),
}


def email_of(name: str) -> str:
    return f"{name.split()[0].lower()}@mediators.example"


def walk(app: Flask, house: House, mediators: Mediators, dispute: ADispute) -> dict[str, str]:
    """All that whoever sits in the dispute reads, after the worker has sent its mail."""
    assert run(app, once=True)
    version = refreshed(house, dispute).state.version
    place = list(mediators.readers).index(dispute.state.mediator)
    reader = mediators.of(dispute)
    read = all_read(app, reader, dispute, email_of(("First", "Second", "Third")[place]))
    assert refreshed(house, dispute).state.version == version, "who only reads changes nothing"
    return read


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_whoever_mediates_and_decides_reads_nothing_behind_the_wall(
    app: Flask, house: House, mediators: Mediators, negotiated: ADispute, stage: str
):
    read = walk(app, house, mediators, STAGES[stage](negotiated))

    assert found(read, OFFERED) == []
    # It is no empty walk: pages, a file and a mail were read, and what is open to the mediator was found.
    assert any(KNOWN in text for text in read.values())
    assert any("the label of the parcel" in text for text in read.values())
    assert any(where.startswith("mail") for where in read)
    assert len(read) > 100


def test_whoever_decides_does_not_read_what_came_with_an_offer_in_the_reply(
    app: Flask, house: House, buyer: Reader, seller: Reader, mediators: Mediators
):
    sides = {"buyer_account": buyer.account_id, "seller_account": seller.account_id}
    dispute = a_dispute(house, items=CLAIM, paid=Money(9_876_543, "EUR"), **sides).admitted()
    offered = {"choice": "offer", "text": "canary-offer-seller", **refund(5_234_568)}
    dispute.act(give_reply, dispute.seller, **offered)
    dispute.in_negotiation().left()
    assert run(app, once=True)

    read = walk(app, house, mediators, refreshed(house, dispute).appointed().in_mediation())

    assert found(read, OFFERED) == []
    assert "canary-offer-seller" in buyer.client.get(f"/disputes/{dispute.number}").text


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["drawn", "appointed", "final words", "deciding", "decided"])
def test_whoever_decides_after_anothers_mediation_reads_nothing_of_it(
    app: Flask, house: House, mediators: Mediators, negotiated: ADispute, stage: str
):
    first = mediators.of(negotiated)
    mediated(negotiated).in_decision()
    negotiated.act(ask_fresh_decider, negotiated.seller)
    steps: dict[str, Callable[[], object]] = {
        "drawn": lambda: None,
        "appointed": negotiated.appointed,
        "final words": negotiated.in_decision,
        "deciding": negotiated.file_closed,
        "decided": negotiated.decided,
    }
    steps[stage]()
    assert mediators.of(negotiated) is not first

    read = walk(app, house, mediators, negotiated)

    assert found(read, OFFERED | MEDIATED) == []
    assert any(KNOWN in text for text in read.values())
    assert any(where.startswith("mail") for where in read)
    # Who mediated has left, and reads nothing any more.
    assert first.client.get(f"/disputes/{negotiated.number}").status_code == 404


def test_both_sides_read_every_canary_themselves(
    app: Flask, house: House, buyer: Reader, seller: Reader, mediators: Mediators, negotiated: ADispute
):
    """Canaries that stand nowhere would prove nothing."""
    mediated(negotiated)
    every = OFFERED | MEDIATED
    for reader in (buyer, seller):
        read = all_read(app, reader, negotiated, "nobody@nowhere.example")
        text = "\n".join(read.values())
        missing = [sign for signs in every.values() for sign in signs if not re.search(sign, text)]
        assert missing == []


@pytest.mark.parametrize("planted", ["page", "file", "name"])
def test_a_planted_leak_is_found(app: Flask, house: House, mediators: Mediators, negotiated: ADispute, planted: str):
    """A side that puts its offer into the file itself is such a leak: the walk must see it wherever it sits."""
    told = {"page": {"about": "canary-offer-seller"}, "name": {"name": "canary-offer-seller.txt"}}.get(planted, {})
    negotiated.appointed().in_mediation().in_decision()
    content = b"They offered 52,345.68 EUR.\n" if planted == "file" else b"nothing\n"
    given = {"name": "more.txt", "about": "More", **told}
    take_in(house, negotiated.id, negotiated.buyer, key=new_pseudonym(), arriving=BytesIO(content), **given)

    read = walk(app, house, mediators, refreshed(house, negotiated))

    leaks = found(read, OFFERED)
    assert {what for _, what in leaks} == {"seller's offer"}
    assert any("/evidence/" in where for where, _ in leaks) or planted != "file"
