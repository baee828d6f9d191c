"""Amounts as people type them: read exactly, or refused with a way out, never guessed."""

from __future__ import annotations

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from odr.kernel import Money, Refused
from odr.web.filters import amount
from odr.web.forms import read_amount
from odr.web.language import LANGUAGES

ENGLISH = Locale.parse("en_150")
GERMAN = Locale.parse("de_DE")


@pytest.fixture(autouse=True)
def a_page(app):
    with app.test_request_context():
        yield


pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("48,90", 4890),
        ("48.90", 4890),
        ("48.9", 4890),
        (" 48,9 ", 4890),
        ("48", 4800),
        ("48,-", 4800),
        (".50", 50),
        ("1.149,00", 114900),
        ("1,149.00", 114900),
        ("1 149,00", 114900),
        ("1\N{NARROW NO-BREAK SPACE}149", 114900),
        ("1’149.00", 114900),
        ("1.149.000", 114900000),
        ("12,34,567", None),
        ("1.149.00", None),
        ("48.90 EUR", 4890),
        ("€ 48,90", 4890),
        ("48,90€", 4890),
        ("48.90 USD", None),
        ("48.90", 4890),
        ("48,90", 4890),
        ("٤٨٫٩٠", 4890),
        ("−48.90", None),
        ("-48.90", None),
        ("0", None),
        ("0,00", None),
        ("4e3", None),
        ("0x10", None),
        ("1_0", None),
        ("", None),
        ("forty", None),
        ("48.90.", None),
        (",", None),
        ("48\x0090", None),
        ("9" * 50, None),
        ("²", None),
        ("10²", None),
        ("48.90", 4890),
        ("￥48.90", None),
    ],
)
def test_an_amount_is_read_as_people_type_it_or_refused(typed, minor):
    try:
        read = read_amount(typed, "EUR", ENGLISH)
    except Refused as refused:
        assert minor is None, refused.code
    else:
        assert read == Money(minor, "EUR")


@pytest.mark.parametrize(
    ("typed", "currency", "locale", "read"),
    [
        ("1,149", "EUR", ENGLISH, 114900),
        ("1.149", "EUR", GERMAN, 114900),
        ("1.149", "EUR", ENGLISH, "amount_ambiguous"),
        ("1,149", "EUR", GERMAN, "amount_ambiguous"),
        ("1,149", "JPY", ENGLISH, 1149),
        ("1.149", "JPY", ENGLISH, "amount_ambiguous"),
        ("1.149", "KWD", ENGLISH, 1149),
        ("1,149", "KWD", ENGLISH, "amount_ambiguous"),
        ("1234,567", "EUR", ENGLISH, "amount_ambiguous"),
        ("0,149", "EUR", ENGLISH, "amount_too_precise"),
        ("48.905", "EUR", ENGLISH, "amount_ambiguous"),
        ("48.9055", "EUR", ENGLISH, "amount_too_precise"),
        ("48.9", "XXX", ENGLISH, "currency_unknown"),
    ],
)
def test_one_separator_before_three_digits_is_read_in_the_readers_manner_where_that_leaves_no_doubt(
    typed, currency, locale, read
):
    if isinstance(read, int):
        assert read_amount(typed, currency, locale) == Money(read, currency)
        return
    with pytest.raises(Refused) as refused:
        read_amount(typed, currency, locale)
    assert refused.value.code == read


@given(st.integers(1, 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CNY"]), st.sampled_from(list(LANGUAGES)))
def test_an_amount_typed_as_our_pages_show_it_comes_back_exactly(minor, currency, code):
    shown = Money(minor, currency)
    locale = Locale.parse(LANGUAGES[code].manner)

    assert read_amount(amount(shown), currency, locale) == shown


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_refused(typed):
    try:
        assert read_amount(typed, "EUR", ENGLISH).minor > 0
    except Refused as refused:
        assert refused.code.startswith("amount_")
