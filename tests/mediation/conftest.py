"""What the tests of the mediation are given: the people of the disputes room, and mediators with browsers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask

from odr.house import House
from odr.mediation import queries
from odr.people.queries import account_by_email
from odr.worker import run
from tests.builders import ADispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader
from tests.mediation.roster import a_mediator

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]


@dataclass
class Mediators:
    """Three mediators on the roster, each with a browser, by the names that entries give to them."""

    readers: dict[str, Reader]

    def of(self, dispute: ADispute) -> Reader:
        """Whoever sits in this dispute now."""
        return self.readers[dispute.state.mediator]

    def other_than(self, dispute: ADispute) -> Reader:
        """Somebody on the roster who does not sit in it."""
        return next(reader for name, reader in self.readers.items() if name != dispute.state.mediator)


@pytest.fixture
def mediators(app: Flask, house: House) -> Mediators:
    readers = {}
    for name in ("First", "Second", "Third"):
        mediator_id = a_mediator(house, name, training="Mediation, 200 hours", languages=("en", "de"))
        with house.engine.connect() as connection:
            account = account_by_email(connection, f"{name.lower()}@mediators.example")
        readers[mediator_id] = Reader(app, account.id)
    return Mediators(readers)


def refreshed(house: House, dispute: ADispute) -> ADispute:
    """The builder with what the pages or the worker did meanwhile."""
    with house.engine.connect() as connection:
        dispute.state = queries.state_of(connection, house, dispute.id)
    return dispute


@pytest.fixture
def drawn(app: Flask, house: House, mediators: Mediators, dispute: ADispute) -> ADispute:
    """The dispute with a mediator drawn by the worker."""
    dispute.left()
    assert run(app, once=True)
    return refreshed(house, dispute)


@pytest.fixture
def appointed(house: House, drawn: ADispute) -> ADispute:
    """The mediator has accepted; both sides may object."""
    return drawn.appointed()


@pytest.fixture
def mediating(appointed: ADispute) -> ADispute:
    """Nobody objected, and the mediator mediates."""
    return appointed.in_mediation()
