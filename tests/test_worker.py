"""The worker: what is due happens once, whatever else fails, and the operator's log names nobody."""

from __future__ import annotations

import email
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from odr.config import as_environment, load
from odr.database import open_engine, writing
from odr.disputes.tables import draft
from odr.house import House, Settings
from odr.kernel import new_id
from odr.log.halt import latest_checkpoint
from odr.log.integrator import seal_all
from odr.log.note import Verifier, key_id
from odr.log.receipt import check
from odr.notices.mail import Press, open_post, send
from odr.notices.outbox import LEASE, claim, enqueue
from odr.notices.tables import outbox, worker
from odr.people.tables import account
from odr.worker import Lines, find_recipient, receipt_for, run, send_mail, send_one
from tests.builders import a_dispute
from tests.log.test_tamper import unguarded

DAY = 86_400_000


@pytest.fixture
def house(app: Flask) -> House:
    house: House = app.extensions["odr"]
    return house


@pytest.fixture
def holder(house: House) -> str:
    """The id of an account whose holder reads English in Paris."""
    account_id = new_id()
    row = {"id": account_id, "email": "holder@example.org", "name": "Holder", "language": "en", "zone": "Europe/Paris"}
    with writing(house.engine) as connection:
        connection.execute(insert(account).values(row | {"created_at": house.clock()}))
    return account_id


def write_to(house: House, account_id: str, key: str = "k", template: str = "password_changed", **params: Any) -> None:
    with writing(house.engine) as connection:
        enqueue(connection, template, at=house.clock(), key=key, params=params, account_id=account_id)


def mails(house: House) -> list[EmailMessage]:
    folder = Path(house.settings.mail_url.removeprefix("folder://")) / "new"
    return [email.message_from_bytes(file.read_bytes(), policy=SMTP) for file in sorted(folder.glob("*.eml"))]


def rows(house: House, *columns: str) -> list[tuple[Any, ...]]:
    with house.engine.connect() as connection:
        query = select(*(outbox.c[name] for name in columns)).order_by(outbox.c.id)
        return [tuple(row) for row in connection.execute(query)]


def test_a_notice_leaves_once(app: Flask, house: House, holder: str) -> None:
    write_to(house, holder)

    assert run(app, once=True)
    assert run(app, once=True)

    (mail,) = mails(house)
    assert mail["To"] == "holder@example.org"
    assert rows(house, "sent_at", "attempts") == [(house.clock(), 1)]


def test_a_dispute_tells_each_side_where_it_can_be_reached(app: Flask, house: House, holder: str) -> None:
    a_dispute(house, buyer_account=holder).admitted()

    assert run(app, once=True)

    assert [(mail["To"], mail["Content-Language"]) for mail in mails(house)] == [
        ("holder@example.org", "en"),
        ("holder@example.org", "en"),
        ("seller@example.org", "zh-Hans"),
    ]
    invitation = mails(house)[2].get_body(("plain",))
    assert invitation is not None and "/invitation/" in invitation.get_content()


def test_a_notice_of_an_act_carries_the_receipt_of_that_act(app: Flask, house: House, holder: str) -> None:
    dispute = a_dispute(house, buyer_account=holder).admitted()

    assert run(app, once=True)

    key = Verifier(house.origin, key_id(house.origin, house.keys.public_key), house.keys.verify)
    carried = [(mail["To"], part) for mail in mails(house) for part in mail.iter_attachments()]
    proven = [(to, check(part.get_content(), house.origin, [key]).entry) for to, part in carried]
    assert [(to, entry.stream, entry.type) for to, entry in proven] == [
        ("holder@example.org", f"dispute/{dispute.id}", "dispute_filed"),
        ("holder@example.org", f"dispute/{dispute.id}", "filing_admitted"),
        ("seller@example.org", f"dispute/{dispute.id}", "filing_admitted"),
    ]
    assert all(len(part.get_content()) < 8_000 for _to, part in carried)


