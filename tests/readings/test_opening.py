"""A registrar opens a dispute in which nothing waits for one: with a ground and a reason, for an hour, told to both."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from odr.house import House
from odr.log.integrator import seal_all
from odr.log.tables import payload
from odr.notices.tables import outbox
from odr.procedure import rules as procedure
from odr.procedure.access import AT_HAND
from odr.readings import service
from odr.readings.records import OPENED, READ, stream_beside
from odr.verify import verify_house
from odr.web.sentences import OPENING_GROUNDS
from odr.worker import run
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader, account, text
from tests.factors.test_step_up import give_app
from tests.readings.conftest import REASON, record

pytestmark = pytest.mark.one_database


def at(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}{path}"


def opening(dispute: ADispute) -> str:
    return at(dispute, "/opening")


def told(house: House) -> list[tuple[str, dict]]:
    query = select(outbox.c.side, outbox.c.params).where(outbox.c.template == "dispute_opened").order_by(outbox.c.id)
    with house.engine.connect() as connection:
        return [(row.side, dict(row.params)) for row in connection.execute(query)]


@pytest.fixture
def idle(dispute: ADispute) -> ADispute:
    """A dispute in which the sides bargain and nothing waits for a registrar."""
    return dispute.in_negotiation()


def test_what_waits_for_no_registrar_leads_to_a_page_that_shows_nothing_of_it(house, idle, registrar):
    asked = registrar.client.get(at(idle, "/admission?x=1"))
    assert (asked.status_code, asked.location) == (303, f"{opening(idle)}?next={at(idle, '/admission')}?x%3D1")

    page = registrar.read(asked.location)

    assert "Open this dispute with a reason" in page and idle.number in page
    assert "bicycle lights" not in page and "Example Bikes" not in page and "4890" not in page
    assert all(str(words) in page for words in OPENING_GROUNDS.values())
    assert record(house, idle) == []


def test_it_opens_for_one_hour_with_a_ground_and_a_reason_and_both_sides_are_told(house, idle, registrar, buyer, clock):
    page = f"{opening(idle)}?next={at(idle, '/holds')}"

    sent = registrar.send(page, {"opening_ground": "asked", "text": f"  {REASON} "})

    assert (sent.status_code, sent.location) == (303, at(idle, "/holds"))
    assert "Words that must be kept" in registrar.read(at(idle, "/holds"))
    assert "Two bicycle lights never arrived." in registrar.read(at(idle))
    opened, *read = record(house, idle)
    assert (opened.type, opened.actor, opened.role, opened.reach) == (
        OPENED,
        registrar.account_id,
        "registrar",
        "parties",
    )
    assert opened.data == {"ground": "asked", "until": clock() + AT_HAND}
    assert [each.data["permission"] for each in read] == ["hold:place", "dispute:read"]
    ground = {"number": idle.number, "ground": "asked"}
    assert told(house) == [("buyer", ground), ("seller", ground)]

    clock.advance(minutes=59)
    registrar.sign_in()
    assert registrar.client.get(at(idle)).status_code == 200
    clock.advance(minutes=1)
    assert registrar.client.get(at(idle)).location == f"{opening(idle)}?next={at(idle)}"
    assert [each.type for each in record(house, idle)] == [OPENED, READ, READ, READ]
    buyer.sign_in()
    assert REASON in buyer.read(at(idle, "/readings"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": REASON}, "Choose a ground of the list."),
        ({"opening_ground": "curiosity", "text": REASON}, "Choose a ground of the list."),
        ({"opening_ground": "fault"}, "reasons"),
        ({"opening_ground": "fault", "text": " \u200b "}, "reasons"),
        ({"opening_ground": "fault", "text": "x" * 20_001}, "20"),
    ],
)
def test_without_a_ground_or_a_reason_it_stays_closed_and_what_was_typed_stays(house, idle, registrar, given, sentence):
    sent = registrar.send(opening(idle), given)

    assert sent.status_code in (409, 422) and sentence in text(sent)
    assert given.get("text", "").strip() in sent.get_data(as_text=True)
    assert record(house, idle) == [] and told(house) == []
    assert registrar.client.get(at(idle)).status_code == 303


def test_sent_twice_it_is_opened_once(house, idle, registrar):
    hidden = registrar.hidden(opening(idle))

    for _ in range(2):
        sent = registrar.post(opening(idle), {**hidden, "opening_ground": "fault", "text": REASON})
        assert (sent.status_code, sent.location) == (303, at(idle))

    assert [each.type for each in record(house, idle)] == [OPENED]
    assert len(told(house)) == 2


def test_it_opens_to_that_registrar_and_for_that_dispute_only(app, house, idle, registrar):
    other = Reader(app, account(app, "other.registrar@example.org", "Other", "registrar"))
    another = a_dispute(house).in_negotiation()

    registrar.send(opening(idle), {"opening_ground": "fault", "text": REASON})

    assert other.client.get(at(idle)).status_code == 303
    assert registrar.client.get(at(another)).status_code == 303


def test_an_act_that_is_sent_into_a_closed_dispute_is_not_done_and_not_lost(house, dispute, registrar):
    """Another registrar was first, or the hour is over."""
    hidden = registrar.hidden(at(dispute, "/admission"), at(dispute, "/admission/refusal"))
    dispute.in_negotiation()

    sent = registrar.post(
        at(dispute, "/admission/refusal"), {**hidden, "refuse-ground": "late", "refuse-text": "Too old."}
    )

    assert sent.status_code == 409
    page = text(sent)
    assert "Nothing in this dispute waits for a registrar now" in page and "Too old." in page
    assert opening(dispute) in sent.get_data(as_text=True)
    assert [each.data["permission"] for each in record(house, dispute)] == ["desk:dispute"]


def test_who_acted_a_moment_ago_takes_the_receipt_along_without_a_reason(house, dispute, registrar, clock):
    registrar.send(at(dispute, "/admission"), {"admit-text": ""}, form_at=at(dispute, "/admission"))
    seal_all(house)

    receipt = registrar.client.get(at(dispute, "/entries/2/receipt"))

    assert receipt.status_code == 200
    assert record(house, dispute)[-1].data == {"permission": "receipt:read", "what": "receipt", "item": 2}


def test_nobody_learns_by_it_of_a_dispute_against_them_before_it_is_admitted(house, dispute, registrar):
    dispute.act(procedure.withdraw_dispute, dispute.buyer, text="")

    registrar.send(opening(dispute), {"opening_ground": "complaint", "text": REASON})

    assert [side for side, _ in told(house)] == ["buyer"]


def test_the_mail_says_that_it_was_opened_and_on_which_ground(app, house, idle, registrar, settings):
    registrar.send(opening(idle), {"opening_ground": "complaint", "text": REASON})

    assert run(app, once=True)

    mails = [each.read_text("utf-8") for each in (settings.instance / "mail").rglob("*.eml")]
    opened = [mail for mail in mails if "a registrar opened it" in mail]
    assert len(opened) == 2
    assert all("complained about the procedure" in mail and "cannot open the page" not in mail for mail in opened)


def test_it_asks_for_the_second_factor_once_more(house, idle, registrar, clock):
    give_app(registrar, house)
    clock.advance(minutes=6)

    sent = registrar.send(opening(idle), {"opening_ground": "fault", "text": REASON})

    assert sent.status_code == 403 and REASON in text(sent)
    assert record(house, idle) == []


def test_for_everybody_else_there_is_no_such_page(app, house, idle, buyer, seller, stranger, mediators):
    others = [buyer, seller, stranger, next(iter(mediators.readers.values()))]
    others += [Reader(app, account(app, f"{role}@example.org", role.title(), role)) for role in ("admin", "regulator")]
    for reader in others:
        assert reader.client.get(opening(idle)).status_code == 404
        assert reader.client.get(at(idle)).status_code == (200 if reader in (buyer, seller) else 404)
    assert record(house, idle) == []


def test_nobody_opens_what_concerns_them(app, house):
    own = Reader(app, account(app, "both@example.org", "Both", "registrar"))
    as_buyer = a_dispute(house, buyer_account=own.account_id).in_negotiation()
    named = a_dispute(
        house, texts={**as_buyer.filing.texts, "seller": '{"email": "both@example.org"}'}
    ).in_negotiation()

    assert own.client.get(opening(as_buyer)).status_code == 404
    assert own.client.get(opening(named)).status_code == 409


def test_where_something_waits_the_page_of_opening_leads_on(dispute, registrar):
    assert registrar.client.get(opening(dispute)).location == at(dispute)
    away = registrar.client.get(f"{opening(dispute)}?next=//evil.example/")
    assert away.location == at(dispute)


def test_the_reason_is_sealed_and_goes_with_the_words_of_the_dispute(house, idle, registrar, buyer):
    registrar.send(opening(idle), {"opening_ground": "asked", "text": REASON})
    with house.engine.begin() as connection:
        (sealed,) = connection.scalars(select(payload.c.sealed).where(payload.c.stream == stream_beside(idle.id)))
        assert REASON.encode() not in bytes(sealed)
        service.forget_reasons(connection, house, idle.id, "asked")
        # There is nothing left, and nothing is recorded twice.
        service.forget_reasons(connection, house, idle.id, "asked")
    seal_all(house)

    _, ordered, erased = record(house, idle)

    assert (ordered.type, ordered.data) == (
        "erasure_ordered",
        {"ground": "asked", "targets": [{"ver": 1, "names": ["text"]}]},
    )
    assert (erased.type, erased.data) == ("words_erased", {"ordered": 2})
    assert verify_house(house).findings == []
    page = buyer.read(at(idle, "/readings"))
    assert REASON not in page and "The reason was erased with words of the dispute." in page
    assert re.search(r"Opened the dispute\. The ground: A party asked for help\.", page)
