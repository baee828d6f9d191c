"""Mediators for tests: an account each, admitted to the roster with what a test says of them."""

from __future__ import annotations

from typing import Any

from odr.database import write_unit
from odr.house import House
from odr.mediation.service import Admission, admit_mediator
from odr.people import service


def an_account(house: House, email: str, name: str, **more: Any) -> str:
    """An open account without a password."""
    return write_unit(
        house.engine,
        lambda connection: service.open_account(connection, house, email=email, name=name, at=house.clock(), **more),
    )


def a_mediator(house: House, name: str = "First", **changes: Any) -> str:
    """Somebody on the roster who speaks English and knows every field; answers the name that entries give to them."""
    email = changes.pop("email", f"{name.lower()}@mediators.example")
    return admit_mediator(house, email, f"{name} mediator", Admission(**{"languages": ("en",), **changes}))
