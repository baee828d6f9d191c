"""Every place and every reader: the page offers exactly what the rules accept, and says whose turn it is."""

from __future__ import annotations

import html
import re

import pytest

from odr.disputes.acts import ACTS
from odr.disputes.queries import open_page, take_seat
from odr.procedure.access import HOUSE, PERMISSIONS, acts_of
from odr.web import sentences
from tests.disputes.places import PLACES, Place

pytestmark = pytest.mark.one_database

# Acts whose form stands on the page itself or on the page of another act, and the one that happens by a mailed link.
ELSEWHERE = {"message:send", "seller:join", "information:ask", "filing:refuse"}
BUILDS = dict(ACTS)


@pytest.fixture(params=PLACES)
def place(app, clock, request) -> Place:
    return Place(app, clock, request.param)


def page_of(place: Place, role: str) -> str:
    """The page as this reader gets it; empty where there is none for them."""
    answer = place.readers[role].client.get(place.path)
    assert answer.status_code == 200 or (role == "seller" and place.dispute.admitted_at is None), (role, answer.status)
    return answer.get_data(as_text=True) if answer.status_code == 200 else ""


def panel(page: str) -> list[tuple[str, str, bool]]:
    """The rows of the act panel: title, address, and whether it is a button that acts at once."""
    [section] = re.findall(r'<section class="acts".*?</section>', page, re.S) or [""]
    rows = []
    for row in re.findall(r"<li>.*?</li>", section, re.S):
        title = html.unescape(re.search(r"<h3>(.*?)</h3>", row, re.S)[1])
        button = re.search(r'<form method="post" action="([^"]+)"', row)
        where = button or re.search(r'<a [^>]*href="([^"]+)"', row)
        rows.append((title, html.unescape(where[1]), bool(button)))
    return rows


def test_the_page_offers_exactly_what_the_rules_accept(app, place):
    for role, reader in place.readers.items():
        page = page_of(place, role)
        accepted = acts_of(place.dispute, place.actors[role], place.house.clock())
        with app.test_request_context(), place.house.engine.connect() as connection:
            seen = take_seat(connection, place.number, reader.account_id, roles_of(role), place.actors["mediator"].id)
            as_read = open_page(connection, place.house, seen) if page else None
            titles = [str(BUILDS[name](as_read)["title"]) for name in BUILDS if page and name in accepted]

        assert [title for title, _, _ in panel(page)] == titles, role
        assert not page or ("/messages" in "".join(re.findall(r'action="([^"]+)"', page))) == (
            "message:send" in accepted
        )
        assert set(accepted) - set(BUILDS) <= ELSEWHERE, role


def test_every_page_that_is_offered_opens(place):
    for role, reader in place.readers.items():
        for title, where, button in panel(page_of(place, role)):
            if not button:
                assert reader.client.get(where).status_code == 200, (role, title, where)


def test_the_banner_says_whose_turn_it_is_until_when_and_what_happens_then(place):
    for role in place.readers:
        page, dispute = page_of(place, role), place.dispute
        banner = "".join(re.findall(r'<section class="turn.*?</section>', page, re.S))
        running = dispute.clock or dispute.suspension
        if not page or not running:
            assert not banner, role
            continue

        assert re.search(r"<h2[^>]*>It is [^<]*turn[^<]*|<h2[^>]*>Nobody has to act", banner), role
        assert re.search(r'<p class="expected">[A-Z][^<]*\.', banner), role
        assert re.search(r'<time datetime="\d{4}', banner), role
        assert re.search(r'<p class="otherwise">After that [^<]*\.', banner), role
        mine = dispute.awaited == role and not dispute.suspension
        if mine and role != "registrar":
            assert "It is your turn" in banner, role
        if dispute.awaited not in (role, None) and not dispute.challenge:
            assert "It is your turn" not in banner, role


def test_nobody_but_a_side_is_called_a_side_or_reads_an_offer(place):
    for role in place.readers:
        page = page_of(place, role)
        you = re.findall(r'<h3 id="(\w+)-(?:says|title)">(?:(?!</section>).)*?\(you\)', page, re.S)
        assert you == ([role] if page and role != "registrar" else []), role
        if role in ("mediator", "registrar"):
            assert not re.search(r"Offer \d|made offer|the open offer|/offers", page), role


def test_every_act_of_a_person_is_told_and_no_other():
    assert set(BUILDS) | ELSEWHERE == {name for name, row in PERMISSIONS.items() if row.act and row.who != HOUSE}


def test_every_step_of_every_ruleset_has_its_sentences(app):
    from odr.disputes.turns import YOURS
    from odr.procedure.ruleset import shipped_rulesets

    for ruleset in shipped_rulesets().all():
        assert set(ruleset.steps) == set(sentences.EXPECTED) == set(sentences.ON_EXPIRY)
        assert {name for name, step in ruleset.steps.items() if step.holder != "platform"} <= set(YOURS)


def roles_of(role: str) -> set[str]:
    return {role} & {"registrar", "mediator"}
