"""What an address, a name, a password and a next page must be like."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.kernel import Refused
from odr.people.rules import check_password, email_key, local_path, password_form, tidy_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" First.Holder@Example.ORG ", "first.holder@example.org"),
        ("a+b@shop.example", "a+b@shop.example"),
        ("u\u0308@bücher.de", "ü@bücher.de"),
        ("holder@xn--bcher-kva.de", "holder@bücher.de"),
        ("holder@XN--BCHER-KVA.DE", "holder@bücher.de"),
        ("holder@ｅxample.ｏrg", "holder@example.org"),
        ("holder@example\u3002org", "holder@example.org"),
        ("holder@straße.example", "holder@straße.example"),
    ],
)
def test_an_address_is_kept_in_one_form(typed, kept):
    assert email_key(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "holder",
        "holder@",
        "@example.org",
        "holder@localhost",
        "holder@example.org.",
        "holder@example..org",
        "holder@xn--xn--bcher-kva-.de",
        "holder@xn--\u00ff.de",
        "holder@xn--" + "9" * 50 + ".de",
        "holder@example.org\r\nBcc: all@example.org",
        "holder@exa\x00mple.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 260 + ".org",
        "hol der@example.org",
        "holder@example.org\u202egro.",
        "\ud800@example.org",
    ],
)
def test_what_is_no_address_or_hides_a_header_is_refused(typed):
    with pytest.raises(Refused, match="email_malformed"):
        email_key(typed)


@given(st.text())
def test_any_text_is_an_address_on_one_line_or_refused(typed):
    try:
        key = email_key(typed)
    except Refused:
        return

    assert len(key.split()) == 1
    assert email_key(key) == key


def test_a_name_is_one_line_without_reversed_writing():
    assert tidy_name("  First\r\n\tHolder \u202eevil") == "First Holder evil"


def test_a_name_keeps_the_joiners_that_persian_needs():
    assert tidy_name("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize("typed", ["", "  ", "\u202e\u202e", "\x00"])
def test_a_name_of_nothing_is_refused(typed):
    with pytest.raises(Refused, match="name_missing"):
        tidy_name(typed)


@given(st.text())
def test_any_name_becomes_one_short_line(typed):
    try:
        name = tidy_name(typed)
    except Refused:
        return

    assert 0 < len(name) <= 120
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name)


@pytest.mark.parametrize(
    "password",
    [
        "tides of amber 91",
        "correct horse battery staple",
        "harbour-lantern-42",
        "马到成功一二三四五六七八",
        "x7" * 3 + " a long walk home",
        "all the small words that make one sentence " * 2,
    ],
)
def test_long_passphrases_are_taken_whatever_signs_they_are_made_of(password):
    check_password(password, own_words=("First Holder", "holder@example.org"))


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("tides of 91", "password_too_short"),
        ("e\u0301" * 6 + "abcde", "password_too_short"),
        ("tides of amber " * 9, "password_too_long"),
        ("password1234", "password_common"),
        ("P@ssw0rd1234!", "password_common"),
        ("123456789012", "password_common"),
        ("qwertyuiop12", "password_common"),
        ("aaaaaaaaaaaaaaaa", "password_common"),
        ("Evenhand2026!!", "password_common"),
        ("1q2w3e4r5t6y", "password_common"),
        ("first.holder1", "password_own_words"),
        ("tides \ud800 of amber", "password_common"),
    ],
)
def test_passwords_that_would_be_guessed_early_are_refused(password, code):
    with pytest.raises(Refused) as refused:
        check_password(password, own_words=("First Holder", "holder@example.org"))

    assert refused.value.code == code


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_password_is_taken_or_refused(password, name):
    try:
        check_password(password, own_words=(name,))
    except Refused as refused:
        assert refused.code.startswith("password_")
    else:
        assert 12 <= len(password_form(password)) <= 128


def test_two_ways_to_type_one_sign_are_one_password():
    assert password_form("caf\u00e9") == password_form("cafe\u0301")


@pytest.mark.parametrize("target", ["/", "/disputes", "/disputes/7K3M?tab=offers&x=%2F", "/a#b"])
def test_a_path_of_this_house_is_followed(target):
    assert local_path(target, "/home") == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "disputes",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "/a\\b",
        "/\u2215evil.example",
        " /disputes",
        "/" + "a" * 2000,
    ],
)
def test_whatever_could_lead_elsewhere_is_not_followed(target):
    assert local_path(target, "/home") == "/home"
