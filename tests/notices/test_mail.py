"""Mail: every notice reads whole in each language, hides nobody's tricks, and leaves once."""

from __future__ import annotations

import email
import hashlib
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed

from odr.database import writing
from odr.house import House, Settings
from odr.notices.mail import (
    FolderPost,
    Press,
    PutOff,
    Recipient,
    SmtpPost,
    TurnedAway,
    make_link,
    open_post,
)
from odr.notices.outbox import Letter, entry_of
from odr.notices.rules import MEDIATOR, REMINDERS, RULES, SERVICE
from odr.people.links import find_link
from odr.web.language import init_language
from tests.notices.servers import Peer, a_free_port

pytestmark = pytest.mark.one_database

MAY = 1_778_846_400_000  # 15 May 2026, 12:00 UTC
NUMBER = "7K3M-Q9TZ-5"
EUR, JPY = {"minor": 114900, "currency": "EUR"}, {"minor": 7200, "currency": "JPY"}

TIME = {"number": NUMBER, "phase": "awaiting_response", "due": MAY, "holder": "seller", "step": "reply"}
SITTING = {**TIME, "holder": "mediator", "mediator": "1" * 32}
CLOSED = {
    **TIME,
    "phase": "closed",
    "step": "performance",
    "compliance": "due",
    "amounts": [EUR],
    "costs": [],
    "perform_by": MAY,
}

