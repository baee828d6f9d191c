"""The table of who may do what: whole, used by the rules, and the same for the page and for the act."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from odr.compliance import rules as compliance
from odr.decision import rules as decision
from odr.kernel import Actor, Refused
from odr.procedure import access
from odr.procedure.access import (
    PERMISSIONS,
    acts_of,
    may,
    may_know,
    may_read_file,
    may_read_words,
    reader_of,
    why_not,
)
from odr.procedure.dispute import Phase
from odr.procedure.events import EVENTS
from tests.procedure.acts import ACTORS, ACTS, PLACES
from tests.procedure.story import BUYER, OTHER_REGISTRAR, REGISTRAR, SELLER, STRANGER, refused, told

ODR = Path(access.__file__).parents[1]
# The functions that a rule hands a permission to.
DEMANDING = ("demand", "_demand_open", "_demand_proposal", "_answer")


def test_every_act_of_the_table_has_a_rule_and_every_rule_stands_in_the_table():
    demanded = {
        node.value
        for file in sorted(ODR.glob("*/rules.py"))
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in DEMANDING
        for node in call.args
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert demanded == {name for name, row in PERMISSIONS.items() if row.act}
    assert demanded == set(ACTS)


def test_an_act_says_in_which_phases_it_exists_and_a_page_does_not():
    for row in PERMISSIONS.values():
        assert bool(row.phases) == row.act, row.name
        assert Phase.UNFILED not in row.phases


def test_what_is_not_in_the_table_is_denied():
    with pytest.raises(KeyError):
        why_not("dispute:delete", told().dispute, BUYER, 0)


@pytest.mark.parametrize("place", PLACES)
def test_exactly_the_acts_that_are_offered_are_done(place):
    """What the page offers and what the rule allows come from one place."""
    story = PLACES[place]()

    for name, actor in ACTORS.items():
        done = {
            permission for permission, rules in ACTS.items() if any(_is_done(story, actor, *each) for each in rules)
        }
        assert done == set(acts_of(story.dispute, actor, story.at)), name


def _is_done(story, actor, rule, fitting):
    try:
        story.ask(rule, actor, **fitting(story.dispute))
    except Refused:
        return False
    return True


@pytest.mark.parametrize("place", PLACES)
def test_nobody_without_a_seat_may_do_or_read_anything(place):
    story = PLACES[place]()

    for name in (
        "a stranger as buyer",
        "a stranger as seller",
        "the seller as buyer",
        "a mediator who was not drawn",
        "nobody as mediator",
        "regulator",
        "admin",
    ):
        assert acts_of(story.dispute, ACTORS[name], story.at) == []
        assert not may("dispute:read", story.dispute, ACTORS[name], story.at)
        assert not may("evidence:read", story.dispute, ACTORS[name], story.at)


@pytest.mark.parametrize("place", PLACES)
def test_the_seller_reads_from_admission_on(place):
    story = PLACES[place]()

    admitted = story.dispute.admitted_at is not None
    assert may("dispute:read", story.dispute, SELLER, story.at) is admitted
    assert may("evidence:read", story.dispute, SELLER, story.at) is admitted
    assert may("dispute:read", story.dispute, BUYER, story.at)


def test_the_registrar_reads_the_dispute_and_no_evidence():
    story = told().contested()

    assert may("dispute:read", story.dispute, REGISTRAR, story.at)
    assert why_not("evidence:read", story.dispute, REGISTRAR, story.at) == "not_your_role"


def test_a_role_is_named_before_a_seat_and_a_seat_before_a_phase():
    story = told().withdrawn()

    assert why_not("reply:give", story.dispute, STRANGER, story.at) == "not_your_role"
    assert why_not("dispute:withdraw", story.dispute, STRANGER, story.at) == "not_your_dispute"
    assert why_not("dispute:withdraw", story.dispute, BUYER, story.at) == "dispute_closed"


def test_a_refusal_says_in_which_phase_it_was_given():
    story = told()

    with refused("not_in_this_phase", phase="screening"):
        access.demand("offer:make", story.dispute, BUYER, story.at)


def test_an_unfiled_dispute_offers_nothing_to_nobody():
    nothing = told().dispute.__class__(id="0" * 32)

    for actor in (*ACTORS.values(), Actor("", "buyer"), Actor("", "seller")):
        assert acts_of(nothing, actor, 0) == []


# -- who reads which entries ------------------------------------------------------------------------------------


def test_each_side_reads_what_both_read_what_is_walled_and_its_own():
    assert [reach for reach in _reaches() if may_know("buyer", reach)] == [
        "buyer",
        "mediator",
        "parties",
        "public",
        "wall",
    ]
    assert [reach for reach in _reaches() if may_know("seller", reach)] == [
        "mediator",
        "parties",
        "public",
        "seller",
        "wall",
    ]


def test_whoever_admits_never_reads_behind_the_wall():
    assert [reach for reach in _reaches() if may_know("registrar", reach)] == ["parties", "public"]


def test_the_mediator_is_on_the_other_side_of_the_wall_and_a_fresh_decider_of_the_mediation_too():
    assert [reach for reach in _reaches() if may_know("mediator", reach)] == ["mediator", "parties", "public"]
    assert [reach for reach in _reaches() if may_know("decider", reach)] == ["parties", "public"]


def test_a_mediator_reads_as_a_fresh_decider_after_another_ones_mediation():
    story = told().in_mediation()
    first = story.mediator

    assert reader_of(story.dispute, first) == "mediator"
    story.in_decision().do(decision.ask_fresh_decider, BUYER)
    assert reader_of(story.dispute, story.mediator) == "decider"
    assert reader_of(story.taken_up().dispute, story.mediator) == "decider"
    assert reader_of(story.dispute, BUYER) == "buyer"
    assert not may("dispute:read", story.dispute, first, story.at)


def test_who_mediates_after_another_one_reads_the_whole_mediation():
    story = told().in_mediation().released()

    assert reader_of(story.dispute, story.mediator) == "decider"
    assert reader_of(story.in_mediation().dispute, story.mediator) == "mediator"


@pytest.mark.parametrize("place", PLACES)
def test_of_all_mediators_only_the_one_who_was_drawn_reads(place):
    story = PLACES[place]()

    for name, actor in ACTORS.items():
        if actor.role == "mediator":
            sits = bool(actor.id) and actor.id == story.dispute.mediator
            assert may("dispute:read", story.dispute, actor, story.at) is sits, name
            assert may("evidence:read", story.dispute, actor, story.at) is sits, name
            assert not may("offers:read", story.dispute, actor, story.at), name


@pytest.mark.parametrize("role", ["regulator", "admin", "system", "person", ""])
def test_a_role_that_is_not_listed_reads_nothing(role):
    assert [reach for reach in _reaches() if may_know(role, reach)] == []


@pytest.mark.parametrize("name", EVENTS)
def test_words_are_read_by_whoever_may_know_of_them_and_of_the_merits_never_by_the_registrar(name):
    reach = EVENTS[name].reach

    data = {"choice": "contest"}
    for reader in ("buyer", "seller", "mediator", "decider"):
        assert may_read_words(reader, name, reach, data) is may_know(reader, reach)
    assert may_read_words("buyer", name, reach, data) or reach == "seller"
    assert may_read_words("seller", name, reach, data) or reach == "buyer"
    merits = ("evidence", "message", "walled", "offer", "direct", "mediation", "proposal", "final", "decision", "late")
    if name.startswith(merits):
        assert not may_read_words("registrar", name, reach, data)


def test_of_the_replies_the_registrar_reads_the_objection_only():
    readable = [
        choice
        for choice in ("accept_all", "offer", "contest", "object", "decline")
        if may_read_words("registrar", "reply_given", "parties", {"choice": choice})
    ]

    assert readable == ["object"]


def test_what_a_seller_says_with_an_offer_is_behind_the_wall():
    said = ("reply_given", "parties", {"choice": "offer"})

    assert not may_read_words("mediator", *said) and not may_read_words("decider", *said)
    assert may_read_words("buyer", *said) and may_read_words("seller", *said)


def test_both_registrars_read_alike():
    story = told().in_review()

    assert may("dispute:read", story.dispute, OTHER_REGISTRAR, story.at)
    decides = {"information:ask", "filing:admit", "filing:refuse"}
    assert not decides & set(acts_of(story.dispute, REGISTRAR, story.at))
    assert decides <= set(acts_of(story.dispute, OTHER_REGISTRAR, story.at))


def test_who_checks_the_proof_opens_what_came_after_the_end_and_nothing_else():
    story = told().in_decision().with_evidence().closed_by_decision().reported().denied()
    story.later(hours=1).with_evidence(SELLER).reported()
    before = story.dispute
    checked = story.denied().dispute
    ended = story.do(compliance.check_proof, REGISTRAR, shown=True, text="Shown.").dispute

    assert [_opened(dispute, REGISTRAR, story.at) for dispute in (before, checked, ended)] == [[], [2], []]
    assert [_opened(checked, actor, story.at) for actor in (BUYER, SELLER, STRANGER)] == [[1, 2], [1, 2], []]


def _opened(dispute, actor, at):
    """The numbers of the files that this actor may open."""
    return [item.item for item in dispute.evidence if may_read_file(dispute, actor, at, item)]


def _reaches():
    return ["buyer", "mediator", "parties", "person", "public", "seller", "staff", "wall"]
