"""What the tests of a dispute's pages are given: a house, its people with browsers, and a dispute between two."""

from __future__ import annotations

import pytest
from flask import Flask

from odr.house import House
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader, account, house_of


@pytest.fixture
def house(app: Flask) -> House:
    return house_of(app)


@pytest.fixture
def buyer(app: Flask) -> Reader:
    return Reader(app, account(app, "buyer@example.org", "A Buyer"))


@pytest.fixture
def seller(app: Flask) -> Reader:
    return Reader(app, account(app, "seller@example.org", "Example Bikes Ltd"))


@pytest.fixture
def registrar(app: Flask) -> Reader:
    return Reader(app, account(app, "registrar@example.org", "Registrar", "registrar"))


@pytest.fixture
def stranger(app: Flask) -> Reader:
    return Reader(app, account(app, "stranger@example.org", "Stranger"))


@pytest.fixture
def nobody(app: Flask) -> Reader:
    return Reader(app)


@pytest.fixture
def dispute(house: House, buyer: Reader, seller: Reader) -> ADispute:
    """A filed dispute between these two."""
    return a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