LETTERS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "verify_email": (None, {"language": "en"}),
    "email_known": (None, {}),
    "reset_password": (None, {}),
    "sign_in_link": (None, {}),
    "password_changed": (None, {}),
    "factor_changed": (None, {"what": "factor_added"}),
    "factor_reset": (None, {"what": "asked", "ground": "stolen", "until": MAY}),
    "account_changed": (None, {"what": "role_given", "role": "registrar", "ground": ""}),
    "administration": (None, {"what": "reset_asked"}),
    "party_suspended": (None, {"numbers": [NUMBER, NUMBER]}),
    "profile_named": (None, {"number": NUMBER}),
    "identity_changed": (None, {"what": "organisation_lost"}),
    "credential_lapses": (None, {"kind": "mediation", "until": "2026-05-31", "needed": True}),
    "mandate": (
        None,
        {
            "number": NUMBER,
            "dispute": "d" * 32,
            "representative": "9" * 32,
            "for_side": "buyer",
            "scope": "speak",
            "until": MAY,
        },
    ),
    "mandate_ended": (None, {"number": NUMBER, "for_side": "seller"}),
    "filing_received": ("buyer", {**TIME, "phase": "screening", "holder": "registrar", "amounts": [EUR]}),
    "information_asked": ("buyer", {**TIME, "step": "information", "holder": "buyer", "topics": ["order", "claim"]}),
    "filing_refused": ("buyer", {**TIME, "step": "review", "holder": "buyer", "ground": "seller_not_contacted"}),
    "filing_admitted": ("buyer", TIME),
    "invitation": (
        "seller",
        {
            **TIME,
            "category": "not_delivered",
            "remedies": ["refund", "costs"],
            "amounts": [EUR, JPY],
            "buyer_country": "DE",
            "ordered_on": "2026-03-27",
            "last_call_days": 3,
        },
    ),
    "reminder": (
        "seller",
        {
            **TIME,
            "category": "defective",
            "remedies": ["repair"],
            "amounts": [],
            "buyer_country": "CN",
            "ordered_on": "2026-03-27",
            "last_call_days": 3,
        },
    ),
    "by_post": (
        "seller",
        {
            **TIME,
            "category": "late",
            "remedies": ["apology"],
            "amounts": [EUR],
            "buyer_country": "DE",
            "ordered_on": "2026-03-27",
            "last_call_days": 3,
        },
    ),
    "reply_received": ("buyer", {**TIME, "choice": "contest", "holder": "both"}),
    "your_turn": ("seller", {**TIME, "step": "negotiation", "phase": "negotiation", "holder": "both"}),
    "last_call": ("seller", {**TIME, "step": "last_call"}),
    "deadline_near": ("buyer", {**TIME, "step": "evidence", "phase": "evidence", "holder": "both"}),
    "address_wanted": ("buyer", {**TIME, "step": "address", "holder": "buyer"}),
    "dispute_moved": ("buyer", {**TIME, "phase": "default_track", "due": None, "holder": None, "step": None}),
    "offer_received": ("buyer", {"number": NUMBER, "from": "seller", "amounts": [EUR], "expires": MAY}),
    "offer_accepted": ("seller", {"number": NUMBER, "by": "buyer", "amounts": []}),
    "settlement_to_sign": (
        "buyer",
        {**TIME, "step": "sign", "holder": "both", "phase": "settled", "amounts": [EUR], "perform_by": MAY + 1},
    ),
    "dispute_closed": ("buyer", {**CLOSED, "code": "settled_negotiation", "decided": False}),
    "performance_due": ("seller", {**CLOSED, "code": "decided_partly:accepted", "decided": True, "costs": [JPY]}),
    "confirmation_asked": (
        "buyer",
        {**TIME, "phase": "closed", "step": "confirmation", "holder": "buyer", "reported": True},
    ),
    "appointment": ("mediator", {**SITTING, "step": "appointment", "phase": "assignment"}),
    "mediator_appointed": (
        "seller",
        {**TIME, "step": "objection", "phase": "assignment", "holder": "both", "may_object": ["seller"]},
    ),
    "mediator_released": ("mediator", {"number": NUMBER, "mediator": "1" * 32, "reason": "objection"}),
    "evidence_requested": ("buyer", {"number": NUMBER, "due": MAY}),
    "proposal_received": (
        "buyer",
        {**TIME, "step": "mediation", "phase": "mediation", "holder": "mediator", "amounts": [EUR]},
    ),
    "decision_opened": (
        "buyer",
        {**TIME, "step": "final_words", "phase": "decision", "holder": "both", "fresh_until": MAY + 1},
    ),
    "decision_issued": (
        "seller",
        {
            **TIME,
            "step": "acceptance",
            "phase": "decided",
            "holder": "both",
            "outcome": "partly",
            "amounts": [EUR],
            "costs": [EUR],
            "seller_bound": False,
        },
    ),
    "dispute_suspended": (
        "buyer",
        {"number": NUMBER, "ground": "notice_returned", "until": MAY, "returned": ["buyer"]},
    ),
    "dispute_opened": ("buyer", {"number": NUMBER, "ground": "complaint"}),
    "dispute_resumed": ("mediator", {**SITTING, "step": "mediation", "phase": "mediation"}),
    "news": ("buyer", {**TIME, "about": "extension_asked", "facts": {"side": "seller"}, "holder": "both"}),
}


def letter(template: str, **changes: Any) -> Letter:
    side, params = LETTERS[template]
    values: dict[str, Any] = {
        "id": 7,
        "key": f"test/{template}",
        "mark": hashlib.sha256(template.encode()).hexdigest()[:32],
        "template": template,
        "account_id": None if side else "a" * 32,
        "email_sealed": None,
        "dispute_id": "d" * 32 if side else None,
        "side": side,
        "params": params,
        "created_at": MAY,
        "due_at": MAY,
        "attempts": 1,
        "leased_until": MAY,
        "lease_owner": "w" * 32,
    }
    return Letter(**values | changes)


def recipient(language: str = "en", zone: str = "Europe/Paris", email: str = "reader@example.org") -> Recipient:
    return Recipient(email, language, zone)


LINK = "https://evenhand.example/disputes/7K3M-Q9TZ-5"


@pytest.fixture
def house(app: Flask) -> House:
    house: House = app.extensions["odr"]
    return house


