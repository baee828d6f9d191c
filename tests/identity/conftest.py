"""What the tests of identity are given: a name server and a site of their own, and a house that asks them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from odr.house import Settings
from tests.identity.servers import Names, Site

DOMAIN = "shop.example"


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, DOMAIN, "other.example")


@pytest.fixture
def settings(settings: Settings, names: Names, site: Site) -> Iterator[Settings]:
    with names.serving() as server, site.serving() as port:
        yield replace(settings, dns_server=server, identity_port=port, identity_ca=site.authority)
