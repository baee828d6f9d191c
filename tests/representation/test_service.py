"""What surrounds a mandate, on both databases: mails, copies of them, races, ties, and what is kept of a person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from odr.database import write_unit
from odr.disputes.queries import disputes_of, take_seat
from odr.erasure import queries as erasure
from odr.erasure.records import copy_of
from odr.erasure.service import rows_of_an_account
from odr.house import House
from odr.kernel import Actor, Missing, Refused, new_pseudonym
from odr.mediation import queries as mediation
from odr.negotiation.rules import make_offer
from odr.notices.outbox import claim
from odr.notices.tables import outbox
from odr.people.queries import account_of
from odr.people.service import Caller
from odr.procedure import rules as procedure
from odr.procedure.access import MANDATE_OUTLASTS
from odr.procedure.events import Term
from odr.representation import rules, service
from odr.worker import as_said_now, run, sweep
from tests.builders import a_dispute
from tests.mediation.roster import a_mediator, an_account
from tests.representation.mandates import LAWYER, facts, invited, mandated, rows


@pytest.fixture
def house(app) -> House:
    return app.extensions["odr"]


@pytest.fixture
def people(house) -> dict[str, str]:
    return {name: an_account(house, f"{name}@example.org", f"The {name}") for name in ("buyer", "seller", "lawyer")}


@pytest.fixture
def contested(house, people):
    filed = a_dispute(house, buyer_account=people["buyer"], seller_account=people["seller"])
    return filed.admitted().contested()


def letters(house, **where) -> list:
    query = select(outbox).order_by(outbox.c.id)
    for name, value in where.items():
        query = query.where(outbox.c[name] == value)
    with house.engine.connect() as connection:
        return list(connection.execute(query))


def test_the_mail_leads_whoever_is_named_to_the_mandate_and_says_nothing_of_the_dispute(app, house, contested):
    invited(house, contested)

    assert run(app, once=True)

    folder = Path(house.settings.mail_url.removeprefix("folder://")) / "new"
    mails = [file.read_text() for file in folder.iterdir()]
    [mail] = [mail for mail in mails if f"To: {LAWYER}" in mail]
    assert "/mandate/" in mail and contested.number in mail and "act for the buyer" in mail
    assert not [word for word in ("bicycle", "48.90", "Ms Lawyer", "The buyer <") if word in mail]
    assert [row.email_sealed for row in letters(house, template="mandate")] == [None]


def test_whoever_acts_for_a_side_is_told_what_the_side_is_told_and_proves_no_service(house, people, contested):
    mandated(house, contested, people["lawyer"])
    contested.act(procedure.send_message, contested.seller, text="We sent it.")
    contested.in_negotiation()
    # What the buyer is told of it, and what the seller is.
    of_side = letters(house, side="buyer", template="your_turn")
    copies = letters(house, account_id=people["lawyer"], template="your_turn")

    assert len(copies) == len(of_side) == 1
    assert (copies[0].dispute_id, copies[0].side, copies[0].to_record) == (None, None, None)
    acting = {"dispute": contested.id, "side": "buyer", "representative": contested.state.mandates[0].representative}
    assert copies[0].params == {**of_side[0].params, "acting": acting}
    # What is told together to the side is told together here.
    assert len(letters(house, account_id=people["lawyer"], template="news")) >= 1
    assert not [row for row in letters(house, account_id=people["lawyer"]) if row.params["acting"]["side"] == "seller"]


def test_a_copy_is_a_whole_letter_to_whoever_acts(app, house, people, contested):
    mandated(house, contested, people["lawyer"])
    contested.in_negotiation().offer(contested.seller, "31.07")

    assert run(app, once=True)

    folder = Path(house.settings.mail_url.removeprefix("folder://")) / "new"
    mails = [file.read_text() for file in folder.iterdir()]
    copies = [mail for mail in mails if f"To: {LAWYER}" in mail and "31.07" in mail]
    assert len(copies) == 1
    assert "because you act for the" in copies[0] and "you are a party" not in copies[0]
    assert f"/disputes/{contested.number}" in copies[0]


def test_the_seat_of_a_seller_is_never_offered_to_whoever_acts_for_one(house, people):
    """An invitation holds the link by which the seat itself is taken."""
    dispute = a_dispute(house, seller_account=people["seller"]).admitted()
    mandated(house, dispute, people["lawyer"], side="seller")
    dispute.act(procedure.order_suspension, dispute.registrar, ground="incapacity", text="In hospital.")
    dispute.act(procedure.end_suspension, dispute.registrar)

    assert letters(house, dispute_id=dispute.id, side="seller", template="invitation")
    copies = [
        row for row in letters(house, account_id=people["lawyer"]) if row.params["acting"]["dispute"] == dispute.id
    ]
    assert "your_turn" in {row.template for row in copies}
    assert "invitation" not in {row.template for row in copies}


def test_what_had_not_left_when_a_mandate_ended_never_does(house, people, contested):
    actor = mandated(house, contested, people["lawyer"])
    contested.in_negotiation()
    seat = service.Seat(contested.id, contested.number, contested.buyer)
    release = service.release(house, seat, actor.id)
    waiting = [each for each in claim(house.engine, house.clock(), "w" * 32, 100) if each.params.get("acting")]
    assert waiting and all(as_said_now(house, each) for each in waiting)

    contested.act(rules.end_mandate, contested.buyer, representative=actor.id, alongside=release)

    assert [as_said_now(house, each) for each in waiting] == [None] * len(waiting)
    told = letters(house, account_id=people["lawyer"], template="mandate_ended")
    assert [row.params["for_side"] for row in told] == ["buyer"]
    contested.offer(contested.seller, "31.07")
    assert not letters(house, account_id=people["lawyer"], template="offer_received")


def test_nobody_sends_a_flood_of_mails_by_naming_people(house, clock, people, contested, monkeypatch):
    monkeypatch.setattr(service, "MOST_MAILS", 2)
    invited(house, contested, by=people["buyer"])
    other = a_dispute(house, buyer_account=people["buyer"])
    invited(house, other, by=people["buyer"])
    before = facts(house, other)

    with pytest.raises(Refused, match="too_many_attempts"):
        invited(house, other, by=people["buyer"])
    assert (facts(house, other), len(letters(house, template="mandate"))) == (before, 2)

    clock.advance(days=1)
    invited(house, other, by=people["buyer"])
    assert len(letters(house, template="mandate")) == 3


def test_an_invitation_that_waited_for_the_mail_is_not_sent_after_the_end(house, contested):
    named, _ = invited(house, contested)
    release = service.release(house, service.Seat(contested.id, contested.number, contested.buyer), named.id)
    [letter] = [each for each in claim(house.engine, house.clock(), "w" * 32, 100) if each.template == "mandate"]
    assert as_said_now(house, letter) == letter

    contested.act(rules.end_mandate, contested.buyer, representative=named.id, alongside=release)

    assert as_said_now(house, letter) is None
    assert [row.email for row in rows(house, contested)] == [None]


def test_of_many_answers_to_one_link_one_counts(house, people, contested):
    _, path = invited(house, contested)
    token = path.removeprefix("/mandate/")

    def answer(_: int) -> str:
        try:
            service.take_up(house, Caller(), people["lawyer"], token, key=new_pseudonym())
        except Refused as refused:
            return refused.code
        return "taken up"

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(answer, range(4)))

    assert answers.count("taken up") == 1
    assert set(answers) <= {"taken up", "link_used", "mandate_taken_up"}
    assert facts(house, contested).count("mandate_taken_up") == 1


def test_an_end_and_an_act_at_once_have_an_order_and_nothing_comes_after_the_end(house, people, contested):
    actor = mandated(house, contested, people["lawyer"])
    contested.in_negotiation()
    state = contested.state

    def offer(_: int) -> None:
        try:
            contested.act(make_offer, actor, terms=(Term(0, True, state.items[0].amount),))
        except Refused as refused:
            assert refused.code == "mandate_over"

    def end(_: int) -> None:
        contested.act(rules.end_mandate, contested.buyer, representative=actor.id)

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda act: act(0), (offer, offer, end, offer, offer)))

    happened = facts(house, contested)
    assert "offer_made" not in happened[happened.index("mandate_ended") :]


def test_a_list_and_a_seat_last_as_long_as_the_mandate(house, clock, people, contested):
    actor = mandated(house, contested, people["lawyer"], days=40)

    def listed() -> list[tuple[str, bool]]:
        with house.engine.connect() as connection:
            found = disputes_of(connection, people["lawyer"], acting_at=clock.at)
            assert disputes_of(connection, people["lawyer"]) == []
        return [(row.role, row.represents) for row in found]

    with house.engine.connect() as connection:
        assert take_seat(connection, contested.number, people["lawyer"], ()).actor == actor
        with pytest.raises(Missing):
            take_seat(connection, contested.number, people["buyer"][::-1], ())
    assert listed() == [("buyer", True)]
    contested.act(procedure.withdraw_dispute, actor)
    clock.at += MANDATE_OUTLASTS - 1
    assert listed() == [("buyer", True)]
    clock.at += 1
    assert listed() == []


def test_an_address_that_nobody_came_by_is_forgotten_when_its_mandate_is_over(house, clock, contested):
    invited(house, contested, days=3)
    sweep(house)
    assert [row.email for row in rows(house, contested)] == [LAWYER]

    clock.advance(days=5)
    sweep(house)

    assert [row.email for row in rows(house, contested)] == [None]


def test_nobody_mediates_who_acts_or_acted_for_either_side(house, people):
    """Here, when it is one's own matter; elsewhere, whichever side it was and whatever became of it."""
    free = a_mediator(house, "Free")
    accounts = {name: an_account(house, f"{name}@mediators.example", name) for name in ("here", "there", "opposite")}
    dispute = a_dispute(house, buyer_account=people["buyer"], seller_account=people["seller"])
    mandated(house, dispute, accounts["here"])
    other = a_dispute(house, buyer_account=people["buyer"]).admitted()
    ended = mandated(house, other, accounts["there"])
    other.act(rules.resign_mandate, ended)
    mandated(house, other, accounts["opposite"], side="seller")
    # All three come onto the roster only now.
    for name in accounts:
        a_mediator(house, name, email=f"{name}@mediators.example")
    dispute.left()

    with house.engine.connect() as connection:
        assert mediation.pool(connection, house, dispute.state, house.clock())["pool"] == (free,)