@pytest.fixture
def press(app: Flask, house: House) -> Iterator[Press]:
    with app.app_context():
        yield Press(app.jinja_env, replace(house.settings, public_url="https://evenhand.example"))


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


# -- the receipt ---------------------------------------------------------------------------------------------------

TOLD = "dispute/" + "d" * 32 + "/17/offer_received/buyer"


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_a_receipt_travels_as_the_bytes_it_is(press: Press, language: str) -> None:
    receipt = b"c2sp.org/tlog-proof@v1\nextra " + b"QUJD" * 500 + b"\n\n\xe2\x80\x94 a note\n"

    message = press.render(letter("offer_received", key=TOLD), recipient(language), LINK, MAY, receipt)
    read = email.message_from_bytes(bytes(message), policy=SMTP)

    (attached,) = read.iter_attachments()
    assert (attached.get_content(), attached.get_content_type()) == (receipt, "application/octet-stream")
    assert attached.get_filename() == f"evenhand-{NUMBER}-17.tlog-proof"
    assert "(%" not in text_of(read) and read.get_body(("html",)) is not None
    assert read["Content-Language"] == language.replace("_", "-")


def test_a_notice_of_an_act_says_where_its_receipt_is(press: Press) -> None:
    told = letter("offer_received", key=TOLD)
    sayings = {
        "attached": press.render(told, recipient(), LINK, MAY, b"a receipt"),
        "in the docket": press.render(told, recipient(), LINK, MAY),
    }

    for where, message in sayings.items():
        assert where in text_of(message) and where in text_of(message, "html")
        assert text_of(message).count(LINK) == 1 and re.findall(r'href="([^"]*)"', text_of(message, "html")) == [LINK]


@pytest.mark.parametrize(
    ("key", "side", "version"),
    [
        (TOLD, "buyer", 17),
        ("dispute/" + "d" * 32 + "/17/dispute_closed/seller", "seller", 17),
        ("dispute/" + "d" * 32 + "/17/news/mediator", "mediator", None),
        ("dispute/" + "d" * 32 + "/17/1778846400000/deadline_near/buyer", "buyer", None),
        ("dispute/" + "d" * 32 + "/gathered/17/message_sent/buyer/news/seller", "seller", None),
        ("dispute/" + "d" * 32 + "/post", "seller", None),
        ("account/7/password_changed", None, None),
    ],
)
def test_only_what_tells_a_side_of_one_entry_has_a_receipt(key: str, side: str | None, version: int | None) -> None:
    assert entry_of(letter("news", key=key, side=side)) == version


# -- the words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
@pytest.mark.parametrize("template", LETTERS)
def test_every_mail_reads_whole_in_every_language(press: Press, template: str, language: str) -> None:
    message = press.render(letter(template), recipient(language), LINK, MAY)

    text, html = text_of(message), text_of(message, "html")
    assert message["Subject"] and "\n" not in message["Subject"] and "\r" not in message["Subject"]
    assert text.count(LINK) == 1
    assert re.findall(r'href="([^"]*)"', html) == [LINK]
    assert "LazyString" not in text + html and "None" not in text and "%(" not in text + html
    assert "\n\n\n" not in text and "&amp;" not in text
    assert f'lang="{language.replace("_", "-")}"' in html
    assert ("2026年" in text) == (language == "zh_Hans" and "2026" in text)


def test_every_notice_of_the_rules_has_a_mail_and_every_mail_a_sample() -> None:
    folder = Path(__file__).parents[2] / "templates" / "mail"
    frame = {"layout", "parts", "subject", "foot", "check", "words"}

    assert {path.stem for path in folder.glob("*.txt")} - frame == set(LETTERS)
    assert {line.template for lines in RULES.values() for line in lines} | REMINDERS | SERVICE <= set(LETTERS)


