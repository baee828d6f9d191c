"""Every door of the house, tried by everybody, on a dispute of their own, on somebody else's and on one that there is
not: who comes in is whom docs/permissions.md names, and nobody else can tell the last two apart."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from odr.database import write_unit
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_number, new_pseudonym
from odr.log.auditors import admit_auditor
from odr.log.integrator import seal_all
from odr.log.tables import entry
from odr.people.queries import account_by_email, handle_of
from odr.people.service import start_session
from odr.people.tables import account as account_table
from odr.people.tables import session
from tests.agreement import AGREED, DOORS, SIDES, Agreed
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader, account, house_of
from tests.doors import Door, doors_of
from tests.mediation.roster import a_mediator

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"

FORM_COOKIE = "odr-form"
OPEN, CLOSED, UNADMITTED, MISSING = "open", "closed", "not admitted", "missing"


@dataclass
class Comer:
    """Somebody at the doors. `came` is how the agreement calls who comes, `roles` what they hold, or would hold once
    they had proven their second factor, `seats` where they stand to a dispute, by its place in the matrix. `own`: the
    dispute that they would be in, instead of somebody else's, were their account not suspended."""

    name: str
    client: FlaskClient
    came: str
    roles: frozenset[str] = frozenset()
    seats: dict[str, str] = field(default_factory=dict)
    own: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    token: str = ""
    form: str = ""

    @property
    def signed_in(self) -> bool:
        return self.came == "signed in"

    @property
    def half_way(self) -> bool:
        return self.came.startswith("with a password")

    def ask(self, door: Door, path: str, *, with_token: bool) -> TestResponse:
        # A word about what was refused before is told on the next page, and would be the only thing that differs.
        self.client.set_cookie(FORM_COOKIE, self.form)
        if door.method == "GET":
            return self.client.get(path, headers=self.headers)
        data = {"csrf_token": self.token, "key": new_pseudonym()} if with_token else {}
        return self.client.open(path, method=door.method, data=data, headers=self.headers)


@dataclass
class Furnished:
    """A house with disputes, and with everybody who could come to its doors."""

    app: Flask
    house: House
    numbers: dict[str, str]
    comers: list[Comer]
    # What is the buyer's own beside disputes, by the blank of an address or by its page.
    buyers: dict[str, str]

    def acts(self) -> int:
        """How many entries there are in disputes; that somebody read one is no act."""
        with self.house.engine.connect() as connection:
            return connection.execute(
                select(func.count()).select_from(entry).where(entry.c.stream.startswith("dispute/"))
            ).scalar_one()


@pytest.fixture
def furnished(app: Flask) -> Furnished:
    house = house_of(app)
    mediator_id, other_mediator_id = a_mediator(house, "The"), a_mediator(house, "Another")
    readers = {name: Reader(app, account(app, f"{name}@example.org", name.title()))
               for name in ("buyer", "seller", "stranger", "other_buyer", "suspended")}  # fmt: skip
    for role in ("registrar", "regulator", "admin"):
        readers[role] = Reader(app, account(app, f"{role}@example.org", role.title(), role))
    for name, email in (("mediator", "the@mediators.example"), ("other_mediator", "another@mediators.example")):
        with house.engine.connect() as connection:
            owner = account_by_email(connection, email)
        assert owner is not None
        readers[name] = Reader(app, owner.id)

    def between(buyer: str, seller: str) -> ADispute:
        return a_dispute(house, buyer_account=readers[buyer].account_id, seller_account=readers[seller].account_id)

    def whole(dispute: ADispute, pool: str) -> ADispute:
        dispute.admitted().contested()
        given = {"key": new_pseudonym(), "arriving": io.BytesIO(PDF), "name": "paper.pdf", "about": "Paper"}
        take_in(house, dispute.id, dispute.buyer, **given)
        return dispute.in_negotiation().offer(dispute.seller, "31.07").in_mediation(pool).proposed("20.00")

    running = whole(between("buyer", "seller"), mediator_id).proposal_accepted()
    over = whole(between("buyer", "seller"), mediator_id).closed_with()
    fresh = between("buyer", "seller")
    between("other_buyer", "seller").in_mediation(other_mediator_id)
    locked_out = between("suspended", "seller").admitted()
    seal_all(house)

    numbers = {OPEN: running.number, CLOSED: over.number, UNADMITTED: fresh.number, MISSING: new_number()}
    sides = {place: "buyer" for place in (OPEN, CLOSED, UNADMITTED)}
    # A seller stands to a dispute from its admission on.
    seats = {
        "buyer": sides,
        "seller": {OPEN: "seller", CLOSED: "seller"},
        "mediator": {OPEN: "mediator", CLOSED: "mediator"},
        "registrar": {place: "registrar" for place in sides},
    }
    desks = {"mediator": "mediator", "other_mediator": "mediator"} | {
        role: role for role in ("registrar", "regulator", "admin")
    }
    comers = [
        Comer(
            name,
            reader.client,
            # Whose account is suspended is nobody, also in a session that goes on.
            "nobody" if name == "suspended" else "signed in",
            frozenset({desks[name]} if name in desks else ()),
            seats.get(name, {}),
            own=locked_out.number if name == "suspended" else "",
        )
        for name, reader in readers.items()
    ]
    comers += [
        Comer("nobody", app.test_client(), "nobody"),
        _with_auditors_token(app, house),
        *(_half_way(app, house, role) for role in ("mediator", "registrar")),
    ]
    _suspend(house, readers["suspended"])
    for comer in comers:
        comer.token, comer.form = _form_of(comer.client)
    begun = readers["buyer"].send("/drafts", form_at="/filing").location.split("/")[2]
    with house.engine.connect() as connection:
        sessions = connection.execute(
            select(session.c.id_hash).where(session.c.account_id == readers["buyer"].account_id)
        ).scalars()
        buyers = {"draft_id": begun, "people.end_session": handle_of(sessions.one())}
    return Furnished(app, house, numbers, comers, buyers)


