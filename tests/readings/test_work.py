"""Where a registrar reads a dispute for its own sake, and where a reason is needed first."""

from __future__ import annotations

import pytest

from odr.kernel import Actor
from odr.procedure.access import AT_HAND, PERMISSIONS, WATCHED, has_work
from tests.procedure.acts import PLACES
from tests.procedure.story import BUYER, REGISTRAR, SELLER

# Where a decision of a registrar is what the dispute waits for, or time stands still by a registrar's order or for want
# of an address, or a letter to the seller may have to go by post.
WAITS = {
    "screening", "screening, overdue", "screening, a representative named", "in review", "scope objected",
    "assignment, draw overdue", "assignment, challenged", "mediation, challenged", "decision, file closed, challenged",
    "closed, proof to be checked",
    "evidence, suspended by the registrar", "evidence, suspended since mail came back",
    "assignment, accepted, suspended", "decision, file closed, suspended", "decided, suspended since mail came back",
    "awaiting response", "awaiting response, more time asked", "awaiting response, address asked",
    "objection dismissed", "last call",
}  # fmt: skip


def test_a_registrar_has_work_where_something_waits_for_one_and_nowhere_else():
    found = set()
    for name, place in PLACES.items():
        story = place()
        if has_work(story.dispute, REGISTRAR, story.at):
            found.add(name)

    assert found == WAITS


@pytest.mark.parametrize("name", ["evidence", "decided", "closed"])
def test_sides_and_mediators_read_their_dispute_at_any_time(name):
    story = PLACES[name]()

    for actor in (BUYER, SELLER, Actor("a1" * 16, "mediator")):
        assert has_work(story.dispute, actor, story.at)


def test_whoever_just_acted_has_the_dispute_at_hand_for_an_hour():
    story = PLACES["evidence"]()

    assert has_work(story.dispute, REGISTRAR, story.at, story.at)
    assert has_work(story.dispute, REGISTRAR, story.at + AT_HAND - 1, story.at)
    assert not has_work(story.dispute, REGISTRAR, story.at + AT_HAND, story.at)
    assert not has_work(story.dispute, REGISTRAR, story.at)


def test_every_permission_of_a_dispute_has_its_readers_written_down_but_the_sides():
    """Whoever takes a role out of the column, or puts a side in, takes a reading out of the record."""
    for row in PERMISSIONS.values():
        about_disputes = row.relation and row.name != "readings:read"
        assert not about_disputes or row.audited == row.who & WATCHED, row.name