def test_a_notice_is_not_held_up_by_a_log_that_cannot_be_sealed(app: Flask, house: House, holder: str) -> None:
    a_dispute(house, buyer_account=holder)
    with writing(house.engine) as connection:
        connection.execute(text("ALTER TABLE queue RENAME TO lost"))

    assert not run(app, once=True)

    (mail,) = mails(house)
    assert list(mail.iter_attachments()) == []
    told = mail.get_body(("plain",))
    assert told is not None and "is in the docket of the dispute" in told.get_content()


def test_a_letter_seals_what_it_tells_of(app: Flask, house: House, holder: str) -> None:
    a_dispute(house, buyer_account=holder)

    assert send_mail(app, house, open_post(house.settings.mail_url), "worker", threading.Event()) == 1

    (mail,) = mails(house)
    assert len(list(mail.iter_attachments())) == 1


def test_a_notice_whose_receipt_cannot_be_made_leaves_without_it(app: Flask, house: House, holder: str) -> None:
    a_dispute(house, buyer_account=holder)
    a_dispute(house)
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 2"))
        connection.commit()

    letters = claim(house.engine, house.clock(), "worker", 10)
    told = next(letter for letter in letters if letter.template == "filing_received")

    assert receipt_for(house, told) is None
    with app.app_context():
        send_one(house, Press(app.jinja_env, house.settings), open_post(house.settings.mail_url), told)
    (mail,) = mails(house)
    assert list(mail.iter_attachments()) == []