def test_both_parts_of_a_mail_say_the_same(press: Press) -> None:
    message = press.render(letter("invitation"), recipient(), LINK, MAY)

    shown = re.sub(r"<head>.*</head>|<[^>]+>", " ", text_of(message, "html"), flags=re.S)
    words = [word for word in text_of(message).replace("--", " ").split() if word != LINK]
    assert [word for word in shown.split() if word != LINK] == words


def test_a_deadline_is_told_in_the_readers_zone_and_in_utc(press: Press) -> None:
    paris = text_of(press.render(letter("last_call"), recipient(), LINK, MAY))
    auckland = text_of(press.render(letter("last_call"), recipient(zone="Pacific/Auckland"), LINK, MAY))
    nowhere = text_of(press.render(letter("last_call"), recipient(zone="Nowhere/At_All"), LINK, MAY))

    assert "15 May 2026, 14:00 Paris time (12:00 UTC)" in paris
    assert "16 May 2026, 00:00 Auckland time (15 May 2026, 12:00 UTC)" in auckland
    assert "15 May 2026, 12:00 UTC" in nowhere


def test_the_day_in_a_subject_is_one_on_which_nobody_anywhere_is_late(press: Press) -> None:
    message = press.render(letter("invitation"), recipient(zone="Pacific/Auckland"), LINK, MAY)

    assert message["Subject"] == f"Dispute {NUMBER}: please reply by 14 May 2026"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("template", LETTERS)
def test_a_day_that_a_subject_names_stands_in_the_mail_too(press: Press, template: str, zone: str) -> None:
    message = press.render(letter(template), recipient(zone=zone), LINK, MAY)

    for day in re.findall(r"\d+ \w+ 20\d\d", message["Subject"]):
        assert f"Last whole day, wherever you are\n    {day}\n" in text_of(message)


def test_amounts_are_exact_and_currencies_are_never_added(press: Press) -> None:
    text = text_of(press.render(letter("invitation"), recipient(), LINK, MAY))

    assert "1,149.00\N{NO-BREAK SPACE}EUR and 7,200\N{NO-BREAK SPACE}JPY" in text


def test_a_language_that_the_house_does_not_speak_is_answered_in_its_first(press: Press) -> None:
    message = press.render(letter("verify_email"), recipient("tlh"), LINK, MAY)

    assert message["Content-Language"] == "en"


def test_a_letter_that_lacks_a_word_does_not_leave(press: Press) -> None:
    with pytest.raises(Exception, match="undefined"):
        press.render(letter("your_turn", params={"number": NUMBER}), recipient(), LINK, MAY)


# -- what stands around the words ----------------------------------------------------------------------------------


def test_a_retry_has_the_same_message_id_and_another_letter_has_another(press: Press) -> None:
    first = press.render(letter("news"), recipient(), LINK, MAY)
    again = press.render(letter("news", attempts=4), recipient(), LINK + "?later", MAY + 60_000)
    other = press.render(letter("news", mark="0" * 32), recipient(), LINK, MAY)

    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@[a-z.]+>", first["Message-ID"])


def test_a_row_of_the_release_before_keeps_the_name_that_reports_on_it_know(press: Press) -> None:
    message = press.render(letter("news", key="test/news", mark=None), recipient(), LINK, MAY)

    known_by_key = hashlib.sha256(b"odr/message/v1\ntest/news").hexdigest()[:32]
    assert message["Message-ID"] == f"<{known_by_key}@localhost>"


def test_a_mail_says_that_a_machine_sent_it_and_when(press: Press) -> None:
    message = press.render(letter("news"), recipient(), LINK, MAY)

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Fri, 15 May 2026 12:00:00 +0000"
    assert message["From"] == "Evenhand <evenhand@localhost>"


HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"]


