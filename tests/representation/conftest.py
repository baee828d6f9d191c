"""The tests of who acts for a side are given what the tests of a dispute's pages are given, and a lawyer."""

import pytest
from flask import Flask

from tests.builders import ADispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader, account
from tests.representation.mandates import LAWYER

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]


@pytest.fixture
def lawyer(app: Flask) -> Reader:
    """Somebody with an account who has nothing to do with any dispute yet."""
    return Reader(app, account(app, LAWYER, "A Lawyer"))


@pytest.fixture
def contested(dispute: ADispute) -> ADispute:
    """The dispute, once the seller has answered: both sides can write and show."""
    return dispute.admitted().contested()
