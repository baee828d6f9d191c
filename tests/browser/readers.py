"""A house with disputes in every phase, the people who read it, and one address of each kind of page they reach."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin, urlsplit

from flask import Flask
from sqlalchemy import Connection
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from odr.database import write_unit
from odr.house import House
from odr.people import service
from odr.people.security import cookie_name
from tests.builders import a_dispute

HREF = re.compile(r'<a\b[^>]*?\bhref="([^"]+)"')
MOST_PAGES = 400
# Rooms whose pages show each reader the same.
ALIKE = frozenset({"web", "people", "log"})
# Pages that look different in each phase; each dispute's counts as a kind of its own.
VARIED = frozenset({"disputes.page"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads pages: a name for the pictures and what their session cookie carries, or nothing."""

    name: str
    cookie: str | None = None


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
    people = {name: _account(house, name) for name in ("buyer", "seller", "registrar")}
    service.grant_role(house, people["registrar"], "registrar")
    parties = {"buyer_account": people["buyer"], "seller_account": people["seller"]}
    a_dispute(house, **parties)
    a_dispute(house, **parties).admitted()
    talking = a_dispute(house, **parties).in_negotiation()
    talking.offer(talking.seller, "24.45")
    agreed = a_dispute(house, **parties).in_negotiation()
    agreed.offer(agreed.seller, "48.90").accepted(agreed.buyer)
    signed = a_dispute(house, **parties).in_negotiation()
    signed.offer(signed.buyer, "40.00").accepted(signed.seller).signed()
    return [Reader("stranger"), *(Reader(name, _session(house, account)) for name, account in people.items())]


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
    seen, waiting = {"/"}, ["/"]
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        answer = client.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        endpoint, values = adapter.match(urlsplit(path).path)
        found.setdefault(endpoint + (f".{values['number']}" if endpoint in VARIED else ""), path)
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
    return write_unit(house.engine, lambda connection: service.start_session(connection, account, "", house.clock()))
