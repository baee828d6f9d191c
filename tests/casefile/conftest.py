"""What the tests of case files are given: the people of a dispute, and mediators with browsers."""

from __future__ import annotations

from tests.mediation.conftest import buyer, dispute, house, mediators, nobody, registrar, seller, stranger
from tests.mediation.test_wall import negotiated

__all__ = ["buyer", "dispute", "house", "mediators", "negotiated", "nobody", "registrar", "seller", "stranger"]
