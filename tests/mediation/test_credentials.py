"""What mediators have shown: who lacks it is not drawn, its end is told in time, and everybody reads it."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from odr.config import load
from odr.database import write_unit
from odr.doctor import examine
from odr.erasure.queries import rows_about
from odr.house import House
from odr.kernel import Missing, Refused, moment, real_clock
from odr.log.journal import read_stream
from odr.log.verify import verify_log
from odr.mediation.queries import DAY, REMINDED_BEFORE, YEAR, lapsing, mediator_by_id
from odr.mediation.rules import REQUIRED_CREDENTIALS
from odr.mediation.service import (
    LONGEST_ISSUER,
    MOST_CREDENTIAL_YEARS,
    Admission,
    add_credential,
    admit_mediator,
    end_credential,
    remind_of_credentials,
)
from odr.notices.tables import outbox
from odr.people.tables import CREDENTIALS, mediator
from odr.procedure.deadlines import end_of_day
from tests.builders import a_dispute
from tests.disputes.readers import Reader
from tests.mediation.roster import a_mediator, an_account, evidenced
from tests.mediation.test_pool import pool_of
from tests.mediation.test_roster import instance, odr

__all__ = ["instance"]

PAPER = hashlib.sha256(b"a paper").hexdigest()


def one(house: House, mediator_id: str):
    with house.engine.connect() as connection:
        return mediator_by_id(connection, mediator_id)


def admitted(house: House) -> str:
    """Somebody on the roster who has shown nothing."""
    return admit_mediator(house, "bare@mediators.example", "Bare", Admission(languages=("en",)))


def show(house: House, mediator_id: str, kind: str = "mediation", days: int = 400, **changes: object) -> str:
    told = {"issuer": "A school", "document": PAPER, "until": moment(house.clock()).date() + timedelta(days), **changes}
    return add_credential(house, mediator_id, kind=kind, **told)


def letters(house: House) -> list[tuple[str, int]]:
    """Kind and days of the letters about evidence."""
    with house.engine.connect() as connection:
        rows = connection.execute(outbox.select().where(outbox.c.template == "credential_lapses").order_by(outbox.c.id))
        return [(row.params["kind"], int(row.key.rpartition("/")[2])) for row in rows]


def test_what_everybody_needs_is_among_the_kinds_there_are():
    assert set(REQUIRED_CREDENTIALS) < set(CREDENTIALS)


def test_who_lacks_one_of_what_is_needed_is_not_drawn(house):
    waiting, mediator_id = a_dispute(house).left(), admitted(house)
    assert (pool_of(house, waiting), one(house, mediator_id).lacks(house.clock())) == ((), REQUIRED_CREDENTIALS)

    *others, last = REQUIRED_CREDENTIALS
    evidenced(house, mediator_id, *others, "insurance")
    assert pool_of(house, waiting) == ()

    evidenced(house, mediator_id, last)
    assert pool_of(house, waiting) == (mediator_id,)


def test_what_lapses_keeps_its_mediator_out_from_then_on_until_it_is_shown_anew(house, clock):
    waiting, mediator_id = a_dispute(house).left(), a_mediator(house)
    holds_until = date(2026, 12, 31)
    end_credential(house, mediator_id, one(house, mediator_id).credentials[0].id)
    show(house, mediator_id, until=holds_until)

    clock.at = end_of_day(holds_until) - 1
    assert pool_of(house, waiting) == (mediator_id,)
    clock.at += 1
    assert pool_of(house, waiting) == ()

    show(house, mediator_id)
    assert pool_of(house, waiting) == (mediator_id,)


def test_who_sits_in_a_dispute_when_it_lapses_goes_on_with_it(app, house, clock):
    account = an_account(house, "first@mediators.example", "First mediator")
    mediator_id = a_mediator(house)
    sitting = a_dispute(house).in_mediation(mediator_id)
    for each in one(house, mediator_id).credentials:
        end_credential(house, mediator_id, each.id)

    desk = Reader(app, account).read("/desk/mediator")

    assert "Nobody draws you at present" in desk
    Reader(app, account).read(f"/disputes/{sitting.state.number}")


def test_who_served_before_has_time_to_show_it_and_a_new_mandate_has_none(house, clock):
    waiting, mediator_id = a_dispute(house).left(), admitted(house)
    until = clock.at + 90 * DAY
    write_unit(house.engine, lambda connection: connection.execute(update(mediator).values(excused_until=until)))

    assert pool_of(house, waiting) == (mediator_id,)
    admit_mediator(house, "bare@mediators.example", "", Admission(languages=("de",)))
    assert pool_of(house, waiting) == (mediator_id,), "a change of the roster begins no mandate"
    clock.at = until
    assert pool_of(house, waiting) == ()

    clock.at = until - DAY
    write_unit(house.engine, lambda connection: connection.execute(update(mediator).values(ended_at=clock.at)))
    admit_mediator(house, "bare@mediators.example", "", Admission(languages=("en",)))
    assert pool_of(house, waiting) == ()


def test_what_was_shown_stands_in_the_mediators_stream_and_its_issuer_beside_it(house):
    mediator_id = admitted(house)
    shown = show(house, mediator_id, issuer="  The school \n of law ", until=date(2027, 5, 31))
    end_credential(house, mediator_id, shown)

    with house.engine.connect() as connection:
        _admitted, added, ended = read_stream(connection, f"mediator/{mediator_id}")
        assert verify_log(connection, house).findings == []
    assert (added.entry.type, ended.entry.type) == ("credential_added", "credential_ended")
    assert added.entry.data == {"credential": shown, "kind": "mediation", "document": PAPER, "until": "2027-05-31"}
    assert ended.entry.data == {"credential": shown, "kind": "mediation"}
    (known,) = one(house, mediator_id).credentials
    assert (known.issuer, known.until, known.ended_at) == ("The school of law", date(2027, 5, 31), house.clock())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": " \n"}, "issuer_missing"),
        ({"issuer": "x" * (LONGEST_ISSUER + 1)}, "issuer_missing"),
        ({"until": date(2026, 2, 28)}, "credential_lapsed"),
        ({"until": date(2026 + MOST_CREDENTIAL_YEARS + 1, 1, 1)}, "credential_too_long"),
    ],
)
def test_what_is_no_evidence_is_refused_and_leaves_nothing(house, changes, code):
    mediator_id = admitted(house)

    with pytest.raises(Refused, match=code):
        show(house, mediator_id, **changes)

    assert one(house, mediator_id).credentials == ()


def test_nobody_ends_what_is_not_there_or_is_anothers(house):
    mine, others = a_mediator(house), a_mediator(house, "Second")
    theirs = one(house, others).credentials[0].id
    end_credential(house, others, theirs)

    for mediator_id, credential_id in ((mine, theirs), (others, theirs), (mine, "0" * 32)):
        with pytest.raises(Missing):
            end_credential(house, mediator_id, credential_id)
    with pytest.raises(Missing):
        show(house, "0" * 32)


def test_mediators_are_told_sixty_and_fourteen_days_before_once_each(house, clock):
    mediator_id = a_mediator(house)
    evidenced(house, mediator_id, "insurance", days=100)
    ends = one(house, mediator_id).credentials[-1].expires_at
    early, late = sorted(REMINDED_BEFORE, reverse=True)

    told = []
    for before in (early * DAY + 1, early * DAY, early * DAY - 1, late * DAY + 1, late * DAY, DAY, 0):
        clock.at = ends - before
        remind_of_credentials(house)
        remind_of_credentials(house)
        told.append(len(letters(house)))

    assert told == [0, 1, 1, 1, 2, 2, 2]
    assert letters(house) == [("insurance", early), ("insurance", late)]


def test_after_a_long_absence_of_the_worker_one_letter_is_enough(house, clock):
    evidenced(house, a_mediator(house), "insurance", days=100)
    clock.advance(days=90)

    assert (remind_of_credentials(house), remind_of_credentials(house)) == (1, 0)


def test_nobody_is_told_of_what_was_shown_anew_was_ended_or_is_of_no_use_any_more(house, clock):
    renewed, taken, over = a_mediator(house), a_mediator(house, "Second"), a_mediator(house, "Third")
    for mediator_id in (renewed, taken, over):
        evidenced(house, mediator_id, "insurance", days=30)
    evidenced(house, renewed, "insurance", days=500)
    end_credential(house, taken, one(house, taken).credentials[-1].id)
    gone = update(mediator).where(mediator.c.id == over).values(ended_at=clock.at)
    write_unit(house.engine, lambda connection: connection.execute(gone))

    with house.engine.connect() as connection:
        assert lapsing(connection, clock.at) == []


@pytest.mark.one_database
def test_everybody_reads_what_was_shown_and_what_is_missing(app, house, clock):
    shown, bare = a_mediator(house), admitted(house)
    evidenced(house, shown, "language", issuer="<b>A school</b>", days=400)
    lapsed = show(house, shown, kind="insurance", issuer="A firm of old", days=2)
    clock.advance(days=10)

    page = Reader(app).client.get("/mediators").get_data(as_text=True)

    assert "&lt;b&gt;A school&lt;/b&gt;" in page and "<b>A school" not in page
    assert "A firm of old" not in page and lapsed not in page
    paper = one(house, shown).credentials[0].document
    assert f"{paper[:8]}…{paper[-4:]}" in page and paper in page
    words = Reader(app).read("/mediators")
    assert words.count("Not shown, or it holds no longer.") == len(REQUIRED_CREDENTIALS)
    assert "Not drawn: evidence is missing, or holds no longer" in words
    assert "has time to show it" not in words

    excused = update(mediator).where(mediator.c.id == bare).values(excused_until=clock.at + DAY)
    write_unit(house.engine, lambda connection: connection.execute(excused))
    words = Reader(app).read("/mediators")
    assert "To be shown by" in words and "has time to show it" in words
    assert "Not drawn: evidence" not in words


@pytest.mark.one_database
def test_the_desk_says_what_holds_what_ends_and_what_is_missing(app, house, clock):
    account = an_account(house, "first@mediators.example", "First mediator")
    mediator_id = a_mediator(house)
    desk = Reader(app, account)
    assert "Evidence of yours" not in desk.read("/desk/mediator")

    ends = min(each.expires_at for each in one(house, mediator_id).credentials)
    clock.at = ends - max(REMINDED_BEFORE) * DAY
    desk.sign_in()
    assert "Evidence of yours ends on" in desk.read("/desk/mediator")

    excused = update(mediator).values(excused_until=ends + YEAR)
    clock.at = ends
    desk.sign_in()
    assert "Nobody draws you at present" in desk.read("/desk/mediator")
    assert "What does not hold any more" in desk.read("/desk/mediator")
    write_unit(house.engine, lambda connection: connection.execute(excused))
    assert "Evidence of yours is missing" in desk.read("/desk/mediator")
    with house.engine.connect() as connection:
        copied = rows_about(connection, account)["credentials"]
    assert [each["kind"] for each in copied] == list(REQUIRED_CREDENTIALS)
    assert all(len(each["document_sha256"]) == 64 for each in copied)


# -- the command --------------------------------------------------------------------------------------------------


def said(answer) -> str:
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_the_command_keeps_evidence_and_the_doctor_names_who_lacks_it(instance, tmp_path):
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"a paper")
    who, today = "m@mediators.example", moment(real_clock()).date()
    soon, later = str(today + timedelta(30)), str(today + timedelta(700))
    settings = load({"ODR_INSTANCE": str(instance)})

    assert "is drawn once evidence is shown" in said(
        odr(instance, "mediator", "admit", who, "--name", "A mediator", "--languages", "en")
    )
    assert "lacks mediation, consumer_law" in said(odr(instance, "mediator", "list"))
    assert any(f"{who} is not drawn" in each.sentence for each in examine(settings))
    add = ("mediator", "credential", "add", who, "--issuer", "A school", "--document", str(paper))
    assert "Still missing: consumer_law." in said(odr(instance, *add, "--kind", "mediation", "--until", later))
    assert "Nothing that is needed is missing." in said(odr(instance, *add, "--kind", "consumer_law", "--until", soon))
    assert any(f"Evidence of {who} ends on {soon}" in each.sentence for each in examine(settings))

    listed = json.loads(odr(instance, "mediator", "credential", "list", "--json").stdout)
    assert [(each["email"], each["kind"], each["until"], each["document"], each["holds"]) for each in listed] == [
        (who, "mediation", later, PAPER, True),
        (who, "consumer_law", soon, PAPER, True),
    ]
    end = ("mediator", "credential", "end", who, listed[1]["id"])
    assert "lacks consumer_law" in said(odr(instance, *end))
    assert "no such credential" in odr(instance, *end).output
    assert "over  A school" in said(odr(instance, "mediator", "credential", "list", who))
    assert "Nobody with the address" in odr(instance, "mediator", "credential", "list", "x@y.example").output
    assert "That day is over" in odr(instance, *add, "--kind", "mediation", "--until", "2020-01-01").output
    assert odr(instance, "verify").exit_code == 0