def test_time_runs_out_without_anybody_acting(app: Flask, house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    run(app, once=True)

    clock.advance(days=20)
    assert run(app, once=True)

    told = [template for template, sent_at in rows(house, "template", "sent_at") if sent_at]
    assert told == ["filing_received", "filing_admitted", "invitation", "last_call", "news"]
    assert all(str(dispute.number) in mail["Subject"] for mail in mails(house))


def test_the_log_is_sealed_by_a_checkpoint(app: Flask, house: House) -> None:
    a_dispute(house)

    assert run(app, once=True)

    with house.engine.connect() as connection:
        sealed = latest_checkpoint(connection)
        assert connection.execute(text("SELECT count(*) FROM leaf")).scalar_one() == sealed.size > 0


def test_a_worker_that_died_before_sending_is_replaced(app: Flask, house: House, holder: str, clock: Any) -> None:
    write_to(house, holder)
    claim(house.engine, house.clock(), "dead", 10)

    run(app, once=True)
    assert mails(house) == []

    clock.at += LEASE
    run(app, once=True)
    assert len(mails(house)) == 1


def test_a_worker_that_died_after_sending_is_repeated_recognisably(
    app: Flask, house: House, holder: str, clock: Any
) -> None:
    write_to(house, holder)
    (letter,) = claim(house.engine, house.clock(), "dead", 10)
    with app.app_context():
        press = Press(app.jinja_env, house.settings)
        post = open_post(house.settings.mail_url)
        send(house, press, post, lambda connection, row: find_recipient(house, connection, row), letter)
    (first,) = mails(house)

    clock.at += LEASE
    assert run(app, once=True)

    (mail,) = mails(house)
    assert mail["Message-ID"] == first["Message-ID"]
    assert rows(house, "sent_at", "attempts") == [(house.clock(), 2)]


def test_workers_side_by_side_send_each_notice_once_and_sign_one_log(app: Flask, house: House, holder: str) -> None:
    for number in range(12):
        write_to(house, holder, key=f"k{number}")
    a_dispute(house).admitted()

    with ThreadPoolExecutor(3) as workers:
        assert all(workers.map(lambda _: run(app, once=True), range(3)))
    run(app, once=True)

    assert [attempts for attempts, sent_at in rows(house, "attempts", "sent_at") if sent_at] == [1] * 15
    assert len(mails(house)) == 15
    with house.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM queue")).scalar_one() == 0


def test_a_part_that_fails_stops_no_other(app: Flask, house: House, holder: str) -> None:
    write_to(house, holder)
    with writing(house.engine) as connection:
        connection.execute(text("ALTER TABLE queue RENAME TO lost"))

    assert not run(app, once=True)

    assert len(mails(house)) == 1


def test_a_letter_that_cannot_be_made_holds_up_no_other(app: Flask, house: House, holder: str) -> None:
    write_to(house, holder, key="broken", template="no_such_template")
    write_to(house, holder, key="whole")

    assert run(app, once=True)

    assert len(mails(house)) == 1
    assert rows(house, "key", "failure", "failed_at") == [("broken", "broken", None), ("whole", None, None)]


def test_a_notice_to_a_closed_account_is_given_up(app: Flask, house: House, holder: str) -> None:
    write_to(house, holder)
    with writing(house.engine) as connection:
        connection.execute(text("UPDATE account SET email = NULL"))

    assert run(app, once=True)

    assert rows(house, "failure", "failed_at") == [("recipient_gone", house.clock())]


def test_a_seller_who_closed_the_account_is_still_reached_where_the_filing_says(
    app: Flask, house: House, holder: str
) -> None:
    a_dispute(house, seller_account=holder).admitted()
    with writing(house.engine) as connection:
        connection.execute(text("UPDATE account SET email = NULL"))

    assert run(app, once=True)

    assert "seller@example.org" in [mail["To"] for mail in mails(house)]


def test_a_buyer_who_closed_the_account_gets_no_more_mail(app: Flask, house: House, holder: str) -> None:
    a_dispute(house, buyer_account=holder)
    with writing(house.engine) as connection:
        connection.execute(text("UPDATE account SET email = NULL"))

    assert run(app, once=True)

    assert mails(house) == []


def test_old_drafts_and_workers_long_gone_are_swept(app: Flask, house: House, holder: str, clock: Any) -> None:
    with writing(house.engine) as connection:
        for age in (91, 89):
            old = {"id": new_id(), "account_id": holder, "wrapped_key": b"", "sealed": b""}
            connection.execute(insert(draft).values(old | {"saved_at": house.clock() - age * DAY}))
        gone = {"owner": "gone", "started_at": 0, "seen_at": house.clock() - DAY - 1}
        connection.execute(insert(worker).values(gone))

    assert run(app, once=True)

    with house.engine.connect() as connection:
        assert connection.execute(select(draft.c.saved_at)).all() == [(house.clock() - 89 * DAY,)]
        assert connection.execute(select(worker.c.owner)).all() == []


def test_the_operators_log_names_nobody(
    app: Flask, house: House, holder: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_to(house, holder, key="sent")
    write_to(house, holder, key="broken", template="your_turn", number="holder@example.org")
    a_dispute(house).admitted()
    shutil.rmtree(house.settings.files, ignore_errors=True)

    with caplog.at_level(logging.INFO, "odr.worker"):
        run(app, once=True)

    lines = [Lines().format(record) for record in caplog.records if record.name == "odr.worker"]
    assert {json.loads(line)["what"] for line in lines} >= {"notice sent", "notice broken"}
    assert not [line for line in lines if "@" in line or "\n" in line or "bicycle" in line]


@pytest.fixture
def own_house(tmp_path: Path) -> Settings:
    """The settings of a house that the commands made themselves, in a folder of its own."""
    return load({"ODR_INSTANCE": str(tmp_path / "house")})


def begin_work(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "odr", "worker", "--watched"],
        env={**os.environ, **as_environment(settings)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def workers_seen(settings: Settings) -> int:
    engine = open_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            return len(connection.execute(select(worker.c.owner)).all())
    finally:
        engine.dispose()


@pytest.mark.parametrize("ending", ["signal", "end of input"])
def test_a_worker_shows_that_it_is_alive_and_ends_when_told(own_house: Settings, ending: str) -> None:
    process = begin_work(own_house)
    assert process.stdin is not None and process.stderr is not None
    assert json.loads(process.stderr.readline())["what"] == "started"
    while process.poll() is None and not workers_seen(own_house):
        threading.Event().wait(0.05)

    if ending == "signal":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    said = process.stderr.read()

    assert process.wait(30) == 0
    assert json.loads(said.splitlines()[-1])["what"] == "stopped"
    assert workers_seen(own_house) == 0
