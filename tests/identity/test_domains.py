"""Which names one organisation can own, however they are typed."""

from __future__ import annotations

import pytest

from odr.identity import domains
from odr.kernel import Refused


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("shop.example", "shop.example"),
        (" SHOP.Example. ", "shop.example"),
        ("https://www.shop.example/contact?x=1", "shop.example"),
        ("mail.shop.co.uk", "mail.shop.co.uk"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("商店.example", "xn--czrs0t.example"),
        ("seller.github.io", "seller.github.io"),
        ("shop.example:8443", "shop.example"),
    ],
)
def test_a_domain_has_one_form(typed, key):
    assert domains.domain_key(typed) == key


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "domain_malformed"),
        ("shop", "domain_malformed"),
        ("shop example", "domain_malformed"),
        ("localhost", "domain_malformed"),
        ("printer.local", "domain_malformed"),
        ("db.internal", "domain_malformed"),
        ("127.0.0.1", "domain_malformed"),
        ("http://2130706433", "domain_malformed"),
        ("0x7f.1", "domain_malformed"),
        ("[::1]", "domain_malformed"),
        ("ftp://shop.example", "domain_malformed"),
        ("-shop.example", "domain_malformed"),
        ("shop..example", "domain_malformed"),
        (f"{'a' * 64}.example", "domain_malformed"),
        (f"{'a.' * 130}example", "domain_malformed"),
        ("shop.example\r\nHost: x", "domain_malformed"),
        ("shop\x00.example", "domain_malformed"),
        ("_evenhand.shop.example", "domain_malformed"),
        ("http://[", "domain_malformed"),
        ("co.uk", "domain_public"),
        ("github.io", "domain_public"),
        ("gmail.com", "domain_of_many"),
        ("mx.qq.com", "domain_of_many"),
    ],
)
def test_what_nobody_owns_alone_is_refused(typed, code):
    with pytest.raises(Refused) as refused:
        domains.domain_key(typed)

    assert refused.value.code == code


def test_what_stands_below_a_domain_belongs_to_it_and_what_only_ends_like_it_does_not():
    assert domains.belongs_to("shop.example", "shop.example")
    assert domains.belongs_to("mail.shop.example", "shop.example")
    assert not domains.belongs_to("myshop.example", "shop.example")
    assert not domains.belongs_to("example", "shop.example")


def test_beside_a_name_beyond_ascii_stands_the_form_that_cannot_be_mistaken():
    assert domains.shown("shop.example") == "shop.example"
    assert domains.shown("xn--bcher-kva.example") == "bücher.example (xn--bcher-kva.example)"
