"""How values read: exact amounts with their code, instants in two zones, and party text that stays in its place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.kernel import Money, instant
from odr.web.filters import amount, bidi, digest_short, filesize, instant_text, moment_markup, paragraphs, time_left

pytestmark = pytest.mark.one_database

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
NOON = instant(datetime(2026, 3, 27, 14, 3, tzinfo=UTC))


@pytest.fixture
def page(app):
    with app.test_request_context("/", headers={"Cookie": "zone=Europe/Berlin"}):
        yield


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Money(114900, "EUR"), "1,149.00\xa0EUR"),
        (Money(5, "GBP"), "0.05\xa0GBP"),
        (Money(72990, "CLP"), "72,990\xa0CLP"),
        (Money(1234567, "KWD"), "1,234.567\xa0KWD"),
        (Money(-150, "USD"), "−1.50\xa0USD"),
        (Money(10**15, "EUR"), "10,000,000,000,000.00\xa0EUR"),
    ],
)
def test_an_amount_is_shown_exactly_and_with_its_code(page, value, text):
    assert amount(value) == text


def test_every_amount_reads_back_as_itself(app):
    @given(st.integers(0, 10**15), st.sampled_from(["EUR", "CLP", "KWD"]))
    def reads_back(minor, currency):
        value = Money(minor, currency)
        with app.test_request_context("/"):
            shown = amount(value)
        assert Money.parse(shown.replace(",", "").split("\xa0")[0], currency) == value

    reads_back()


def test_an_instant_is_said_in_the_readers_zone_and_in_utc(page):
    assert instant_text(NOON) == "27 March 2026, 15:03 Berlin time (14:03 UTC)"


def test_an_instant_on_another_day_in_utc_says_both_days(page):
    assert instant_text(NOON + 9 * HOUR) == "28 March 2026, 00:03 Berlin time (27 March 2026, 23:03 UTC)"


def test_a_reader_in_utc_is_told_the_time_once(app):
    with app.test_request_context("/"):
        assert instant_text(NOON) == "27 March 2026, 14:03 UTC"


def test_a_list_shows_the_short_form_and_keeps_the_exact_one(page):
    shown = str(moment_markup(NOON))

    assert ">27 Mar 2026, 15:03<" in shown
    assert 'datetime="2026-03-27T14:03:00Z"' in shown
    assert "14:03 UTC" in shown


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (10 * DAY + HOUR, "10 days left"),
        (2 * DAY, "2 days left"),
        (2 * DAY - 1, "47 hours left"),
        (2 * HOUR - 1, "119 minutes left"),
        (MINUTE, "1 minute left"),
        (59 * SECOND, "Less than a minute left"),
        (0, "The time has run out"),
        (-DAY, "The time has run out"),
    ],
)
def test_the_time_left_is_never_overstated(page, left, words):
    assert time_left(NOON + left, NOON) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "1 byte"), (999, "999 bytes"), (88_000, "88 kB"), (2_431_221, "2.4 MB"), (25_000_000, "25 MB")],
)
def test_a_size_reads_as_people_say_it(page, size, words):
    assert filesize(size) == words


def test_a_digest_is_shortened_to_its_ends():
    assert "9f86d081…0a08" in digest_short("9f86d081" + "0" * 52 + "0a08")


def test_party_text_cannot_write_markup():
    assert "<script" not in paragraphs("<script>go()</script>")
    assert "<b>" not in bidi("<b>bold</b>")


def test_line_breaks_of_a_party_are_kept():
    shown = paragraphs("One.\r\nTwo.\n\nThree.")

    assert shown == '<p dir="auto">One.<br>Two.</p>\n<p dir="auto">Three.</p>'


@given(st.text())
def test_party_text_never_smuggles_a_control_that_reorders_words(text):
    shown = paragraphs(text) + bidi(text)

    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_an_override_that_would_turn_an_amount_round_is_shown_as_what_it_is():
    assert bidi("pay \u202e00.001") == '<bdi dir="auto">pay [U+202E]00.001</bdi>'