@given(
    address=st.one_of(
        st.text(max_size=40),
        st.builds(
            lambda before, trick, after: f"{before}{trick}{after}@example.org",
            st.text("abc.@ ", max_size=5),
            st.sampled_from(
                ["\r\nBcc: x@example.org", "\n", "\r", "\x0b", "\x85", "\u2028", ",", ";", "<", "\x00", "\u202e"]
            ),
            st.text("abc.@ >", max_size=5),
        ),
    )
)
def test_no_address_can_add_a_header_or_a_second_recipient(frame: Press, address: str) -> None:
    try:
        raw = bytes(frame.render(letter("verify_email"), recipient(email=address), LINK, MAY))
    except TurnedAway as end:
        assert end.code == "address_malformed"
        return

    read = email.message_from_bytes(raw, policy=SMTP)
    assert [name for name in read.keys() if not name.startswith("Content-")] == HEADERS
    assert len(read["To"].addresses) == 1


def test_a_domain_with_a_sharp_s_is_not_written_to_as_if_it_had_two(frame: Press) -> None:
    """To the names of 2003 they are one; whoever owns the other would be mailed the links."""
    raw = bytes(frame.render(letter("verify_email"), recipient(email="holder@straße.example"), LINK, MAY))

    assert b"To: holder@xn--strae-oqa.example" in raw


@given(number=st.text(max_size=30).filter(lambda text: not text.isprintable()))
def test_no_control_sign_gets_into_a_subject(frame: Press, number: str) -> None:
    tricky = letter("news", params={**LETTERS["news"][1], "number": number})

    try:
        raw = bytes(frame.render(tricky, recipient(), LINK, MAY))
    except ValueError:
        return
    read = email.message_from_bytes(raw, policy=SMTP)
    assert [name for name in read.keys() if not name.startswith("Content-")] == HEADERS


@pytest.fixture(scope="module")
def frame() -> Iterator[Press]:
    """A press without a house, since a property is tried many times."""
    settings = Settings(
        instance=Path(), database_url="", secret_key="", mail_url="", master_key_file=Path(), signing_key_file=Path()
    )
    app = Flask("frame", template_folder=str(Path(__file__).parents[2] / "templates"))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    init_language(app)
    with app.app_context():
        yield Press(app.jinja_env, settings)


def test_nothing_in_a_letter_becomes_markup(app: Flask, house: House) -> None:
    named = replace(house.settings, operator_name="Fair & <b>Even</b>")
    with app.app_context():
        message = Press(app.jinja_env, named).render(letter("verify_email"), recipient(), LINK, MAY)

    assert "Fair & <b>Even</b>" in text_of(message)
    assert "Fair &amp; &lt;b&gt;Even&lt;/b&gt;" in text_of(message, "html")


# -- the link ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", LETTERS)
def test_every_link_leads_to_a_page_of_the_house(app: Flask, house: House, template: str) -> None:
    with writing(house.engine) as connection:
        link = make_link(connection, house.settings, letter(template), replace(recipient(), account_id="a" * 32), MAY)

    assert link.startswith("http://127.0.0.1:8000/")
    path = link.removeprefix("http://127.0.0.1:8000")
    try:
        app.url_map.bind("127.0.0.1").match(path)
    except MethodNotAllowed:
        pytest.fail(f"{path} cannot be opened from a mail")


def test_a_link_never_follows_a_request(app: Flask, house: House) -> None:
    with app.test_request_context(headers={"Host": "evil.example"}), writing(house.engine) as connection:
        link = make_link(connection, house.settings, letter("reset_password"), recipient(), MAY)

    assert link.startswith("http://127.0.0.1:8000/password/reset/")


def test_a_seller_without_an_account_comes_in_by_each_mail(house: House) -> None:
    with writing(house.engine) as connection:
        link = make_link(connection, house.settings, letter("offer_received", side="seller"), recipient(), MAY)
        found = find_link(connection, link.rpartition("/")[2], "invite")

    assert "/invitation/" in link
    assert found is not None and (found.dispute_id, found.email) == ("d" * 32, "reader@example.org")


