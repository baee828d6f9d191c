"""Mediators for tests: an account each, admitted to the roster with what a test says of them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from odr.database import write_unit
from odr.house import House
from odr.kernel import moment
from odr.mediation.queries import mediator_by_id
from odr.mediation.rules import REQUIRED_CREDENTIALS
from odr.mediation.service import Admission, add_credential, admit_mediator
from odr.people import service


def an_account(house: House, email: str, name: str, **more: Any) -> str:
    """An open account without a password."""
    return write_unit(
        house.engine,
        lambda connection: service.open_account(connection, house, email=email, name=name, at=house.clock(), **more),
    )


def evidenced(house: House, mediator_id: str, *kinds: str, days: int = 3_000, issuer: str = "A school") -> str:
    """The same mediator, who has now shown what a mediator has to have shown, or these kinds, for so many days."""
    for kind in kinds or REQUIRED_CREDENTIALS:
        paper = hashlib.sha256(f"{mediator_id} {kind}".encode()).hexdigest()
        until = moment(house.clock()).date() + timedelta(days)
        add_credential(house, mediator_id, kind=kind, issuer=issuer, document=paper, until=until)
    return mediator_id


def a_mediator(house: House, name: str = "First", **changes: Any) -> str:
    """Somebody on the roster who speaks English, knows every field and has shown all that is needed; answers the name
    that entries give to them."""
    email = changes.pop("email", f"{name.lower()}@mediators.example")
    named = admit_mediator(house, email, f"{name} mediator", Admission(**{"languages": ("en",), **changes}))
    with house.engine.connect() as connection:
        shown = mediator_by_id(connection, named).lacks(house.clock())
    return evidenced(house, named, *shown) if shown else named
