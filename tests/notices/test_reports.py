"""Delivery reports: what mail servers say is understood, what others say is not believed, and nothing breaks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.notices.reports import (
    DELAYED,
    DONE,
    FAILED,
    LARGEST_REPORT,
    OTHER,
    UNKNOWN,
    Report,
    forget_reports,
    open_report,
    put_away,
    read_report,
    waiting_reports,
)

MARK = "0123456789abcdef" * 2
DOMAIN = "evenhand.example"
ID = f"<{MARK}@{DOMAIN}>"

ORIGINAL = f"""\
From: Evenhand <notices@{DOMAIN}>
To: seller@shop.example
Subject: Dispute 7K3M-Q9TZ-5: please reply by 14 May 2026
Message-ID: {ID}

A buyer has filed a dispute.
"""


def a_report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    original: str = ORIGINAL,
    original_type: str = "message/rfc822",
    status_type: str = "message/delivery-status",
    blocks: str = "",
    top: str = "",
) -> bytes:
    """A standard report, RFC 3464, as most mail servers write it."""
    fields = blocks or f"Final-Recipient: rfc822; seller@shop.example\nAction: {action}\nStatus: {status}\n"
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.shop.example (Mail Delivery System)
To: notices@{DOMAIN}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
{top}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I could not deliver your message to seller@shop.example.

--b1
Content-Type: {status_type}

Reporting-MTA: dns; mx.shop.example

{fields}
--b1
Content-Type: {original_type}

{original}
--b1--
""".encode()


@pytest.mark.parametrize(
    ("action", "status", "what"),
    [
        ("failed", "5.1.1", FAILED),
        ("failed (expired)", "4.4.7", FAILED),
        ("FAILED", "5.7.26", FAILED),
        ("delayed", "4.4.1", DELAYED),
        ("delivered", "2.0.0", OTHER),
        ("relayed", "2.0.0", OTHER),
        ("expanded", "2.0.0", OTHER),
    ],
)
def test_a_standard_report_says_it_in_its_fields(action: str, status: str, what: str) -> None:
    assert read_report(a_report(action=action, status=status), DOMAIN) == Report(MARK, what, f"report_{status}")


@pytest.mark.parametrize(
    ("original", "kind"),
    [
        (ORIGINAL, "message/rfc822"),
        (ORIGINAL.partition("\n\n")[0] + "\n", "text/rfc822-headers"),
        (ORIGINAL, "message/global"),
    ],
)
def test_the_notice_is_known_by_what_the_report_returns_of_it(original: str, kind: str) -> None:
    assert read_report(a_report(original=original, original_type=kind), DOMAIN) == Report(MARK, FAILED, "report_5.1.1")


def test_a_report_that_returns_nothing_may_name_the_notice_in_its_head() -> None:
    raw = a_report(original="gone", original_type="text/plain", top=f"In-Reply-To: {ID}\n")

    assert read_report(raw, DOMAIN) == Report(MARK, FAILED, "report_5.1.1")


def test_a_report_in_other_letters_is_read_too() -> None:
    raw = a_report(status_type="message/global-delivery-status")

    assert read_report(raw, DOMAIN) == Report(MARK, FAILED, "report_5.1.1")


def test_a_report_that_names_no_action_is_read_by_its_status() -> None:
    assert read_report(a_report(blocks="Status: 5.2.1\n"), DOMAIN) == Report(MARK, FAILED, "report_5.2.1")
    assert read_report(a_report(blocks="Status: 4.2.2\n"), DOMAIN) == Report(MARK, DELAYED, "report_4.2.2")
    assert read_report(a_report(blocks="X-Nothing: 1\n"), DOMAIN) == Report(MARK, OTHER, "report")


def test_what_arrived_at_one_of_several_mailboxes_behind_an_address_arrived() -> None:
    both = "Action: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.0.0\n"

    found = read_report(a_report(blocks=both), DOMAIN)
    assert found is not None and found.what == OTHER


def test_what_the_returned_message_says_is_not_what_the_server_says() -> None:
    planted = ORIGINAL + "\nAction: failed\nStatus: 5.1.1\n"

    found = read_report(a_report(action="delayed", status="4.4.1", original=planted), DOMAIN)
    assert found is not None and found.what == DELAYED


@pytest.mark.parametrize(
    "original",
    [
        ORIGINAL.replace(DOMAIN, "another.example"),
        ORIGINAL.replace(MARK, MARK.upper()),
        ORIGINAL.replace(ID, f"{ID} <{'f' * 32}@{DOMAIN}>"),
        ORIGINAL.replace(f"Message-ID: {ID}\n", ""),
    ],
)
def test_a_report_on_a_message_that_is_not_surely_ours_is_none(original: str) -> None:
    assert read_report(a_report(original=original), DOMAIN) is None


def in_words(sender: str, subject: str, words: str, top: str = "") -> bytes:
    return f"From: {sender}\nTo: notices@{DOMAIN}\nSubject: {subject}\n{top}\n{words}\n\n{ORIGINAL}".encode()


