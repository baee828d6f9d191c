"""What the tests of the evidence pages are given: the people and the dispute of the disputes room, under way."""

from __future__ import annotations

import pytest

from tests.builders import ADispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]


@pytest.fixture
def contested(dispute: ADispute) -> ADispute:
    """The dispute in the exchange of evidence."""
    return dispute.admitted().contested()
