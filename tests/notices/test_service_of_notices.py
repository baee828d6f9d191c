"""Service: what becomes of a notice is learnt, recorded in its dispute once, and no time runs against the unserved."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from odr.database import writing
from odr.disputes.records import stream_of, to_history
from odr.evidence.rules import complete_evidence
from odr.house import House, Settings
from odr.kernel import moment, new_id
from odr.log.journal import read_stream
from odr.notices.mail import mark, open_post
from odr.notices.outbox import LEASE, claim
from odr.notices.tables import outbox
from odr.people.tables import account, mediator
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute, Phase, fold
from odr.procedure.events import NoticeReturned, NoticeSent
from odr.response import rules as response
from odr.worker import Lines, fire_deadlines, record_service, run, send_mail
from tests.builders import ADispute, a_dispute
from tests.notices.servers import Peer, a_free_port
from tests.notices.test_reports import a_report

DAY = 86_400_000
SELLER, BUYER = "seller@example.org", "buyer@example.org"


@pytest.fixture
def peer() -> Peer:
    """A mail server that a test starts when it likes."""
    return Peer(a_free_port())


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, peer: Peer) -> Settings:
    (tmp_path / "reports" / "new").mkdir(parents=True)
    return replace(
        settings,
        mail_url=f"smtp://127.0.0.1:{peer.port}?starttls=never",
        mail_from="notices@evenhand.example",
        mail_reports=tmp_path / "reports",
    )


@pytest.fixture
def served(peer: Peer) -> Iterator[Peer]:
    with peer.serving():
        yield peer


def stands(house: House, dispute: ADispute) -> Dispute:
    with house.engine.connect() as connection:
        stream = read_stream(connection, stream_of(dispute.id))
    return fold(dispute.id, to_history(stream), house.rulesets)


def facts(house: House, dispute: ADispute) -> list[str]:
    """What was recorded of notices: "sent invitation to seller"."""
    with house.engine.connect() as connection:
        history = to_history(read_stream(connection, stream_of(dispute.id)))
    words = {NoticeSent: "sent", NoticeReturned: "returned"}
    return [
        f"{words[type(event)]} {event.template} to {event.side}"
        for event, _ in history
        if isinstance(event, NoticeSent | NoticeReturned)
    ]


def happened(house: House, dispute: ADispute) -> list[str]:
    with house.engine.connect() as connection:
        return [one.entry.type for one in read_stream(connection, stream_of(dispute.id))]


def report_on(house: House, template: str, name: str = "1.report", **given: Any) -> None:
    """The mail server of the latest notice of this template reports on it."""
    with house.engine.connect() as connection:
        query = select(outbox.c.mark).where(outbox.c.template == template, outbox.c.sent_at.is_not(None))
        found = connection.scalars(query.order_by(outbox.c.id.desc())).first()
    raw = a_report(**given).replace(b"0123456789abcdef" * 2, str(found).encode())
    reports = house.settings.mail_reports
    assert reports is not None
    (reports / "new" / name).write_bytes(raw)


def each_once(peer: Peer) -> bool:
    ids = [message["Message-ID"] for message in peer.messages]
    return len(ids) == len(set(ids))


# -- what left is recorded -------------------------------------------------------------------------------------------


def test_a_notice_that_carries_a_time_is_recorded_when_it_left_and_news_are_not(
    app: Flask, house: House, served: Peer
) -> None:
    dispute = a_dispute(house).admitted()

    assert run(app, once=True)
    assert run(app, once=True)

    assert facts(house, dispute) == ["sent invitation to seller"]
    assert len(served.messages) == 3


def test_a_worker_that_dies_between_sending_and_recording_is_replaced(app: Flask, house: House, served: Peer) -> None:
    dispute = a_dispute(house).admitted()
    post = open_post(house.settings.mail_url)
    while send_mail(app, house, post, "dies", threading.Event()):
        pass
    assert facts(house, dispute) == []

    assert run(app, once=True)

    assert facts(house, dispute) == ["sent invitation to seller"]
    assert each_once(served)


def test_a_worker_that_dies_after_recording_and_before_forgetting_that_it_has_to_records_nothing_twice(
    app: Flask, house: House, served: Peer
) -> None:
    """The mark falls in the transaction of the entry; should it stand again, the key tells that it is the same act."""
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    with writing(house.engine) as connection:
        connection.execute(update(outbox).where(outbox.c.template == "invitation").values(to_record="sent"))

    record_service(house)

    assert facts(house, dispute) == ["sent invitation to seller"]


def test_a_dispute_that_moved_on_meanwhile_still_gets_its_record(app: Flask, house: House, served: Peer) -> None:
    dispute = a_dispute(house).admitted()
    post = open_post(house.settings.mail_url)
    while send_mail(app, house, post, "slow", threading.Event()):
        pass
    dispute.contested().in_negotiation()

    record_service(house)

    assert facts(house, dispute) == ["sent invitation to seller"]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_of_two_recipients_the_one_that_is_refused_does_not_silence_the_other(
    app: Flask, house: House, served: Peer
) -> None:
    served.refused[SELLER] = "550 5.1.1 no such user"
    dispute = a_dispute(house).admitted()

    assert run(app, once=True)

    assert facts(house, dispute) == ["returned invitation to seller", "sent address_wanted to buyer"]
    assert [message["Subject"].partition(": ")[2][:26] for message in served.mail_to(BUYER)] == [
        "we received your filing",
        "the seller is told now",
        "please name another addres",
    ]
    assert served.mail_to(SELLER) == []
    now = stands(house, dispute)
    assert now.address_asked and now.running_clock.step == "address"


def test_a_refusal_for_now_is_tried_again_and_changes_nothing(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    served.refused[SELLER] = "450 4.2.1 busy"
    dispute = a_dispute(house).admitted()
    assert run(app, once=True)
    assert facts(house, dispute) == []

    del served.refused[SELLER]
    clock.advance(minutes=2)
    assert run(app, once=True)

    assert facts(house, dispute) == ["sent invitation to seller"]
    assert len(served.mail_to(SELLER)) == 1


def test_a_mailbox_that_is_busy_for_three_days_is_one_that_was_not_reached(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    served.refused[SELLER] = "452 4.2.2 mailbox full"
    dispute = a_dispute(house).admitted()

    for _ in range(13):
        assert run(app, once=True)
        clock.advance(hours=6)

    assert facts(house, dispute)[0] == "returned invitation to seller"
    assert stands(house, dispute).address_asked


def test_a_seller_of_whom_no_address_is_known_was_not_reached(app: Flask, house: House, served: Peer) -> None:
    texts = {
        "narrative": "They never came.",
        "order": "{}",
        "buyer": json.dumps({"name": "The buyer", "email": BUYER}),
        "seller": json.dumps({"name": "A shop without an address", "site": "shop.example"}),
    }
    dispute = a_dispute(house, texts=texts).admitted()

    assert run(app, once=True)

    assert stands(house, dispute).address_asked


def test_a_buyer_who_closed_the_account_stops_nobodys_time(app: Flask, house: House, served: Peer) -> None:
    account_id = new_id()
    person = {"id": account_id, "email": BUYER, "name": "B", "language": "en", "zone": "UTC", "created_at": 0}
    with writing(house.engine) as connection:
        connection.execute(insert(account).values(person))
    dispute = a_dispute(house, buyer_account=account_id).in_negotiation()
    with writing(house.engine) as connection:
        connection.execute(update(account).values(email=None))

    assert run(app, once=True)

    assert stands(house, dispute).suspension is None
    assert "returned your_turn to buyer" not in facts(house, dispute)


# -- a mail server with bad manners ----------------------------------------------------------------------------------


def test_a_day_without_a_mail_server_loses_nothing_and_doubles_nothing(
    app: Flask, house: House, peer: Peer, clock: Any
) -> None:
    disputes = [a_dispute(house).admitted() for _ in range(3)]
    for _ in range(12):
        assert run(app, once=True)
        clock.advance(hours=2)
    assert [facts(house, each) for each in disputes] == [[], [], []]

    with peer.serving():
        # The longest rest between two tries.
        clock.advance(hours=6)
        for _ in range(3):
            assert run(app, once=True)

    assert each_once(peer)
    assert [len(peer.mail_to(address)) for address in (BUYER, SELLER)] == [6, 3]
    assert [facts(house, each) for each in disputes] == [["sent invitation to seller"]] * 3
    assert peer.mail_to(BUYER)[0]["Subject"].endswith("we received your filing")


def test_a_server_that_dies_in_the_middle_of_a_message_gets_it_again_under_the_same_name(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted()
    served.hangs_up = True
    assert run(app, once=True)
    assert facts(house, dispute) == []

    served.hangs_up = False
    for _ in range(3):
        clock.advance(minutes=5)
        assert run(app, once=True)

    invitations = [message["Message-ID"] for message in served.mail_to(SELLER)]
    # Whether the first one was taken nobody knows; whoever got it twice can tell.
    assert len(invitations) == 2 and len(set(invitations)) == 1
    assert facts(house, dispute) == ["sent invitation to seller"]


def test_a_server_that_closes_the_line_is_called_anew_for_the_next_notice(
    app: Flask, house: House, served: Peer
) -> None:
    served.refused[SELLER] = "421 4.3.2 closing down"
    a_dispute(house).admitted()
    a_dispute(house)

    assert run(app, once=True)

    assert len(served.mail_to(BUYER)) == 3


def test_however_slow_a_server_is_no_other_worker_sends_what_one_is_sending(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    for _ in range(4):
        a_dispute(house).admitted()
    seen: list[str] = []

    def four_minutes_pass() -> None:
        clock.advance(minutes=4)
        # Another worker asks meanwhile, as soon as a lease could have ended, and sends what it gets.
        for letter in claim(house.engine, clock(), "another", 1):
            seen.append(letter.key)

    served.on_message = four_minutes_pass
    for _ in range(30):
        assert run(app, once=True)
        clock.at += LEASE
    served.on_message = lambda: None
    assert run(app, once=True)

    assert seen
    assert each_once(served)
    with house.engine.connect() as connection:
        waiting = outbox.c.sent_at.is_(None) & outbox.c.failed_at.is_(None) & (outbox.c.due_at <= clock())
        assert connection.execute(select(outbox.c.key).where(waiting)).all() == []


# -- nobody is silent who was not asked --------------------------------------------------------------------------------


def by_worker(dispute: ADispute) -> None:
    fire_deadlines(dispute.house)


def by_page(dispute: ADispute) -> None:
    dispute.act(procedure.send_message, dispute.buyer, text="Is anybody there?")


@pytest.mark.parametrize("fires", [by_worker, by_page])
def test_no_seller_is_silent_while_no_mail_leaves_and_each_has_a_whole_last_call_once_it_does(
    app: Flask, house: House, peer: Peer, clock: Any, fires: Callable[[ADispute], None]
) -> None:
    dispute = a_dispute(house, seller_language="en").admitted()
    for _ in range(34):
        clock.advance(days=1)
        fires(dispute)
    waited = stands(house, dispute)
    assert (waited.step, waited.seller_silent, waited.served_at) == ("last_call", False, None)
    assert happened(house, dispute).count("last_call_made") > 2

    # The server is back when the last call is half over.
    clock.at = waited.running_clock.due - DAY
    with peer.serving():
        for _ in range(8):
            assert run(app, once=True)
        assert [template for template, _ in calls(house, peer)] == ["invitation", "last_call"]
        assert {until(message) for _, message in calls(house, peer)} == {day_of(waited.running_clock.due)}
        assert facts(house, dispute) == ["sent invitation to seller", "sent last_call to seller"]

        # A day was too little: the call is made anew, and now the seller has all of it.
        clock.at = waited.running_clock.due
        assert run(app, once=True)
        whole = stands(house, dispute)
        assert (whole.step, whole.served_at) == ("last_call", clock() - DAY)
        assert until(calls(house, peer)[-1][1]) == day_of(whole.running_clock.due)
        clock.at = whole.running_clock.due - 1
        assert run(app, once=True)
        assert stands(house, dispute).step == "last_call"

        clock.advance(seconds=1)
        assert run(app, once=True)

    now = stands(house, dispute)
    assert (now.phase, now.seller_silent) == (Phase.DEFAULT_TRACK, True)
    assert [template for template, _ in calls(house, peer)][2:] == ["last_call", "dispute_moved"]
    # Of the calls in between nobody was told, nor was anybody reminded of a time that was over.
    assert len([message for message in peer.mail_to(BUYER) if "last call" in str(message.get_body(("plain",)))]) < 4
    assert each_once(peer)


def calls(house: House, peer: Peer) -> list[tuple[str, Any]]:
    """What the seller got, by its template, but for news."""
    told = [(_template_of(house, message), message) for message in peer.mail_to(SELLER)]
    return [(template, message) for template, message in told if template != "news"]


def until(message: Any) -> str:
    """The day before which the mail asks for an answer."""
    body = message.get_body(("plain",)).get_content()
    found = re.search(r"Reply before\s+(\d+ \w+ \d+), 12:00 UTC", body)
    assert found
    return found[1]


def day_of(at: int) -> str:
    return f"{moment(at):%-d %B %Y}"


def test_a_seller_is_not_looked_for_at_the_first_refusal_after_an_outage(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    served.refused[SELLER] = "450 4.2.1 greylisted"
    dispute = a_dispute(house).admitted()
    clock.advance(days=10)
    assert run(app, once=True)
    assert not stands(house, dispute).address_asked

    del served.refused[SELLER]
    clock.advance(minutes=5)
    assert run(app, once=True)

    assert facts(house, dispute)[0] == "sent invitation to seller"


def test_a_mail_server_that_is_away_for_three_days_has_the_seller_looked_for_and_nobody_decided_against(
    app: Flask, house: House, peer: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted()
    for _ in range(13):
        assert run(app, once=True)
        clock.advance(hours=6)
    looked_for = stands(house, dispute)
    for _ in range(16):
        assert run(app, once=True)
        clock.advance(hours=6)
    stood_still = stands(house, dispute)
    for _ in range(45):
        clock.advance(days=1)
        fire_deadlines(house)

    assert looked_for.address_asked and looked_for.running_clock.step == "address"
    # The buyer, too, was told nothing, so that the time to name an address stands still for as long as it can.
    assert stood_still.suspension is not None and stood_still.step == "address"
    assert stands(house, dispute).code == "not_served"
    assert not {"last_call_made", "seller_silent"} & set(happened(house, dispute))


def test_a_last_call_that_never_left_has_the_seller_looked_for(
    app: Flask, house: House, peer: Peer, clock: Any
) -> None:
    with peer.serving():
        dispute = a_dispute(house).admitted()
        assert run(app, once=True)
        peer.refused[SELLER] = "452 4.2.2 mailbox full"
        clock.at = dispute.state.running_clock.due
        for _ in range(14):
            assert run(app, once=True)
            clock.advance(hours=6)

    now = stands(house, dispute)
    assert "returned last_call to seller" in facts(house, dispute)
    assert (now.step, now.seller_silent) == ("address", False)


# -- what comes back -------------------------------------------------------------------------------------------------


def test_a_seller_whose_mail_came_back_is_never_decided_against(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    clock.advance(days=2)
    report_on(house, "invitation")

    assert run(app, once=True)
    asked = stands(house, dispute)
    for _ in range(10):
        clock.advance(days=4)
        assert run(app, once=True)

    assert asked.address_asked and asked.running_clock.step == "address"
    now = stands(house, dispute)
    assert (now.code, now.seller_silent) == ("not_served", False)
    assert not {"last_call_made", "seller_silent"} & set(happened(house, dispute))
    # The ladder stops as soon as it is known that nobody reads it.
    assert [_template_of(house, message) for message in served.mail_to(SELLER)] == ["invitation", "dispute_closed"]


def test_another_address_is_served_anew_and_late_reports_on_the_old_one_say_nothing_of_it(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    clock.advance(days=3, hours=12)
    run(app, once=True)
    report_on(house, "invitation")
    run(app, once=True)

    clock.advance(days=1)
    elsewhere = json.dumps({"name": "The seller", "email": "elsewhere@example.org"})
    dispute.act(response.give_address, dispute.buyer, seller=elsewhere)
    assert run(app, once=True)
    clock.advance(hours=1)
    report_on(house, "reminder", name="2.late")
    assert run(app, once=True)

    assert len(served.mail_to("elsewhere@example.org")) == 1
    now = stands(house, dispute)
    assert (now.address_asked, now.running_clock.step) == (False, "reply")
    assert facts(house, dispute)[-1] == "sent invitation to seller"


def test_a_bounced_notice_stops_the_clock_of_a_side_that_is_known(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).in_negotiation()
    run(app, once=True)
    clock.advance(hours=1)
    report_on(house, "your_turn")

    assert run(app, once=True)

    now = stands(house, dispute)
    assert now.clock is None and now.suspension is not None and now.suspension.ground == "notice_returned"
    assert now.returned == {"seller"}
    assert [message for message in served.mail_to(BUYER) if "all time stands still" in message["Subject"]]


def test_two_reports_on_one_notice_are_one(app: Flask, house: House, served: Peer, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    report_on(house, "invitation", "1.first")
    report_on(house, "invitation", "2.second")

    assert run(app, once=True)

    assert [fact for fact in facts(house, dispute) if fact.startswith("returned")] == ["returned invitation to seller"]


def test_a_report_that_comes_before_the_worker_wrote_down_that_it_sent_is_not_lost(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    report_on(house, "invitation")
    with writing(house.engine) as connection:
        undone = {"sent_at": None, "to_record": None, "leased_until": clock() + LEASE, "lease_owner": "died"}
        connection.execute(update(outbox).where(outbox.c.template == "invitation").values(undone))

    assert run(app, once=True)

    assert stands(house, dispute).address_asked
    assert len(served.mail_to(SELLER)) == 1


def test_a_notice_that_is_only_late_is_not_one_that_came_back(app: Flask, house: House, served: Peer) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    report_on(house, "invitation", action="delayed", status="4.4.1")

    assert run(app, once=True)

    assert not stands(house, dispute).address_asked
    assert house.settings.mail_reports is not None
    assert [path.name for path in (house.settings.mail_reports / "done").iterdir()] == ["1.report"]


def test_what_strangers_drop_into_the_folder_harms_nobody_and_names_nobody(
    app: Flask, house: House, served: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)
    reports = house.settings.mail_reports
    assert reports is not None
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3_000))
    hostile = {
        "1.nested": nested,
        "2.bytes": bytes(range(256)) * 40,
        "3.stranger": a_report(),
        "4.person@example.org": b"From: seller@shop.example\nSubject: 5.1.1\n\nseller@shop.example",
    }
    for name, raw in hostile.items():
        (reports / "new" / name).write_bytes(raw)
    report_on(house, "invitation", "5.true")

    with caplog.at_level(logging.INFO, "odr.worker"):
        assert run(app, once=True)

    assert stands(house, dispute).address_asked
    assert sorted(path.name for path in (reports / "unknown").iterdir()) == sorted(hostile)
    lines = [Lines().format(record) for record in caplog.records if record.name == "odr.worker"]
    assert not [line for line in lines if "@" in line or "example.org" in line]


def test_nobody_can_compute_the_name_of_a_notice_to_the_other_side(app: Flask, house: House, served: Peer) -> None:
    """Or a side could report as lost what the other side received, and stop the clock at will."""
    dispute = a_dispute(house).admitted()
    with house.engine.connect() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.id)).all()

    (letter,) = [row for row in claim(house.engine, house.clock(), "w", 9) if row.template == "invitation"]
    assert mark(letter) == letter.mark
    known = {mark(replace(letter, mark=None)), dispute.id}
    assert not known & {row.mark for row in rows}
    assert len({row.mark for row in rows}) == len(rows)


# -- what happens often ----------------------------------------------------------------------------------------------


def test_a_hundred_messages_are_told_by_one_mail(app: Flask, house: House, served: Peer, clock: Any) -> None:
    dispute = a_dispute(house, seller_language="en").admitted().contested()
    assert run(app, once=True)
    before = len(served.mail_to(SELLER))
    for place in range(100):
        dispute.act(procedure.send_message, dispute.buyer, text=f"Where is it? {place}")
    assert run(app, once=True)
    assert len(served.mail_to(SELLER)) == before

    clock.advance(minutes=30)
    assert run(app, once=True)

    (told,) = served.mail_to(SELLER)[before:]
    body = told.get_body(("plain",))
    assert body is not None and "The other side wrote to you." in body.get_content()


# -- reminders -------------------------------------------------------------------------------------------------------


def test_a_silent_seller_is_reminded_on_the_days_of_the_ladder_each_time_with_a_fresh_link(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house, seller_language="en").admitted()
    begun, days = clock(), []
    for _ in range(20):
        before = len(served.mail_to(SELLER))
        assert run(app, once=True)
        days += [(clock() - begun) // DAY] * (len(served.mail_to(SELLER)) - before)
        clock.advance(days=1)

    told = [message["Subject"].partition(": ")[2].partition(" ")[0] for message in served.mail_to(SELLER)]
    assert list(zip(told, days, strict=True))[:5] == [
        ("please", 0),
        ("a", 3),
        ("a", 7),
        ("a", 12),
        ("last", 18),
    ]
    links = [re.search(r"/invitation/(\S+)", str(message.get_body(("plain",)))) for message in served.mail_to(SELLER)]
    assert len({link[1] for link in links if link}) == len(links)
    assert facts(house, dispute)[:5] == [
        "sent invitation to seller",
        "sent reminder to seller",
        "sent reminder to seller",
        "sent reminder to seller",
        "sent last_call to seller",
    ]


def test_a_seller_who_has_answered_is_not_reminded(app: Flask, house: House, served: Peer, clock: Any) -> None:
    a_dispute(house).admitted().contested()
    for _ in range(14):
        assert run(app, once=True)
        clock.advance(days=1)

    assert not [message for message in served.messages if "reminder" in message["Subject"]]
    with house.engine.connect() as connection:
        fate = connection.execute(select(outbox.c.failure).where(outbox.c.template == "reminder")).scalars().all()
    assert fate == ["overtaken"] * 3


def test_a_day_before_its_end_whoever_has_not_done_their_part_is_told(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    dispute = a_dispute(house).admitted().contested()
    dispute.act(complete_evidence, dispute.buyer)
    clock.at = dispute.state.running_clock.due - DAY
    assert run(app, once=True)

    near = [message["To"] for message in served.messages if "deadline_near" in _template_of(house, message)]
    assert near == [SELLER]


def _template_of(house: House, message: Any) -> str:
    with house.engine.connect() as connection:
        of = select(outbox.c.template).where(outbox.c.mark == message["Message-ID"][1:33])
        return connection.execute(of).scalar_one()


# -- mediators -------------------------------------------------------------------------------------------------------


@pytest.fixture
def sitting(house: House) -> str:
    """The id of a mediator on the roster who reads Chinese."""
    account_id, mediator_id = new_id(), new_id()
    person = {"id": account_id, "email": "mediator@example.org", "name": "M", "language": "zh_Hans", "zone": "UTC"}
    seat = {"id": mediator_id, "account_id": account_id, "languages": ["en"], "fields": [], "interest_sellers": []}
    rest = {"interest_domains": [], "training": "Law.", "admitted_at": 0, "mandate_until": 2**60, "capacity": 15}
    with writing(house.engine) as connection:
        connection.execute(insert(account).values(person | {"created_at": 0}))
        connection.execute(insert(mediator).values(seat | rest | {"counted_from": 0}))
    return mediator_id


def test_a_mediator_is_asked_and_told_by_mail_and_nothing_stands_still_when_that_comes_back(
    app: Flask, house: House, served: Peer, sitting: str
) -> None:
    dispute = a_dispute(house).drawn(sitting)
    assert run(app, once=True)

    (asked,) = served.mail_to("mediator@example.org")
    assert asked["Content-Language"] == "zh-Hans"
    body = asked.get_body(("plain",))
    assert body is not None and f"/disputes/{dispute.number}" in body.get_content()
    report_on(house, "appointment")
    assert run(app, once=True)
    assert stands(house, dispute).suspension is None
    assert not [fact for fact in facts(house, dispute) if "appointment" in fact]


def test_a_mediator_who_was_released_before_the_mail_left_is_not_asked(
    app: Flask, house: House, served: Peer, sitting: str
) -> None:
    dispute = a_dispute(house).drawn(sitting)
    dispute.expired()
    assert dispute.state.mediator != sitting

    assert run(app, once=True)

    (farewell,) = served.mail_to("mediator@example.org")
    assert _template_of(house, farewell) == "mediator_released"


# -- several workers -------------------------------------------------------------------------------------------------


def test_several_workers_at_once_send_nothing_twice_and_fire_nothing_twice(
    app: Flask, house: House, served: Peer, clock: Any
) -> None:
    disputes = [a_dispute(house).admitted() for _ in range(6)]

    def all_work() -> None:
        with ThreadPoolExecutor(4) as workers:
            assert all(workers.map(lambda _: run(app, once=True), range(4)))

    all_work()
    clock.at = max(dispute.state.running_clock.due for dispute in disputes)
    all_work()
    all_work()

    assert each_once(served)
    for dispute in disputes:
        entries = happened(house, dispute)
        assert entries.count("last_call_made") == 1
        assert facts(house, dispute) == ["sent invitation to seller", "sent last_call to seller"]
    with house.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox WHERE to_record IS NOT NULL")).scalar_one() == 0


def test_a_house_whose_letters_cannot_be_printed_says_so_of_each_and_records_none(
    app: Flask, house: House, served: Peer
) -> None:
    dispute = a_dispute(house).admitted()
    with writing(house.engine) as connection:
        connection.execute(update(outbox).where(outbox.c.template == "invitation").values(params={"number": "x"}))

    assert run(app, once=True)

    assert facts(house, dispute) == []
    assert len(served.mail_to(BUYER)) == 2