def _form_of(client: FlaskClient) -> tuple[str, str]:
    """The token that a form of this browser must carry, and the cookie that it belongs to."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").get_data(as_text=True))
    cookie = client.get_cookie(FORM_COOKIE)
    assert found and cookie
    return found[1], cookie.value


def _with_auditors_token(app: Flask, house: House) -> Comer:
    _, token = admit_auditor(house, "An authority", 1)
    headers = {"Authorization": f"Bearer {token}"}
    return Comer("auditor", app.test_client(), "with an auditor's token", headers=headers)


def _half_way(app: Flask, house: House, role: str) -> Comer:
    """Somebody of the staff who signed in with the password and did not come further."""
    email = f"half.way.{role}@example.org"
    owner = account(app, email, "Half way", None if role == "mediator" else role)
    if role == "mediator":
        a_mediator(house, "Half", email=email)
    cookie = write_unit(house.engine, lambda connection: start_session(connection, owner, "Test", house.clock()))
    client = app.test_client()
    client.set_cookie("odr", cookie)
    return Comer(
        f"half way, {role}", client, "with a password, and the second factor still to prove", frozenset({role})
    )


def _suspend(house: House, reader: Reader) -> None:
    """While they are signed in."""
    write_unit(
        house.engine,
        lambda connection: connection.execute(
            update(account_table).where(account_table.c.id == reader.account_id).values(suspended_at=house.clock())
        ),
    )


def plain(answer: TestResponse, number: str) -> tuple[object, ...]:
    """An answer without what differs between two readings of the same page: status, length, headers and text."""
    body = answer.get_data()
    text = re.sub(r'(name="(?:csrf_token|key)" value=")[^"]*', r"\1", body.decode("utf-8", "replace"))
    headers = {name: value.replace(number, "N") for name, value in answer.headers if name not in ("Set-Cookie", "Date")}
    return answer.status_code, len(body), headers, text.replace(number, "N")


def leads_to_sign_in(answer: TestResponse) -> bool:
    # What somebody wrote comes back to them with the way to sign in.
    return answer.status_code == 401 or (answer.location or "").startswith(("/session/new", "/session/factor"))


def at_door(agreed: Agreed, comer: Comer) -> str:
    """What the agreement says is answered to this comer at the door of a page, before a dispute is read."""
    holds = bool(comer.roles & agreed.who)
    came = comer.came
    if comer.half_way and not holds and agreed.held_by == "held by a role at a desk":
        came = "nobody"
    if came == "signed in" and holds:
        came = "signed in, with that role"
    return DOORS[came][agreed.held_by]


Cell = tuple[Comer, str, str]
"""Who came, to what, and what is wrong with the answer."""

# Pages on which a role that holds the permission has nothing to see here.
NOT_FOR = {
    # The registrar gives more time at the desk, the mediator on a page of their own.
    ("filing.extension", "mediator"),
    # The first entry is the buyer's: a registrar has the receipts of registrars' acts only.
    ("disputes.receipt", "registrar"),
    # What is in evidence here is no picture.
    *(("evidence.preview", role) for role in ("buyer", "seller", "mediator")),
}
# What must be asked at an address that answers questions.
ASKED = {"log.inclusion_proof": "?position=0", "log.consistency_proof": "?old=1"}
# Addresses that name what this house does not have: links, draws, editions, accounts by their handle.
NO_SUCH = {"draft_id": "0" * 32, "handle": "0" * 16}
NOT_THERE = {"token", "handle", "draw", "place", "number"}
# Pages that are there only in a house with a provider of electronic identities.
NOT_SET_UP = {"identity.eid_way", "identity.eid_return"}
# What lets those on who have given a password and have still to prove a second factor, or to add one.
LEADS_ON = {"factor:prove", "factor:add"}


def test_every_door_lets_in_whom_the_agreement_names_and_tells_nobody_else_what_there_is(furnished: Furnished):
    before, cells = furnished.acts(), Counter[str]()
    leaks = []

    for door in doors_of(furnished.app):
        tries = of_a_dispute if door.rule.startswith("/disputes/<number>") else of_the_house
        for comer, where, fault in tries(furnished, door):
            cells[where] += 1
            if fault:
                leaks.append(f"{door.method} {door.rule} [{door.permission}], {comer.name}, {where}: {fault}")

    assert leaks == []
    assert furnished.acts() == before
    assert cells.total() >= 4_000, cells
    assert min(cells[place] for place in furnished.numbers) > 400, cells


def of_a_dispute(furnished: Furnished, door: Door) -> Iterator[Cell]:
    """A door of a dispute, tried by everybody on each of the disputes and on one there is not."""
    agreed = AGREED[door.permission]
    opened: set[str] = set()
    for comer in furnished.comers:
        outside: dict[str, tuple[object, ...]] = {}
        for place, number in (furnished.numbers | ({OPEN: comer.own} if comer.own else {})).items():
            path, role = door.path(number=number, choice="contest", offer="0", proposal="0"), comer.seats.get(place)
            if (place == UNADMITTED and not comer.seats) or (place == CLOSED and not comer.signed_in):
                # Foreign like the open one; and who is not signed in is turned away before any dispute is read.
                continue
            answer = comer.ask(door, path, with_token=role not in agreed.who)
            if role is None:
                outside[place] = plain(answer, number)
                yield comer, place, _turned_away(agreed, comer, answer)
            elif role not in agreed.who:
                stays_out = answer.status_code in (303, 403, 404, 409, 422) and not leads_to_sign_in(answer)
                yield comer, place, "" if stays_out else f"{answer} as the {role}"
            elif door.method == "GET":
                opened |= {role} if answer.status_code in (200, 202, 303) else set()
                comes_in = answer.status_code in (200, 202, 303, 404) and not leads_to_sign_in(answer)
                yield comer, place, "" if comes_in else f"{answer} as the {role}"
            else:
                # Nothing is to be done here; and nothing can be without the token of a form.
                yield comer, place, "" if answer.status_code == 400 else f"{answer} without a token"
        told = [place for place, answer in outside.items() if answer != outside[MISSING]]
        if told:
            yield comer, MISSING, f"{told} can be told from a dispute that there is not"
    if door.method == "GET":
        for role in agreed.who - opened:
            if (door.endpoint, role) not in NOT_FOR:
                yield furnished.comers[0], OPEN, f"never opened to the {role}"


def _turned_away(agreed: Agreed, comer: Comer, answer: TestResponse) -> str:
    """What is wrong with the answer to somebody who has no seat in the dispute."""
    if not comer.signed_in and (agreed.who & SIDES or at_door(agreed, comer) == "sign in"):
        return "" if leads_to_sign_in(answer) else f"{answer}, and not sent to sign in"
    return "" if answer.status_code == 404 else f"{answer}"


def of_the_house(furnished: Furnished, door: Door) -> Iterator[Cell]:
    """A door that leads to no dispute, tried by everybody; one to something of the buyer's, also on that."""
    agreed = AGREED[door.permission]
    blank = "draft_id" if "draft_id" in door.blanks else "handle"
    owned = furnished.buyers.get(door.endpoint) or furnished.buyers.get(blank)
    for comer in furnished.comers:
        answered = "enter" if comer.half_way and door.permission in LEADS_ON else at_door(agreed, comer)
        outside: dict[str, tuple[object, ...]] = {}
        for where, filled in {"the buyer's": {blank: owned} if owned else None, "the house": {}}.items():
            if filled is None:
                continue
            foreign = bool(owned) and (comer.name != "buyer" or where == "the house")
            enters = answered == "enter" and not foreign
            path = door.path(**filled) + ASKED.get(door.endpoint, "")
            answer = comer.ask(door, path, with_token=not enters)
            if foreign:
                outside[where] = plain(answer, filled.get(blank, NO_SUCH[blank]))
            if answered == "sign in":
                yield comer, where, "" if leads_to_sign_in(answer) else f"{answer}, and not sent to sign in"
            elif answered == "missing" or foreign:
                yield comer, where, "" if answer.status_code in (404, 409) else f"{answer}"
            elif door.method != "GET":
                yield comer, where, "" if answer.status_code == 400 else f"{answer} without a token"
            else:
                may_lack = NOT_THERE & set(door.blanks) or door.endpoint in NOT_SET_UP
                there = answer.status_code < 400 or (answer.status_code in (404, 410, 429) and may_lack)
                yield comer, where, "" if there and (comer.half_way or not leads_to_sign_in(answer)) else f"{answer}"
        if len(set(map(repr, outside.values()))) > 1:
            yield comer, "the buyer's", "can be told from what there is not"