def test_whoever_acted_keeps_their_own_words_and_leaves_nothing_else(house, clock, people, contested):
    actor = mandated(house, contested, people["lawyer"])
    contested.act(procedure.send_message, actor, text="Said by the lawyer.")
    contested.act(procedure.send_message, contested.buyer, text="Said by the buyer.")
    contested.act(rules.end_mandate, contested.buyer, representative=actor.id)
    clock.advance(minutes=1)
    contested.act(procedure.withdraw_dispute, contested.buyer)

    def copy(name: str):
        with house.engine.connect() as connection:
            return copy_of(connection, house, account_of(connection, people[name]))

    def words(name: str) -> set[str]:
        return {text for own in copy(name).disputes for line in own.lines for text in line.words.values()}

    assert words("lawyer") == {"Said by the lawyer."}
    assert "Said by the buyer." in words("buyer") and "Said by the lawyer." not in words("buyer")
    # How it ended is no business any more of who had left before.
    [own] = copy("lawyer").disputes
    assert own.dispute.code is None and own.dispute.version < contested.state.version

    with house.engine.connect() as connection:
        [part] = erasure.parts_of(connection, people["lawyer"])
        outlook = erasure.outlook_of(connection, house, part)
    assert (part.actor, outlook.state, outlook.reads) == (Actor(actor.id, "buyer"), erasure.WAITS, False)


def test_a_name_in_entries_leads_to_nobody_once_the_account_is_gone(house, people, contested):
    mandated(house, contested, people["lawyer"])

    def forget(connection: Connection) -> None:
        for table in rows_of_an_account():
            connection.execute(table.delete().where(table.c.account_id == people["lawyer"]))

    write_unit(house.engine, forget)

    assert rows(house, contested) == []
    with house.engine.connect() as connection, pytest.raises(Missing):
        take_seat(connection, contested.number, people["lawyer"], ())
