"""Every place and every reader: the page offers exactly what the rules accept, and says whose turn it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from shutil import copyfile

import pytest

from odr.app import create_app
from odr.disputes.acts import ACTS
from odr.disputes.queries import Page, open_page, take_seat
from odr.disputes.turns import YOURS, waits_for_registrar
from odr.house import Settings
from odr.procedure.access import HOUSE, PERMISSIONS, acts_of
from odr.procedure.ruleset import shipped_rulesets
from odr.web import sentences
from tests.conftest import FrozenClock
from tests.disputes.places import PLACES, Place, Places
from tests.procedure.story import MONDAY

# Acts whose form stands on the page itself or on the page of another act, and those that happen by a mailed link.
ELSEWHERE = {"message:send", "seller:join", "information:ask", "filing:refuse"}
ELSEWHERE |= {"mandate:give", "mandate:end", "mandate:take_up", "mandate:resign"}
BUILDS = dict(ACTS)
HEADS = {
    "nobody": "Nobody has to act",
    "buyer": "It is the buyer’s turn",
    "seller": "It is the seller’s turn",
    "both": "It is the turn of both sides",
    "mediator": "It is the mediator’s turn",
    "registrar": "It is the registrar’s turn",
    "platform": "It is Evenhand’s turn",
}


@pytest.fixture(scope="module")
def places(tmp_path_factory, sqlite_template, compiled_templates) -> Iterator[Places]:
    """One house for all places: what these tests do is read."""
    folder = tmp_path_factory.mktemp("places")
    copyfile(sqlite_template, folder / "odr.sqlite")
    keys = folder / "keys"
    settings = Settings(
        instance=folder,
        database_url=f"sqlite:///{folder / 'odr.sqlite'}",
        secret_key="a secret of the tests, long enough to pass",
        mail_url=f"folder://{folder / 'mail'}",
        master_key_file=keys / "master.key",
        signing_key_file=keys / "signing.key",
    )
    clock = FrozenClock(MONDAY)
    app = create_app(settings, clock)
    app.testing = True
    app.jinja_env.bytecode_cache = compiled_templates
    yield Places(app, clock)
    app.extensions["odr"].engine.dispose()


@pytest.fixture(params=PLACES)
def place(places, request) -> Place:
    return places.all[request.param].enter()


def test_the_page_offers_exactly_what_the_rules_accept(place):
    for role in place.readers:
        page, accepted = place.page(role), acts_of(place.dispute, place.actors[role], place.house.clock())
        if not page:
            assert role == "seller" and place.dispute.admitted_at is None
            continue
        with place.places.app.test_request_context():
            read = as_read(place, role)
            titles = [str(build(read)["title"]) for name, build in ACTS if name in accepted]

        assert [title for title, _, _ in panel(page)] == titles, role
        assert (f'action="{place.path}/messages"' in page) == ("message:send" in accepted), role
        assert set(accepted) - set(BUILDS) <= ELSEWHERE, role


@pytest.fixture(scope="module")
def opened() -> set[tuple[str, str]]:
    """Links that stand on every page, by who opened them: they need not be opened from each place anew."""
    return set()


@pytest.mark.slow
def test_every_page_that_is_offered_opens_and_every_link_leads_somewhere(place, opened):
    for role, reader in place.readers.items():
        page = place.page(role)
        for title, where, is_button in panel(page):
            assert is_button or reader.client.get(where).status_code == 200, (role, title, where)
        links = {html.unescape(link) for link in re.findall(r'<a [^>]*href="(/[^"#]*)', page)}
        # Stories speak of files that lie in no store.
        links = {link for link in links if not re.search(r"/evidence/\d+$", link)}
        links -= {link for who, link in opened if who == role}
        assert [link for link in links if reader.client.get(link).status_code >= 400] == [], role
        opened |= {(role, link) for link in links if place.path not in link}


def test_the_banner_says_whose_turn_it_is_until_when_and_what_happens_then(place):
    for role in place.readers:
        page, dispute = place.page(role), place.dispute
        banner = "".join(re.findall(r'<section class="turn.*?</section>', page, re.S))
        if not page or not (dispute.clock or dispute.suspension):
            assert not banner, role
            continue

        assert re.search(r"<h2[^>]*>(.*?)</h2>", banner, re.S)[1].strip() == head_for(place, role), role
        assert re.search(r'<p class="expected">[A-Z][^<]*\.', banner), role
        assert re.search(r'<time datetime="\d{4}', banner), role
        assert re.search(r'<p class="otherwise">After that [^<]*\.', banner), role


def test_a_seller_who_came_while_an_address_was_looked_for_is_asked_to_reply(places):
    place = places.all["awaiting response, address asked, the seller came"].enter()

    assert "Reply to the claim." in place.page("seller") and "It is your turn" in place.page("seller")
    assert "The seller replies to the claim." in place.page("buyer")


@pytest.mark.parametrize(
    ("name", "asked", "first"),
    [
        ("evidence", "Add your evidence, and say when your file is complete.", "Add evidence"),
        ("rebuttal", "You can answer the evidence that came in late.", "Add evidence"),
        ("decision, rebuttal", "Answer in your final words the evidence that came in late", "Say your final words"),
    ],
)
def test_what_is_asked_for_is_offered_first(places, name, asked, first):
    page = places.all[name].enter().page("buyer")

    assert asked in page
    assert panel(page)[0][0] == first


def test_nobody_but_a_side_is_called_a_side_or_reads_an_offer(place):
    for role in place.readers:
        page = place.page(role)
        you = re.findall(r'<h3 id="(\w+)-(?:says|title)">(?:(?!</section>).)*?\(you\)', page, re.S)
        assert you == ([role] if page and role != "registrar" else []), role
        if role in ("mediator", "registrar"):
            assert not re.search(r"Offer \d|made offer|the open offer|/offers", page), role


def test_every_act_of_a_person_is_told_and_no_other():
    assert set(BUILDS) | ELSEWHERE == {name for name, row in PERMISSIONS.items() if row.act and row.who != HOUSE}


@pytest.mark.parametrize("ruleset", shipped_rulesets().all(), ids=lambda ruleset: ruleset.name)
def test_every_step_of_every_ruleset_has_its_words(ruleset):
    assert set(ruleset.steps) == set(sentences.EXPECTED) == set(sentences.ON_EXPIRY) == set(sentences.STEPS)
    assert {name for name, step in ruleset.steps.items() if step.holder != "platform"} == set(YOURS)


def as_read(place: Place, role: str) -> Page:
    account_id, mediator_id = place.readers[role].account_id or "", place.actors["mediator"].id
    with place.house.engine.connect() as connection:
        seat = take_seat(connection, place.number, account_id, {role}, mediator_id if role == "mediator" else None)
        return open_page(connection, place.house, seat)


def head_for(place: Place, role: str) -> str:
    """What the banner must be headed with, from what this reader may know."""
    dispute = as_read(place, role).dispute
    if dispute.suspension:
        return HEADS["nobody"]
    if dispute.challenge and role == "registrar":
        return "It is your turn"
    awaited = "registrar" if waits_for_registrar(dispute) else dispute.awaited or "nobody"
    return "It is your turn" if awaited == role else HEADS[awaited]


def panel(page: str) -> list[tuple[str, str, bool]]:
    """The rows of the act panel: title, address, and whether it is a button that acts at once."""
    [section] = re.findall(r'<section class="acts".*?</section>', page, re.S) or [""]
    rows = []
    for row in re.findall(r"<li>.*?</li>", section, re.S):
        button = re.search(r'<form method="post" action="([^"]+)"', row)
        where = button or re.search(r'<a [^>]*href="([^"]+)"', row)
        rows.append((html.unescape(re.search(r"<h3>(.*?)</h3>", row, re.S)[1]), html.unescape(where[1]), bool(button)))
    return rows
