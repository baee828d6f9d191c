"""What disputes come to in figures: the sample scenarios one by one and together, and each way a dispute can go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from odr.filing import rules as filing
from odr.procedure import rules as procedure
from odr.response import rules as response
from odr.statistics.figures import (
    INDICATORS,
    count,
    day_of,
    decimal,
    is_mature,
    median,
    month_of,
    percentile_90,
    record_of,
)
from tests.procedure.story import BUYER, REGISTRAR, SELLER, told
from tests.statistics.disputes import (
    PLAIN,
    SIX,
    both_half_right,
    claim_refused,
    laptop_defective,
    parcel_never_arrived,
    refund_promised,
    seller_never_answers,
)

TODAY = 21_000


def counted(*disputes):
    return count([record_of(dispute) for dispute in disputes], TODAY)


def positive(counts):
    return {name for name, number in counts.counts.items() if number}


def sums(counts):
    return {key: held.minor for key, held in counts.sums.items()}


# -- the sample scenarios


def test_a_parcel_that_never_arrived_is_settled_in_the_negotiation_and_is_no_decision():
    one = counted(parcel_never_arrived())

    assert {"filed", "admitted", "settled.negotiation", "answered.in_time", "border.across"} <= positive(one)
    assert one.counts["decided"] == 0
    assert (one.outcome_days, one.reply_days) == ([9], [4])
    assert sums(one) == {("claimed", "EUR"): 4890, ("settled", "EUR"): 4890}
    assert one.counts["delivered.in_time"] == 1


def test_a_laptop_is_decided_for_the_buyer_and_the_costs_stand_apart():
    one = counted(laptop_defective())

    assert {"decided.for_buyer", "decided.heard", "delivered.in_time", "buyer.accepted"} <= positive(one)
    assert one.outcome_days == [58]
    assert sums(one) == {("claimed", "EUR"): 114900, ("awarded", "EUR"): 114900, ("costs", "EUR"): 3850}


def test_a_refund_in_two_currencies_is_counted_in_each_and_added_in_none():
    one = counted(refund_promised())

    assert {"settled.negotiation", "delivered.in_time"} <= positive(one)
    assert one.outcome_days == [2]
    assert sums(one) == {("claimed", "BRL"): 132055, ("settled", "USD"): 26499}


def test_a_silent_seller_never_replied_was_decided_without_and_nobody_knows_whether_it_was_done():
    one = counted(seller_never_answers())

    assert {"never_replied", "decided.unheard", "decided.unheard.for_buyer", "unknown.unconfirmed"} <= positive(one)
    assert (one.counts["served"], one.counts["answered"], one.counts["delivered"]) == (1, 0, 0)
    assert (one.outcome_days, one.reply_days) == ([51], [])
    assert sums(one) == {("claimed", "CLP"): 72990, ("awarded", "CLP"): 72990}


def test_a_rug_is_decided_in_part_and_not_honoured():
    one = counted(both_half_right())

    assert {"decided.partly", "not_honoured"} <= positive(one)
    assert one.outcome_days == [40]
    assert sums(one) == {("claimed", "EUR"): 64000, ("awarded", "EUR"): 38000}
    assert decimal(100 * 38000, 64000) == "59.4"


def test_a_refused_claim_is_decided_for_the_seller_and_nothing_was_to_be_done():
    one = counted(claim_refused())

    assert {"decided.for_seller", "nothing_due", "buyer.rejected"} <= positive(one)
    assert one.counts["delivered"] == one.counts["unknown"] == one.counts["over"] == 0
    assert one.outcome_days == [44]
    assert sums(one) == {("claimed", "GBP"): 8900}


def test_all_six_together():
    six = counted(*(tell() for tell in SIX))

    of = six.counts
    assert (of["filed"], of["settled"], of["settled.negotiation"], of["decided"]) == (6, 2, 2, 4)
    assert (of["decided.for_buyer"], of["decided.partly"], of["decided.for_seller"]) == (2, 1, 1)
    assert (of["never_replied"], of["served"]) == (1, 6)
    assert (of["decided.unheard"], of["decided.unheard.for_buyer"]) == (1, 1)
    assert sorted(six.outcome_days) == [2, 9, 40, 44, 51, 58]
    assert decimal(*median(six.outcome_days)) == "42.0"
    assert (of["delivered"], of["not_honoured"], of["unknown"], of["nothing_due"]) == (3, 1, 1, 1)
    assert of["border.across"] == 6
    assert {currency for _, currency in six.sums} == {"EUR", "BRL", "USD", "CLP", "GBP"}


# -- each way a dispute can go


def test_a_filing_that_waits_for_a_registrar_is_neither_admitted_nor_refused():
    assert {"pending", "admission.on_time"} <= positive(counted(told().dispute))


def test_a_refusal_counts_by_its_ground_once_it_stands():
    refused = told().refused()
    assert counted(refused.dispute).counts["pending"] == 1

    one = counted(refused.expired().dispute)

    assert (one.counts["not_admitted.refused"], one.counts["ground.frivolous"], one.counts["admitted"]) == (1, 1, 0)


def test_a_filing_that_stayed_incomplete_or_was_withdrawn_early_was_not_admitted():
    incomplete = counted(told().asked_for_more().expired().dispute)
    withdrawn = counted(told().withdrawn().dispute)

    assert incomplete.counts["not_admitted.incomplete"] == 1
    assert withdrawn.counts["not_admitted.withdrawn_early"] == 1


def test_a_registrar_who_was_late_is_counted_though_the_filing_was_admitted_later():
    assert counted(told().expired().admitted().dispute).counts["admission.overdue"] == 1


def test_a_notice_on_its_way_is_not_yet_received():
    story = told().admitted()
    record = record_of(story.dispute)
    day = day_of(story.at)

    assert count([record], day).counts["not_yet.underway"] == 1
    assert count([record], day + 2).counts["not_yet.running"] == 1


def test_a_reply_after_the_last_call_is_late():
    late = told().last_called().do(response.give_reply, SELLER, choice="contest", text="We sent it.")

    assert counted(late.dispute).counts["answered.late"] == 1


def test_a_reply_in_time_after_an_objection_was_dismissed_is_not_late():
    story = told().last_called().do(response.give_reply, SELLER, choice="object", text="We sell to firms only.")
    assert counted(story.dispute).counts["not_yet.running"] == 1
    story.do(response.dismiss_objection, REGISTRAR, text="It was a private person.")

    story.do(response.give_reply, SELLER, choice="contest", text="We sent it.")

    assert counted(story.dispute).counts["answered.in_time"] == 1


def test_a_seller_who_declines_answered_without_a_word_on_the_claim():
    one = counted(told().admitted().do(response.give_reply, SELLER, choice="decline").dispute)

    assert (one.counts["declined"], one.counts["discontinued.declined"], one.counts["answered"]) == (1, 1, 0)


def test_a_seller_who_could_not_be_reached_never_kept_silent():
    story = told().unserved()
    assert counted(story.dispute).counts["not_yet.not_served"] == 1

    one = counted(story.expired().dispute)

    assert (one.counts["discontinued.not_served"], one.counts["never_replied"], one.counts["served"]) == (1, 0, 0)


def test_a_scope_objection_that_is_upheld_leaves_nothing_admitted():
    story = told().objected().do(filing.uphold_objection, REGISTRAR, ground="outside_scope", text="Between two firms.")

    one = counted(story.expired().dispute)

    assert (one.counts["not_admitted.refused"], one.counts["admitted"]) == (1, 0)


def test_a_direct_settlement_is_settled_and_says_nothing_of_what_was_done():
    story = told().contested().do(procedure.state_direct_settlement, BUYER, text="They paid.")

    one = counted(story.dispute)

    assert {"settled.direct", "unknown.direct", "over"} <= positive(one)
    assert one.counts["delivered"] == 0


def test_a_claim_accepted_in_full_is_a_settlement_of_its_own_kind():
    story = told().admitted().do(response.give_reply, SELLER, choice="accept_all")

    assert {"settled.in_full", "open"} <= positive(counted(story.dispute))


def test_the_day_of_a_settlement_is_the_day_of_agreement_not_of_its_signatures():
    story = told().settled().later(days=6).signed()

    assert counted(story.dispute).outcome_days == [0]


def test_a_settlement_in_the_mediation_is_told_apart():
    story = told().in_mediation().proposed()
    story.proposal_accepted(BUYER).proposal_accepted(SELLER)

    assert counted(story.dispute).counts["settled.mediation"] == 1


def test_a_withdrawn_dispute_is_discontinued():
    assert counted(told().contested().withdrawn().dispute).counts["discontinued.withdrawn"] == 1


def test_silence_to_a_decision_is_not_consent():
    one = counted(told().decided().expired().dispute)

    assert (one.counts["buyer.silent"], one.counts["seller.silent"]) == (1, 1)
    assert one.counts["due"] == 1


def test_a_promise_whose_time_runs_is_due_and_neither_done_nor_undone():
    assert counted(told().settled().signed().dispute).counts["due"] == 1


# -- how counts hang together


def test_every_division_adds_up():
    found = counted(*(tell() for tell in SIX), told().dispute, told().refused().expired().dispute)

    for whole, parts in found.divisions():
        assert sum(found.counts[name] for name in parts) == found.counts[whole], (whole, parts)
        for name, further in _inner(parts):
            assert sum(found.counts[each] for each in further) == found.counts[name], name


def _inner(parts):
    for name, further in parts.items():
        if further:
            yield name, further
            yield from _inner(further)


def test_every_share_names_counts_that_exist():
    names = counted().counts.keys()

    assert [indicator.id for indicator in INDICATORS if {indicator.part, indicator.over} - names] == []


def test_two_figures_about_silent_sellers_have_two_names():
    by_id = {indicator.id: (indicator.part, indicator.over) for indicator in INDICATORS}

    assert by_id["I7.never"] == ("never_replied", "served")
    assert by_id["I7.unheard"] == ("decided.unheard", "decided")
    assert len({indicator.title for indicator in INDICATORS}) == len(INDICATORS)


def test_countries_of_few_are_one():
    many = [PLAIN] * 12 + [replace(PLAIN, buyer_country="IS"), replace(PLAIN, buyer_country="MT")]

    found = count(many, TODAY)

    assert (found.counts["buyer_country.DE"], found.counts["buyer_country.other"]) == (12, 2)
    assert "buyer_country.IS" not in found.counts


@pytest.mark.parametrize(
    ("values", "half", "tenth"),
    [([5], (5, 1), 5), ([1, 2], (3, 2), 2), (list(range(1, 11)), (11, 2), 9), (list(range(1, 12)), (6, 1), 10)],
)
def test_medians_and_percentiles_are_exact(values, half, tenth):
    assert (median(values), percentile_90(values)) == (half, tenth)


def test_quotients_are_written_with_one_digit_halves_up():
    assert [decimal(1, 3), decimal(1, 20), decimal(84, 2), decimal(0, 7)] == ["0.3", "0.1", "42.0", "0.0"]


def test_a_month_is_old_enough_180_days_after_its_end():
    filed = 20_500
    end = next(day for day in range(filed, filed + 40) if month_of(day) != month_of(filed))

    assert not is_mature(filed, end + 179)
    assert is_mature(filed, end + 180)
