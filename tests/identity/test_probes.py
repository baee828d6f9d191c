"""Asking a domain: by the name service and over https, and never where a stranger could send the house."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from odr.house import HTTPS_PORT, Settings
from odr.identity import probes
from odr.identity.probes import ABSENT, FOUND, UNREACHABLE, by_dns, by_web
from odr.identity.rules import FILE, line_of
from tests.identity.conftest import DOMAIN

TOKEN = "a-token-of-the-tests"
LINE = line_of(TOKEN)
RECORD = f"_evenhand.{DOMAIN}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that need no database."""
    return Settings(
        instance=tmp_path,
        database_url="",
        secret_key="a secret of the tests",
        mail_url="",
        master_key_file=tmp_path / "master.key",
        signing_key_file=tmp_path / "signing.key",
    )


@pytest.fixture
def asking(settings, names, site):
    """Settings that lead to the name server and the site of the tests."""
    with names.serving() as server, site.serving() as port:
        yield replace(settings, dns_server=server, identity_port=port, identity_ca=site.authority)


@pytest.fixture
def hurried(monkeypatch):
    """Nobody waits five seconds for a server that says nothing."""
    monkeypatch.setattr(probes, "PATIENCE", 0.3)


# -- the name service -------------------------------------------------------------------------------------------


def test_a_record_holds_the_line_or_it_does_not(asking, names):
    assert by_dns(asking, DOMAIN, TOKEN) == ABSENT

    names.write(RECORD, "TXT", "v=spf1 -all", LINE)
    assert by_dns(asking, DOMAIN, TOKEN) == FOUND

    for other in (f"{LINE}x", f" {LINE}", LINE.upper(), "evenhand=", f"x {LINE} y"):
        names.write(RECORD, "TXT", other)
        assert by_dns(asking, DOMAIN, TOKEN) == ABSENT, other

    names.forget(RECORD, "TXT")
    names.write(DOMAIN, "TXT", LINE)
    assert by_dns(asking, DOMAIN, TOKEN) == ABSENT


def test_a_name_server_that_says_nothing_is_no_answer(asking, names, hurried):
    names.is_ill = True

    assert by_dns(asking, DOMAIN, TOKEN) == UNREACHABLE
    assert by_web(asking, DOMAIN, TOKEN) == UNREACHABLE


# -- the site ---------------------------------------------------------------------------------------------------


def test_a_file_holds_the_line_among_others_or_it_does_not(asking, names, site):
    names.write(DOMAIN, "A", "127.0.0.1")
    told = {
        LINE: FOUND,
        f"# ours\r\n  {LINE}\r\n": FOUND,
        f"\ufeff{LINE}": FOUND,
        f"x{LINE}": ABSENT,
        f"{LINE} and more": ABSENT,
        "": ABSENT,
        f"{LINE}\n{'x' * probes.LARGEST_FILE}": ABSENT,
    }

    for text, seen in told.items():
        site.says = site.file(text)
        assert by_web(asking, DOMAIN, TOKEN) == seen, text[:40]
    assert set(site.asked) == {f"{DOMAIN}:{asking.identity_port} {FILE}"}


def test_a_page_that_says_that_it_is_elsewhere_is_not_followed(asking, names, site):
    names.write(DOMAIN, "A", "127.0.0.1")
    for status in (301, 302, 307, 404, 500):
        site.says = site.file(LINE, status, Location=f"https://other.example:{asking.identity_port}/")
        assert by_web(asking, DOMAIN, TOKEN) == ABSENT
    assert len(site.asked) == 5


def test_a_site_of_another_name_or_of_an_unknown_authority_is_none(asking, names, site):
    site.says = site.file(LINE)
    names.write("third.example", "A", "127.0.0.1")
    names.write(DOMAIN, "A", "127.0.0.1")

    assert by_web(asking, "third.example", TOKEN) == UNREACHABLE
    assert by_web(replace(asking, identity_ca=None), DOMAIN, TOKEN) == UNREACHABLE
    assert site.asked == []


def test_a_site_that_dawdles_is_left(asking, names, site, hurried):
    names.write(DOMAIN, "A", "127.0.0.1")
    site.says = site.dawdle

    assert by_web(asking, DOMAIN, TOKEN) == UNREACHABLE


# -- where a stranger could send the house ----------------------------------------------------------------------

INNER = (
    "10.0.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.8", "198.18.0.1",
    "192.0.0.8", "224.0.0.1", "255.255.255.255", "192.0.2.1", "240.0.0.1", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:8.8.8.8", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
    "2001:0:7f00:1::", "2001:db8::1", "100::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_an_address_of_somebodys_own_network_is_never_asked(settings, names, address):
    with names.serving() as server:
        asking = replace(settings, dns_server=server, identity_port=HTTPS_PORT)
        names.write(DOMAIN, "AAAA" if ":" in address else "A", address)

        assert probes.public_addresses(asking, DOMAIN) == []
        assert by_web(asking, DOMAIN, TOKEN) == UNREACHABLE


def test_one_inner_address_among_public_ones_spoils_the_name(settings, names):
    with names.serving() as server:
        asking = replace(settings, dns_server=server)
        names.write(DOMAIN, "A", "9.9.9.9", "10.0.0.1")
        assert probes.public_addresses(asking, DOMAIN) == []

        names.write(DOMAIN, "A", "9.9.9.9")
        names.write(DOMAIN, "AAAA", "2620:fe::fe")
        assert probes.public_addresses(asking, DOMAIN) == ["9.9.9.9", "2620:fe::fe"]


def test_a_name_is_looked_up_once_for_all_that_follows(asking, names, site):
    """A second look could answer with another address than the one that was judged."""
    names.write(DOMAIN, "A", "127.0.0.1")
    site.says = site.file(LINE)

    by_web(asking, DOMAIN, TOKEN)

    assert names.asked == [f"{DOMAIN} A", f"{DOMAIN} AAAA"]


def test_even_where_tests_may_ask_this_machine_nothing_else_inside_is_asked(asking, names):
    names.write(DOMAIN, "A", "10.0.0.1")

    assert probes.public_addresses(asking, DOMAIN) == []