def test_whoever_has_an_account_signs_in_to_see_the_dispute(house: House) -> None:
    signed_up = replace(recipient(), account_id="a" * 32)
    with writing(house.engine) as connection:
        link = make_link(connection, house.settings, letter("offer_received", side="seller"), signed_up, MAY)

    assert link == f"http://127.0.0.1:8000/disputes/{NUMBER}"


TO_MEDIATORS = {line.template for lines in RULES.values() for line in lines if line.to == MEDIATOR} | {"deadline_near"}


@pytest.mark.parametrize("template", sorted(TO_MEDIATORS))
def test_a_mediator_is_led_to_the_dispute_by_each_mail_while_in_it(house: House, press: Press, template: str) -> None:
    sent = letter(template, side="mediator", params={**LETTERS[template][1], "mediator": "1" * 32})
    signed_up = replace(recipient(), account_id="a" * 32)
    with writing(house.engine) as connection:
        link = make_link(connection, house.settings, sent, signed_up, MAY)

    assert link == f"http://127.0.0.1:8000/disputes/{NUMBER}"
    assert "on the roster of mediators" in text_of(press.render(sent, signed_up, link, MAY))


def test_a_verification_is_bound_to_the_address_it_goes_to(house: House) -> None:
    with writing(house.engine) as connection:
        link = make_link(connection, house.settings, letter("verify_email", account_id=None), recipient(), MAY)
        found = find_link(connection, link.rpartition("/")[2], "verify")

    assert found is not None and found.email == "reader@example.org"


# -- the folder ----------------------------------------------------------------------------------------------------


def test_a_folder_holds_each_message_once_and_whole(press: Press, tmp_path: Path) -> None:
    post = open_post(f"folder://{tmp_path}/mail")
    first = press.render(letter("news"), recipient(), LINK, MAY)
    again = press.render(letter("news"), recipient(), LINK + "?later", MAY + 60_000)

    post.deliver(letter("news"), first)
    post.deliver(letter("news"), again)

    (file,) = (tmp_path / "mail" / "new").iterdir()
    assert file.suffix == ".eml" and file.read_bytes() == bytes(first)
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_puts_the_letter_off(press: Press, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")

    with pytest.raises(PutOff) as put_off:
        FolderPost(tmp_path / "mail").deliver(letter("news"), press.render(letter("news"), recipient(), LINK, MAY))

    assert not isinstance(put_off.value, TurnedAway)


def test_mail_leaves_by_known_ways_only() -> None:
    with pytest.raises(ValueError, match="mail leaves by"):
        open_post("gopher://example.org")


# -- a mail server -------------------------------------------------------------------------------------------------


@pytest.fixture
def peer(unused_port: int) -> Iterator[Peer]:
    with Peer(unused_port).serving() as peer:
        yield peer


@pytest.fixture
def deliver(peer: Peer, press: Press) -> Iterator[Callable[[str], None]]:
    post = open_post(f"smtp://127.0.0.1:{peer.port}?starttls=never")

    def deliver(template: str) -> None:
        post.deliver(letter(template), press.render(letter(template), recipient(), LINK, MAY))

    yield deliver
    post.close()


def message_ids(peer: Peer) -> list[str]:
    return [message["Message-ID"] for message in peer.messages]


def test_a_server_gets_the_message_whole(peer: Peer, deliver: Callable[[str], None]) -> None:
    deliver("invitation")
    deliver("news")

    read = email.message_from_bytes(peer.taken[0], policy=SMTP)
    assert read["To"] == "reader@example.org"
    assert "A buyer in Germany has filed a dispute" in text_of(read)
    assert len(set(message_ids(peer))) == 2


@pytest.mark.parametrize(
    ("rcpt", "data", "kind", "code"),
    [
        ("450 4.2.1 busy", "250 OK", PutOff, "smtp_450"),
        ("550 5.1.1 no such user <reader@example.org>", "250 OK", TurnedAway, "smtp_550"),
        ("250 OK", "451 4.3.0 later", PutOff, "smtp_451"),
        ("250 OK", "554 5.7.1 not this", TurnedAway, "smtp_554"),
    ],
)
def test_a_refusal_is_for_now_or_for_good(
    peer: Peer, deliver: Callable[[str], None], rcpt: str, data: str, kind: type[PutOff], code: str
) -> None:
    peer.rcpt, peer.data = rcpt, data

    with pytest.raises(PutOff) as refusal:
        deliver("news")

    assert (type(refusal.value), refusal.value.code) == (kind, code)
    # The next letter goes over the same connection as if nothing had been.
    peer.rcpt = peer.data = "250 OK"
    deliver("invitation")
    assert len(peer.taken) == 1


def test_a_server_that_hangs_up_with_the_message_in_hand_gets_it_again_recognisably(
    peer: Peer, deliver: Callable[[str], None]
) -> None:
    peer.hangs_up = True
    with pytest.raises(PutOff) as lost:
        deliver("news")
    assert lost.value.code == "connection_lost" and not isinstance(lost.value, TurnedAway)

    peer.hangs_up = False
    deliver("news")

    first, again = message_ids(peer)
    assert first == again


def test_without_starttls_nothing_is_said_to_a_server_on_the_open_line(peer: Peer, press: Press) -> None:
    post = open_post(f"smtp://user:secret@127.0.0.1:{peer.port}")

    with pytest.raises(PutOff) as refusal:
        post.deliver(letter("news"), press.render(letter("news"), recipient(), LINK, MAY))

    assert refusal.value.code == "starttls_missing" and peer.taken == []


def test_a_server_that_is_away_puts_the_letter_off(press: Press, unused_port: int) -> None:
    post = open_post(f"smtp://127.0.0.1:{unused_port}?starttls=never")

    with pytest.raises(PutOff) as refusal:
        post.deliver(letter("news"), press.render(letter("news"), recipient(), LINK, MAY))

    assert refusal.value.code == "connection_refused"


@pytest.fixture
def unused_port() -> int:
    return a_free_port()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has vouched for, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    held = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + held)
    return path


