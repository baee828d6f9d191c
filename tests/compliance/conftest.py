"""What the tests of compliance are given: a decided dispute that both sides accepted, and its people."""

from __future__ import annotations

import pytest

from tests.builders import ADispute
from tests.decision.conftest import Mediator, dispute, mediator, other_mediator, shown
from tests.disputes.conftest import buyer, house, nobody, registrar, seller, stranger

__all__ = [
    "buyer", "dispute", "house", "mediator", "nobody", "other_mediator", "registrar", "seller", "shown", "stranger",
]  # fmt: skip


@pytest.fixture
def due(shown: ADispute, mediator: Mediator) -> ADispute:
    """What the decision grants is due: both sides accepted it."""
    shown.in_decision(mediator.mediator_id).decided()
    return shown.closed_with()