QMAIL = """Hi. This is the qmail-send program at mx.shop.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<seller@shop.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message."""
EXIM = """A message that you sent could not be delivered to one or more of its recipients.

  seller@shop.example
    Unrouteable address"""


def test_a_report_in_words_is_understood_where_it_comes_from_a_server_and_is_clear() -> None:
    server = "MAILER-DAEMON@mx.shop.example"
    exim = "X-Failed-Recipients: seller@shop.example\nAuto-Submitted: auto-replied\n"
    plain = "host mx.shop.example said: 550 No such user"

    assert read_report(in_words(server, "failure notice", QMAIL), DOMAIN) == Report(MARK, FAILED, "report_5.1.1")
    assert read_report(in_words(server, "Mail delivery failed", EXIM, exim), DOMAIN) == Report(MARK, FAILED, "report")
    assert read_report(in_words(server, "Undeliverable", plain), DOMAIN) == Report(MARK, FAILED, "report_550")


@pytest.mark.parametrize(
    ("subject", "words", "what"),
    [
        ("Warning: message delayed 4 hours", "It has not been delivered yet. 5.1.1 may follow.", DELAYED),
        ("Warning", "451 4.7.1 greylisted. We will keep trying for 3 days.", DELAYED),
        ("Your message", "It was handed to the host at 5.101.10.20 in good order.", OTHER),
        ("Your message", "Ticket 55012 was opened.", OTHER),
    ],
)
def test_a_report_in_words_that_says_nothing_for_good_changes_nothing(subject: str, words: str, what: str) -> None:
    found = read_report(in_words("postmaster@mx.shop.example", subject, words), DOMAIN)

    assert found is not None and found.what == what


@pytest.mark.parametrize(
    "top", ["", "Auto-Submitted: auto-replied\n", f"In-Reply-To: {ID}\n", "Return-Path: <>\nPrecedence: bulk\n"]
)
def test_an_answer_of_a_person_or_of_an_absence_assistant_is_no_report(top: str) -> None:
    words = "I am away until 5 May. 550 5.1.1 User unknown."

    assert read_report(in_words("The seller <seller@shop.example>", "Re: Dispute", words, top), DOMAIN) is None


@given(cut=st.integers(0, 900), noise=st.binary(max_size=80), tail=st.integers(0, 900))
def test_a_broken_report_does_no_harm(cut: int, noise: bytes, tail: int) -> None:
    raw = a_report()

    found = read_report(raw[:cut] + noise + raw[tail:], DOMAIN)

    assert found is None or (found.mark == MARK and found.what in (FAILED, DELAYED, OTHER))


@given(st.binary(max_size=400))
def test_any_bytes_at_all_do_no_harm(raw: bytes) -> None:
    assert read_report(raw, DOMAIN) is None


@given(status=st.text(max_size=40), action=st.text(max_size=40))
def test_a_code_holds_nothing_that_a_stranger_wrote(status: str, action: str) -> None:
    try:
        raw = a_report(status=status, action=action)
    except UnicodeEncodeError:
        return
    found = read_report(raw, DOMAIN)

    assert found is None or set(found.code) <= set("report_0123456789.")


# -- the folder ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (tmp_path / "reports" / part).mkdir(parents=True)
    return tmp_path / "reports"


def test_messages_are_taken_from_both_rooms_of_a_maildir_and_not_while_they_are_written(folder: Path) -> None:
    for place in ("new/2.a", "cur/1.b:2,S", "tmp/0.c", "new/.hidden"):
        (folder / place).write_bytes(a_report())

    assert [path.name for path in waiting_reports(folder, 10)] == ["1.b:2,S", "2.a"]
    assert [path.name for path in waiting_reports(folder, 1)] == ["1.b:2,S"]


def test_a_folder_that_is_not_there_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert list(waiting_reports(tmp_path / "nowhere", 10)) == []


def _link(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_bytes(a_report())
    path.symlink_to(secret)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_REPORT + 1)


@pytest.mark.parametrize("make", [_link, _large, os.mkfifo, Path.mkdir], ids=["link", "large", "pipe", "folder"])
def test_what_is_no_message_is_not_read_and_is_put_away(folder: Path, make: Callable[[Path], None]) -> None:
    path = folder / "new" / "1.a"
    make(path)

    assert open_report(path) is None
    put_away(folder, path, UNKNOWN)

    assert list(waiting_reports(folder, 10)) == []
    assert (folder / UNKNOWN / "1.a").lstat()


def test_a_report_that_another_worker_took_first_is_nobodys_trouble(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_report(folder / "new" / "gone")
    put_away(folder, folder / "new" / "gone", DONE)

    assert list((folder / DONE).iterdir()) == []


def test_what_was_put_away_is_forgotten_after_a_while(folder: Path) -> None:
    for name, at in (("old", 1_000), ("young", 3_000)):
        (folder / "new" / name).write_bytes(a_report())
        put_away(folder, folder / "new" / name, DONE)
        os.utime(folder / DONE / name, (at, at))

    forget_reports(folder, 2_000_000)

    assert [path.name for path in (folder / DONE).iterdir()] == ["young"]
