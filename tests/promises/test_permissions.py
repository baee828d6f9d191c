"""Who sits in a dispute acts in it where the permission names their role, in every phase, and nowhere else. Who comes
in at which door is tried in test_permissions_matrix."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from odr.compliance import rules as compliance
from odr.erasure import rules as erasure
from odr.evidence.service import take_in
from odr.filing import rules as filing
from odr.house import House
from odr.kernel import SYSTEM, Actor, new_pseudonym
from odr.log.tables import entry
from odr.mediation import rules as mediation
from odr.people.queries import account_by_email
from odr.procedure import rules as procedure
from odr.procedure.access import PARTIES, PERMISSIONS, acts_of
from odr.procedure.dispute import Dispute
from odr.representation import rules as representation
from odr.representation.rules import NewName
from odr.response import rules as response
from tests.builders import ADispute, a_dispute
from tests.disputes.conftest import buyer, house, registrar, seller
from tests.disputes.readers import Reader, account
from tests.doors import Door, doors_of, token_of
from tests.mediation.roster import a_mediator

__all__ = ["buyer", "house", "registrar", "seller"]

pytestmark = pytest.mark.one_database

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"

# Pages of a dispute that are for fewer people than hold their permission.
NARROWER = {
    # The registrar gives more time at the desk, the mediator on a page of their own.
    "filing.extension": frozenset({"registrar"}),
    "filing.extend": frozenset({"registrar"}),
    # The filing is the buyer's act; a registrar has the receipts of registrars' acts only.
    "disputes.receipt": PARTIES | {"mediator"},
}
# Acts without an entry of their own: a choice that leads on to the page of the reply, and a draft.
NO_ENTRY = {"response.reply", "decision.copy_draft"}
# What a representative alone can do, and what is written beside the dispute: tried in tests of their own rooms.
ELSEWHERE = {"representation.resign", "readings.opening"}
# What a passkey is to sign, before the act.
CHALLENGES = re.compile(r"/(acceptance|rejection|signature|new)/challenge$")
ROLES = ("buyer", "seller", "mediator", "registrar")


@pytest.fixture
def mediator(app: Flask, house: House) -> Reader:
    """The one mediator on the roster, who sits wherever one is drawn."""
    return mediator_reader(app, house, "The")


class MediatorReader(Reader):
    """Somebody on the roster, by the name that entries give to them."""

    mediator_id: str


def mediator_reader(app: Flask, house: House, name: str) -> MediatorReader:
    mediator_id = a_mediator(house, name)
    with house.engine.connect() as connection:
        owner = account_by_email(connection, f"{name.lower()}@mediators.example")
    reader = MediatorReader(app, owner.id)
    reader.mediator_id = mediator_id
    return reader


@pytest.fixture
def of(house: House, buyer: Reader, seller: Reader, mediator: MediatorReader) -> Callable[[], ADispute]:
    """Files a dispute between these two, in which this mediator is the one who is drawn."""

    def file() -> ADispute:
        dispute = OfThese(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
        dispute.drawn_from = mediator.mediator_id
        return dispute

    return file


class OfThese(ADispute):
    """A dispute for whose draw there is one mediator only."""

    drawn_from = ""

    def drawn(self, *pool: str) -> ADispute:
        return super().drawn(*(pool or (self.drawn_from,)))


def in_needs_information(dispute: ADispute) -> ADispute:
    dispute.act(filing.ask_information, dispute.registrar, topics=("order",), text="Which order?")
    return dispute


def refused(dispute: ADispute) -> ADispute:
    dispute.act(filing.refuse_filing, dispute.registrar, ground="late", text="Too old.")
    return dispute


def objected(dispute: ADispute) -> ADispute:
    dispute.admitted().act(response.give_reply, dispute.seller, choice="object", text="Not for this house.")
    return dispute


def stated_direct(dispute: ADispute) -> ADispute:
    dispute.admitted().contested().act(procedure.state_direct_settlement, dispute.seller, text="We paid it.")
    return dispute


def asked_for_time(dispute: ADispute) -> ADispute:
    dispute.admitted().contested().act(procedure.ask_extension, dispute.seller)
    return dispute


def without_address(dispute: ADispute) -> ADispute:
    dispute.admitted().act(procedure.return_notice, SYSTEM, side="seller", template="invitation")
    return dispute


def challenged(dispute: ADispute) -> ADispute:
    dispute.in_mediation().act(mediation.challenge_mediator, dispute.buyer, ground="tie", text="They are cousins.")
    return dispute


def with_late_evidence(dispute: ADispute) -> ADispute:
    """The seller sent something after the time that the mediator had set for it."""
    dispute.in_mediation()
    dispute.act(mediation.request_evidence, dispute.mediator, side="seller", days=1, text="The label.")
    clock = dispute.house.clock
    before, clock.at = clock.at, dispute.state.requests[-1].due
    take_in(
        dispute.house,
        dispute.id,
        dispute.seller,
        key=new_pseudonym(),
        arriving=io.BytesIO(PDF),
        name="a.pdf",
        about="A",
    )
    clock.at = before
    return dispute


def asked_to_stand_still(dispute: ADispute) -> ADispute:
    dispute.admitted().contested().act(procedure.ask_suspension, dispute.seller)
    return dispute


def standing_still(dispute: ADispute) -> ADispute:
    asked_to_stand_still(dispute).act(procedure.agree_suspension, dispute.buyer)
    return dispute


def not_done(dispute: ADispute) -> ADispute:
    dispute.closed_with().performed().act(compliance.deny_performance, dispute.buyer, text="Nothing came.")
    return dispute


def not_done_again(dispute: ADispute) -> ADispute:
    not_done(dispute).performed().act(compliance.deny_performance, dispute.buyer, text="Still nothing.")
    return dispute


def mandated(dispute: ADispute) -> ADispute:
    given = {
        "representative": NewName(new_pseudonym()),
        "scope": "speak",
        "until": "2026-03-20",
        "name": "A",
        "relation": "B",
    }
    dispute.act(representation.give_mandate, dispute.buyer, **given)
    return dispute


def held(dispute: ADispute) -> ADispute:
    dispute.act(erasure.place_hold, dispute.registrar, ground="authority")
    return dispute


PLACES: dict[str, Callable[[ADispute], ADispute]] = {
    "screening": lambda dispute: dispute,
    "needs information": in_needs_information,
    "refused": refused,
    "awaiting a reply": lambda dispute: dispute.admitted(),
    "objected": objected,
    "evidence": lambda dispute: dispute.admitted().contested(),
    "settled directly, as the seller says": stated_direct,
    "asked for time": asked_for_time,
    "seller's offer open": lambda dispute: dispute.in_negotiation().offer(dispute.seller, "31.07"),
    "buyer's offer open": lambda dispute: dispute.in_negotiation().offer(dispute.buyer, "31.07"),
    "settled": lambda dispute: dispute.in_negotiation().offer(dispute.seller, "31.07").accepted(dispute.buyer),
    "no address": without_address,
    "asked to stand still": asked_to_stand_still,
    "standing still": standing_still,
    "drawn": lambda dispute: dispute.drawn(),
    "appointed": lambda dispute: dispute.appointed(),
    "mediating": lambda dispute: dispute.in_mediation(),
    "proposed": lambda dispute: dispute.in_mediation().proposed("20.00"),
    "challenged": challenged,
    "late evidence": with_late_evidence,
    "final words": lambda dispute: dispute.in_decision(),
    "deciding": lambda dispute: dispute.file_closed(),
    "decided": lambda dispute: dispute.decided(),
    "granted": lambda dispute: dispute.closed_with(),
    "performed": lambda dispute: dispute.closed_with().performed(),
    "not done": not_done,
    "not done again": not_done_again,
    "held": held,
    "mandate given": mandated,
}


def who_enters(door: Door) -> frozenset[str]:
    return NARROWER.get(door.endpoint, PERMISSIONS[door.permission].who)


def of_a_dispute(app: Flask) -> list[Door]:
    """The doors of a dispute, those that end it last."""
    doors = [door for door in doors_of(app) if door.rule.startswith("/disputes/<number>")]
    return sorted(doors, key=lambda door: door.endpoint in ("disputes.withdrawal", "filing.refuse", "filing.uphold"))


def filled_in(door: Door, dispute: ADispute) -> str:
    last = {
        "offer": len(dispute.state.offers),
        "proposal": len(dispute.state.proposals),
    }
    places = {name: str(max(count - 1, 0)) for name, count in last.items()}
    if dispute.state.holds:
        places["hold"] = str(dispute.state.holds[-1].version)
    if dispute.state.mandates:
        places["version"] = str(dispute.state.mandates[-1].version)
    return door.path(number=dispute.number, choice="contest", **places)


def everything(token: str, dispute: ADispute, endpoint: str) -> dict[str, object]:
    """All fields that any form of a dispute asks for, so that only the permission is left to refuse."""
    state = dispute.state
    sealed = [state.decision, state.agreement, *state.proposals[-1:], *state.offers[-1:]]
    words = {
        f"{name}-text": "Words." for name in ("ask", "refuse", "dismiss", "uphold", "extend", "suspend", "hand_over")
    }
    grounds = {f"{name}-ground": "late" for name in ("refuse", "uphold")}
    return {
        "csrf_token": token,
        "key": new_pseudonym(),
        "seen": next((one.seal for one in sealed if one), ""),
        "text": "Words.",
        "choice": "contest",
        "ask-topics": "order",
        "granted_0": "yes",
        "amount_0": "30.00",
        "currency_0": "EUR",
        "perform_days": "14",
        "open_days": "7",
        "declared": ["no_tie", "no_money", "no_contact", "no_prejudgment"],
        "side": "seller",
        "days": "3",
        "item": str(state.evidence[-1].item) if state.evidence else "1",
        "ground": "tie",
        "upheld": "dismissed",
        "score": "4",
        "shown": "yes",
        "email": "another.address@example.org",
        "name": "A lawyer",
        "relation": "Lawyer",
        "scope": "speak",
        "until": "2026-03-20",
        "suspend-ground": "missing_document",
        "hand_over-reason": "moved_to_court",
        "hold_ground": "complaint",
        **words,
        **grounds,
        **(A_DECISION if endpoint == "decision.draft" else {}),
    }


A_DECISION = {
    "act": "issue",
    "granted_0": "full",
    "amount_0": "",
    "basis": "contract",
    "finding-0-text": "It never came.",
    "finding-0-cites": "0",
}


def send(reader: Reader, door: Door, dispute: ADispute, token: str) -> TestResponse:
    data = everything(token, dispute, door.endpoint)
    if door.endpoint == "evidence.add":
        # An upload takes few fields beside its file.
        data = {name: data[name] for name in ("csrf_token", "key")}
        data["file"] = (io.BytesIO(PDF), "paper.pdf")
        return reader.client.post(filled_in(door, dispute), data=data, content_type="multipart/form-data")
    return reader.client.post(filled_in(door, dispute), data=data)


def entries(house: House) -> int:
    """How many entries there are in disputes; that somebody read one is no act."""
    with house.engine.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(entry).where(entry.c.stream.startswith("dispute/"))
        ).scalar_one()


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("place", PLACES)
def test_nobody_acts_where_the_permission_names_others(
    app: Flask, house: House, of, place: str, role: str, request: pytest.FixtureRequest
):
    reader: Reader = request.getfixturevalue(role)
    dispute, token = PLACES[place](of()), token_of(reader)
    before = entries(house)

    for door in of_a_dispute(app):
        if door.method == "POST" and role not in who_enters(door):
            assert send(reader, door, dispute, token).status_code in (303, 404, 409, 422), door
    assert entries(house) == before


@pytest.mark.slow
def test_the_same_forms_act_when_those_send_them_whom_the_permission_names(
    app: Flask, house: House, of, buyer: Reader, seller: Reader, mediator: Reader, registrar: Reader
):
    readers = {"buyer": buyer, "seller": seller, "mediator": mediator, "registrar": registrar}
    tokens = {role: token_of(reader) for role, reader in readers.items()}
    acts = [door for door in of_a_dispute(app) if door.method == "POST" and not CHALLENGES.search(door.rule)]
    done = set()

    def try_all(where_offered: bool) -> None:
        for prepare in PLACES.values():
            at_hand = offered(prepare(of()).state, house.clock())
            for door in acts:
                row = PERMISSIONS[door.permission]
                if door.endpoint not in (done if where_offered else done | NO_ENTRY | ELSEWHERE):
                    for role in sorted(row.who):
                        if where_offered and row.act and (role, door.permission) not in at_hand:
                            continue
                        dispute = prepare(of())
                        before = entries(house)
                        send(readers[role], door, dispute, tokens[role])
                        done.update({door.endpoint} if entries(house) > before else set())

    # Where the rules refuse, little is learnt about the form; a few acts become possible only as time passes.
    try_all(where_offered=True)
    try_all(where_offered=False)

    assert {door.endpoint for door in acts} - done == NO_ENTRY | ELSEWHERE


def offered(dispute: Dispute, at: int) -> set[tuple[str, str]]:
    """What each role can do at this place, as role and permission."""
    actors = {
        "buyer": Actor(dispute.buyer, "buyer"),
        "seller": Actor(dispute.seller, "seller"),
        "mediator": Actor(dispute.mediator, "mediator"),
        "registrar": Actor(new_pseudonym(), "registrar"),
    }
    return {(role, act) for role, actor in actors.items() for act in acts_of(dispute, actor, at)}


def test_the_registrar_reads_nothing_of_what_the_sides_say_behind_the_wall(
    app: Flask, house: House, buyer: Reader, registrar: Reader
):
    words = {name: f"{name}-of-the-parties" for name in ("message", "walled", "offer", "file", "about", "direct")}
    dispute = a_dispute(house, buyer_account=buyer.account_id).admitted().contested()
    dispute.act(procedure.send_message, dispute.buyer, text=words["message"])
    paper = io.BytesIO(PDF)
    take_in(
        house,
        dispute.id,
        dispute.buyer,
        key=new_pseudonym(),
        arriving=paper,
        name=f"{words['file']}.pdf",
        about=words["about"],
    )
    dispute.in_negotiation()
    dispute.act(procedure.send_message, dispute.seller, text=words["walled"])
    dispute.act(procedure.state_direct_settlement, dispute.seller, text=words["direct"])
    dispute.offer(dispute.seller, "31.07", text=words["offer"])
    token = token_of(registrar)

    for door in of_a_dispute(app):
        answer = (
            registrar.client.get(filled_in(door, dispute))
            if door.method == "GET"
            else send(registrar, door, dispute, token)
        )
        page = answer.get_data(as_text=True)
        assert [told for told in (*words.values(), "31.07", "31,07") if told in page] == [], door
    own = buyer.client.get(f"/disputes/{dispute.number}").get_data(as_text=True)
    assert [told for told in (*words.values(), "31.07") if told not in own] == []


def test_a_registrar_who_is_a_side_has_no_desk_for_that_dispute(app: Flask, house: House):
    reader = Reader(app, account(app, "registrar@example.org", "Registrar", "registrar"))
    as_buyer = a_dispute(house, buyer_account=reader.account_id)
    as_seller = a_dispute(house, seller_account=reader.account_id)
    named = json.dumps({"name": "Registrar", "email": "Registrar@example.org"})
    texts = {**as_buyer.filing.texts, "seller": named}
    as_named = a_dispute(house, texts=texts)
    token = token_of(reader)
    before = entries(house)

    for door in of_a_dispute(app):
        if door.method == "POST" and "registrar" in PERMISSIONS[door.permission].who:
            assert send(reader, door, as_buyer, token).status_code in (404, 409), door
            assert send(reader, door, as_seller, token).status_code == 404, door
            assert send(reader, door, as_named, token).status_code == 404, door
    assert reader.client.get(f"/disputes/{as_seller.number}").status_code == 404
    assert reader.client.get(f"/disputes/{as_named.number}").status_code == 404
    assert entries(house) == before
