"""An edition: the same bytes from the same records, nothing small in it, and a table file that says the same."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odr.log.chain import canonical
from odr.statistics.disclosure import THRESHOLD, crossed, divided
from odr.statistics.figures import HEARD, OUTCOMES, count, record_of
from odr.statistics.records import COLUMNS, Edition, Head, as_csv, edition_of, hide, three_digits, to_record, to_text
from tests.statistics.disputes import PLAIN, SIX, decided, settled
from tests.statistics.reader import at_most, sums_of

DAY = 86_400_000
TODAY = PLAIN.filed + 60
HEAD = Head(
    number=1, cut_at=TODAY * DAY + 7_200_000, origin="evenhand/" + "0" * 32, size=900, root="ab" * 32,
    demonstration=False,
)  # fmt: skip


def crowd() -> list:
    """Sixty disputes: enough to show most totals and to hide some parts."""
    return [
        *[settled()] * 18,
        *[settled("settled_mediation", day=30)] * 4,
        *[decided(day=day) for day in range(30, 44)],
        *[decided("partly", unheard=True, standing="unconfirmed")] * 3,
        *[decided("for_seller", standing="nothing_due")] * 5,
        *[PLAIN] * 10,
        *[replace(PLAIN, standing="refused", ground="late", answer="", way="", replied=0)] * 6,
    ]


def group(edition: Edition, name: str = "all"):
    return edition.said["groups"][name]


def share(edition: Edition, wanted: str, name: str = "all"):
    return next(each for each in group(edition, name)["shares"] if each["id"] == wanted)


def test_a_record_comes_back_from_its_text_as_it_was():
    records = [record_of(tell()) for tell in SIX]

    assert [to_record(to_text(record)) for record in records] == records


def test_the_same_records_in_any_order_make_the_same_bytes():
    there = edition_of(HEAD, crowd(), None)
    back = edition_of(HEAD, reversed(crowd()), None)

    assert there.body == back.body
    assert there.digest == back.digest
    assert canonical(there.said) == there.body


def test_an_edition_says_when_it_was_cut_and_over_which_log():
    said = edition_of(HEAD, crowd(), None).said

    assert (said["number"], said["cut_at"], said["demonstration"]) == (1, HEAD.cut_at, False)
    assert said["log"] == {"origin": HEAD.origin, "size": 900, "root": HEAD.root}


def test_a_share_stands_with_its_numerator_its_denominator_and_its_definition():
    edition = edition_of(HEAD, crowd(), None)

    # 36 of 54 admitted disputes were delivered.
    assert share(edition, "H1")["percent"] == "66.7"
    assert group(edition)["counts"]["delivered"] == 36
    assert group(edition)["counts"]["admitted"] == 54
    assert all(each["definition"] for each in group(edition)["shares"])


def test_a_share_of_hidden_counts_is_hidden_and_says_so():
    edition = edition_of(HEAD, crowd(), None)

    assert group(edition)["counts"]["decided.unheard"] is None
    assert (share(edition, "I7.unheard")["percent"], share(edition, "I7.unheard")["why"]) == (None, "hidden")


def test_a_share_of_nothing_is_not_a_number():
    quiet = edition_of(HEAD, [PLAIN] * 12, None)

    assert (share(quiet, "I6.partly")["percent"], share(quiet, "I6.partly")["why"]) == (None, "too_few")


def test_a_house_of_few_disputes_shows_only_what_it_has_none_of():
    edition = edition_of(HEAD, [record_of(tell()) for tell in SIX], None)

    assert edition.said["months"]["admitted"] is None
    assert not any(group(edition)["counts"].values())
    assert all(each["percent"] is None for each in group(edition)["shares"])
    assert group(edition)["days"]["outcome"] == {"median": None, "mean": None, "p90": None}
    assert group(edition)["sums"] == {"claimed": {}, "settled": {}, "awarded": {}, "costs": {}}


def test_six_disputes_among_a_thousand_are_counted_and_not_told():
    six = [record_of(tell()) for tell in SIX]
    thousand = [*six, *[settled(filed=six[0].filed, outcome_on=six[0].filed + 9)] * 994]

    edition = edition_of(HEAD, thousand, None)

    assert group(edition)["counts"]["admitted"] == 1_000
    # Beside a thousand that ended, 996 settlements would say that four were decided.
    assert group(edition)["counts"]["outcome"] == 1_000
    assert group(edition)["counts"]["settled"] is None
    assert all(number is None or number == 0 or number >= THRESHOLD for number in group(edition)["counts"].values())
    # Currencies, countries and mishaps of single disputes are nowhere.
    text = edition.body.decode()
    assert [word for word in ("BRL", "CLP", "GBP", '"buyer_country.IT"', '"buyer_country.CL"') if word in text] == []
    assert group(edition)["days"]["outcome"] == {"median": "9.0", "mean": "9.2", "p90": "9"}


def test_an_empty_house_has_an_edition_of_zeros():
    edition = edition_of(HEAD, [], None)

    assert set(group(edition)["counts"].values()) == {0}


def test_no_pair_of_countries_and_problems_is_told_singly():
    edition = edition_of(HEAD, [record_of(tell()) for tell in SIX] * 3, None)

    shown = {name: number for name, number in group(edition)["counts"].items() if number}
    assert all(number >= THRESHOLD for number in shown.values())
    assert not any(name.startswith("buyer_country") and not name.endswith("other") for name in shown)


def test_times_are_told_of_ten_disputes_and_their_slowest_tenth_of_fifty():
    edition = edition_of(HEAD, crowd(), None)
    many = edition_of(HEAD, crowd() * 2, None)

    assert group(edition)["days"]["outcome"]["median"] is not None
    assert group(edition)["days"]["outcome"]["p90"] is None
    assert group(many)["days"]["outcome"]["p90"] is not None


def test_a_sum_of_money_is_told_only_of_many_none_of_which_is_the_half():
    one_large = [*[settled()] * 30, settled(settled=(("EUR", 900_000_00),))]

    assert "EUR" in group(edition_of(HEAD, [settled()] * 30, None))["sums"]["settled"]
    assert "EUR" not in group(edition_of(HEAD, one_large, None))["sums"]["settled"]
    assert "EUR" not in group(edition_of(HEAD, [settled()] * 9, None))["sums"]["settled"]


def test_sums_are_told_to_three_digits():
    assert [three_digits(number) for number in (0, 7, 999, 1004, 1005, 123_456_789)] == [
        0, 7, 999, 1000, 1010, 123_000_000,
    ]  # fmt: skip


def test_months_that_are_old_enough_stand_apart_from_the_recent_ones():
    old = [replace(record, filed=record.filed - 400, outcome_on=record.outcome_on and record.outcome_on - 400)
           for record in crowd()]  # fmt: skip

    edition = edition_of(HEAD, [*old, *crowd()], None)

    assert list(edition.said["groups"]) == ["mature", "recent"]
    assert edition.said["months"]["admitted.mature"] == edition.said["months"]["admitted.recent"] == 54
    assert share(edition, "H1", "mature")["percent"] == "66.7"


def test_too_few_old_ones_do_not_stand_apart():
    edition = edition_of(HEAD, [replace(PLAIN, filed=PLAIN.filed - 400), *crowd()], None)

    assert list(edition.said["groups"]) == ["all"]


def test_months_without_filings_are_told_as_such():
    months = edition_of(HEAD, crowd(), None).said["months"]

    assert [name for name in months if name.startswith("month.")] == ["month.2026-02", "month.2026-03", "month.2026-04"]
    assert months["month.2026-03"] == 0


def test_what_was_hidden_before_needs_a_margin_to_come_back():
    first = edition_of(HEAD, [*[settled()] * 40, *[PLAIN] * 9], None)
    assert group(first)["counts"]["open"] is None

    second = [*[settled()] * 40, *[PLAIN] * 11]

    assert group(edition_of(HEAD, second, first))["counts"]["open"] is None
    assert group(edition_of(HEAD, second, None))["counts"]["open"] == 11


def test_the_table_file_says_what_the_edition_says_one_value_a_line():
    edition = edition_of(HEAD, crowd(), None)
    text = as_csv(edition).decode()

    lines = list(csv.DictReader(io.StringIO(text)))

    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.count("\r\n") == text.count("\n")
    h1 = next(line for line in lines if line["item"] == "H1")
    assert (h1["value"], h1["unit"], h1["log_size"], h1["log_root"]) == ("66.7", "percent", "900", HEAD.root)
    hidden = next(line for line in lines if line["item"] == "decided.unheard")
    assert (hidden["value"], hidden["why_not"]) == ("", "hidden")


def test_an_edition_holds_no_number_with_a_point():
    assert json.loads(edition_of(HEAD, crowd(), None).body, parse_float=lambda text: pytest.fail(text))


A_RECORD = st.sampled_from(
    [
        PLAIN,
        replace(PLAIN, standing="pending", answer="", way="", replied=0),
        replace(PLAIN, standing="refused", ground="late", answer="", way="", replied=0),
        replace(PLAIN, standing="refused", ground="frivolous", answer="", way="", replied=0),
        replace(PLAIN, answer="waiting", replied=0),
        replace(PLAIN, standing="nothing_due", way="withdrawn"),
        settled(),
        settled("settled_direct", standing="direct"),
        settled("accepted_in_full", standing="late"),
        decided(),
        decided("partly", standing="unconfirmed", unheard=True),
        decided("for_seller", standing="nothing_due", buyer_said="rejected"),
        decided("for_buyer", standing="not_honoured", seller_said="rejected", day=120),
    ]
)
A_HOUSE = st.lists(st.tuples(A_RECORD, st.integers(1, 14)), min_size=1, max_size=13)


@settings(max_examples=25)
@given(A_HOUSE)
def test_nobody_can_tell_that_any_hidden_count_of_an_edition_is_small(told):
    """With all tables of the edition before them at once, and knowing how each adds up."""
    counted = count([record for record, times in told for _ in range(times)], TODAY)
    counts, hidden = counted.counts, hide(counted)
    tables = [divided(whole, parts, counts) for whole, parts in counted.divisions()]
    tables.append(crossed("decided", HEARD, OUTCOMES, counts))
    sums = [row for cells in tables for row in sums_of(cells)]
    least = 0 if any(counts[name] == 0 for name in hidden) else 1

    for name, number in counts.items():
        if 0 < number < THRESHOLD:
            assert name in hidden
            assert at_most(name, sums, counts, hidden, least) >= THRESHOLD, name
