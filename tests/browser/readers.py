"""A house with disputes in every phase, the people who read it, and one address of each kind of page they reach."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from urllib.parse import urljoin, urlsplit

from flask import Flask
from PIL import Image
from sqlalchemy import Connection
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from odr.compliance import rules as compliance
from odr.database import write_unit
from odr.disputes.queries import Seat
from odr.disputes.rebuild import counted_as_of
from odr.evidence.service import take_in
from odr.filing.forms import STEPS
from odr.filing.service import begin_draft
from odr.house import House
from odr.kernel import Actor, new_pseudonym
from odr.mediation import rules as mediation
from odr.mediation.service import Admission, admit_mediator
from odr.people import service
from odr.people.links import issue_link
from odr.people.queries import account_by_id
from odr.people.security import cookie_name
from odr.procedure.rules import order_suspension, send_message
from odr.readings.service import note, open_with_reason
from odr.statistics.service import cut
from tests.builders import ADispute, a_dispute
from tests.mediation.roster import evidenced
from tests.representation.mandates import invited, link_for, mandated

HREF = re.compile(r'<a\b[^>]*?\bhref="([^"]+)"')
MOST_PAGES = 2_000
# Rooms whose pages show each reader the same.
ALIKE = frozenset({"web", "people", "log"})
# Pages that look different by a part of their address; each of these counts as a kind of its own.
VARIED = {"disputes.page": "number", "filing.step": "step"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads pages: a name for the pictures, what their session cookie carries, and where they begin."""

    name: str
    cookie: str | None = None
    begins: tuple[str, ...] = ("/",)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of page: who reads it, the endpoint behind it (and which dispute, where that matters), an address."""

    reader: Reader
    endpoint: str
    path: str

    def __str__(self) -> str:
        return f"{self.reader.name}-{self.endpoint}"


def furnish(app: Flask) -> list[Reader]:
    """Fill an empty house with a dispute in each phase; answers a stranger and one person of each role."""
    house: House = app.extensions["odr"]
    people = {name: _account(house, name) for name in ("buyer", "seller", "registrar", "mediator", "regulator")}
    for role in ("registrar", "regulator"):
        service.grant_role(house, people[role], role)
    parties = {"buyer_account": people["buyer"], "seller_account": people["seller"]}
    # First, because its time has to run out.
    a_dispute(house, **parties).seller_silent()
    _mediated(house, parties, _on_the_roster(house, people["mediator"]))
    a_dispute(house, **parties)
    a_dispute(house, **parties).admitted()
    talked = a_dispute(house, **parties)
    _talk(house, talked)
    _watched(house, talked, people["registrar"])
    agreed = a_dispute(house, **parties).in_negotiation()
    agreed.offer(agreed.seller, "48.90").accepted(agreed.buyer)
    signed = a_dispute(house, **parties).in_negotiation()
    signed.offer(signed.buyer, "40.00").accepted(signed.seller).signed()
    invited = a_dispute(house, buyer_account=people["buyer"]).admitted()
    return [
        Reader("stranger", begins=("/", f"/invitation/{_invitation(house, invited.id)}", _acting(house, talked))),
        Reader("buyer", _session(house, people["buyer"]), ("/", *_draft(house, people["buyer"]))),
        Reader("seller", _session(house, people["seller"])),
        # One of the disputes in which nothing waits for a registrar.
        Reader("registrar", _session(house, people["registrar"]), ("/", f"/disputes/{signed.number}/opening")),
        *(Reader(name, _session(house, people[name])) for name in ("mediator", "regulator")),
    ]


def _on_the_roster(house: House, account: str) -> str:
    admitted = Admission(languages=("en", "zh_Hans"), training="Ten years of consumer disputes.", capacity=100)
    return evidenced(house, admit_mediator(house, "", "", admitted, account_id=account))


def _mediated(house: House, parties: dict[str, str], mediator: str) -> None:
    """A dispute at each step that a mediator has a part in, and at each word on what came of it."""

    def another() -> ADispute:
        return a_dispute(house, **parties)

    another().left()
    another().drawn(mediator)
    another().appointed(mediator)
    another().in_mediation(mediator).proposed("30.00", text="Each of you would meet the other half way.")
    challenged = another().in_mediation(mediator)
    challenged.act(mediation.challenge_mediator, challenged.buyer, ground="delay", text="Nothing has happened.")
    asked = another().in_mediation(mediator)
    asked.act(mediation.request_evidence, asked.mediator, side="seller", days=5, text="The papers of the carrier.")
    suspended = another().in_mediation(mediator)
    suspended.act(
        order_suspension, suspended.registrar, ground="parallel_payment", text="The bank is looking at the payment."
    )
    another().in_decision(mediator)
    another().in_decision(mediator).file_closed()
    another().in_decision(mediator).decided()
    another().in_decision(mediator).closed_with()
    another().in_decision(mediator).closed_with().performed()
    denied = another().in_decision(mediator).closed_with().performed()
    denied.act(compliance.deny_performance, denied.buyer, text="Nothing has arrived.")
    checked = another().in_decision(mediator).closed_with().performed()
    checked.act(compliance.deny_performance, checked.buyer, text="Nothing has arrived.")
    checked.performed().act(compliance.deny_performance, checked.buyer, text="Still nothing.")
    another().in_decision(mediator).closed_with().performed().confirmed()
    another().in_decision(mediator).closed_with(buyer=False)
    cut(house, counted_as_of)


def _talk(house: House, dispute: ADispute) -> None:
    """A dispute with words, files and offers on both sides, in three scripts."""
    dispute.admitted()
    dispute.act(send_message, dispute.buyer, text="Ich warte seit dem 6. Januar.\n\nWann kommt das Paket?")
    for actor, name, about, content in (
        (dispute.buyer, "tracking.txt", "The carrier's page: the last scan is of 9 January.", b"left origin country\n"),
        (dispute.seller, "报关单.txt", "出口报关单,包裹已离境。", "已放行\n".encode()),
        (dispute.buyer, "lights.png", "The lights as they were shown.", _picture()),
    ):
        take_in(house, dispute.id, actor, key=new_pseudonym(), arriving=BytesIO(content), name=name, about=about)
    dispute.in_negotiation()
    dispute.offer(dispute.seller, "24.45").offer(dispute.buyer, "48.90")
    dispute.act(send_message, dispute.seller, text="البائع يعرض 24.45 EUR فقط.")
    dispute.offer(dispute.seller, "30.00")


def _watched(house: House, dispute: ADispute, registrar: str) -> None:
    """A dispute that a registrar read when it was admitted, and opened with a reason later."""
    seat = Seat(dispute.id, dispute.number, Actor(registrar, "registrar"))
    note(house, seat, "desk:dispute", "page")
    note(house, seat, "receipt:read", "receipt", 2)
    open_with_reason(house, seat, "asked", "The buyer rang: the page of the offers shows nothing.\n\nI look at it.")
    for _ in range(3):
        note(house, seat, "dispute:read", "page")


def _acting(house: House, dispute: ADispute) -> str:
    """Somebody acts for the buyer; the address of the link by which somebody else can for the seller."""
    mandated(house, dispute, _account(house, "lawyer"))
    invited(house, dispute, "centre@example.org", side="seller")
    return link_for(house, dispute, "centre@example.org")


def _picture() -> bytes:
    held = BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(held, "PNG")
    return held.getvalue()


def _invitation(house: House, dispute_id: str) -> str:
    def unit(connection: Connection) -> str:
        return issue_link(
            connection, purpose="invite", email="shop@example.org", dispute_id=dispute_id, at=house.clock()
        )

    return write_unit(house.engine, unit)


def _draft(house: House, account: str) -> list[str]:
    """The addresses of the questions of a draft."""
    with house.engine.connect() as connection:
        owner = account_by_id(connection, account)
    draft = begin_draft(house, owner, {})
    return [f"/drafts/{draft}/{step}" for step in (*STEPS, "letter", "answers", "removal")]


def all_kinds(app: Flask, readers: list[Reader]) -> list[Kind]:
    """The kinds of page of every reader; a page that is the same for everybody is taken once."""
    kinds: dict[str, Kind] = {}
    for reader in readers:
        for kind in kinds_of(app, reader):
            alike = kind.endpoint.split(".")[0] in ALIKE
            kinds.setdefault(kind.endpoint if alike else str(kind), kind)
    return list(kinds.values())


def kinds_of(app: Flask, reader: Reader) -> list[Kind]:
    """One address of each kind of page that a reader comes to by following links from the front page."""
    client = app.test_client()
    if reader.cookie:
        with app.test_request_context():
            client.set_cookie(cookie_name("odr"), reader.cookie)
    adapter = app.url_map.bind("localhost")
    found: dict[str, str] = {}
    seen, waiting = set(reader.begins), list(reader.begins)
    while waiting:
        # A walk that is cut short would leave pages out of every test that goes by it.
        assert len(seen) < MOST_PAGES, "these pages have no end"
        path = waiting.pop(0)
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        endpoint, values = adapter.match(urlsplit(path).path)
        found.setdefault(endpoint + (f".{values[VARIED[endpoint]]}" if endpoint in VARIED else ""), path)
        for href in HREF.findall(answer.get_data(as_text=True)):
            address = urljoin(path, unescape(href).split("#")[0])
            if address.startswith("/") and address not in seen and _leads_to_new(adapter, address, found):
                seen.add(address)
                waiting.append(address)
    return [Kind(reader, name, path) for name, path in found.items()]


def _leads_to_new(adapter: object, address: str, found: dict[str, str]) -> bool:
    try:
        endpoint, _values = adapter.match(urlsplit(address).path)  # type: ignore[attr-defined]
    except (HTTPException, RequestRedirect):
        return False
    return endpoint != "static" and (endpoint not in found or endpoint in VARIED)


def _account(house: House, name: str) -> str:
    def unit(connection: Connection) -> str:
        return service.open_account(
            connection, house, email=f"{name}@example.org", name=f"The {name}", at=house.clock(), zone="Europe/Berlin"
        )

    return write_unit(house.engine, unit)


def _session(house: House, account: str) -> str:
    at = house.clock()
    return write_unit(house.engine, lambda connection: service.start_session(connection, account, "", at, factor_at=at))
