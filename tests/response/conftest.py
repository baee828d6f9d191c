"""The tests of the seller's answer are given what the tests of a dispute's pages are given."""

from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]
