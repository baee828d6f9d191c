"""The tests of profiles are given what the tests of identity are, and people with browsers."""

from tests.disputes.conftest import buyer, house, nobody, registrar, seller, stranger
from tests.identity.conftest import names, settings, site

__all__ = ["buyer", "house", "names", "nobody", "registrar", "seller", "settings", "site", "stranger"]