@pytest.fixture
def careful_peer(unused_port: int, certificate: Path) -> Iterator[Peer]:
    """A server that takes nothing before STARTTLS and from nobody but "house" with the password "open sesame"."""
    peer = Peer(unused_port)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
        return AuthResult(success=(said.login, said.password) == (b"house", b"open sesame"), handled=False)

    options = {"tls_context": tls, "require_starttls": True, "authenticator": known, "auth_required": True}
    with peer.serving(**options):
        yield peer


def say_to(peer: Peer, press: Press, who: str) -> None:
    post = open_post(f"smtp://{who}@127.0.0.1:{peer.port}")
    try:
        post.deliver(letter("news"), press.render(letter("news"), recipient(), LINK, MAY))
    finally:
        post.close()


def test_a_careful_server_is_spoken_to_under_tls_and_by_name(
    careful_peer: Peer, certificate: Path, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    say_to(careful_peer, press, "house:open%20sesame")

    assert len(careful_peer.taken) == 1


def test_a_wrong_password_of_ours_is_not_the_recipients_fault(
    careful_peer: Peer, certificate: Path, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with pytest.raises(PutOff) as refusal:
        say_to(careful_peer, press, "house:wrong")

    assert (type(refusal.value), refusal.value.code) == (PutOff, "smtp_535")


def test_a_server_that_nobody_vouches_for_gets_neither_password_nor_mail(careful_peer: Peer, press: Press) -> None:
    with pytest.raises(PutOff) as refusal:
        say_to(careful_peer, press, "house:open%20sesame")

    assert refusal.value.code == "tls_refused" and careful_peer.taken == []


def test_a_server_is_reached_as_its_setting_says() -> None:
    post = open_post("smtps://us%40er:p%3Aw@mail.example.org")

    assert isinstance(post, SmtpPost)
    assert (post._host, post._port, post._user, post._password) == ("mail.example.org", 465, "us@er", "p:w")
