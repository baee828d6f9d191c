"""What the tests of the negotiation pages are given: the people and the dispute of the disputes room, negotiating."""

from __future__ import annotations

import pytest

from tests.builders import ADispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]


@pytest.fixture
def negotiating(dispute: ADispute) -> ADispute:
    """The dispute in its negotiation, no offer made."""
    return dispute.in_negotiation()
