"""Delivery reports: what mail servers say of a notice after it has left the house, read as messages of strangers."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr
from pathlib import Path

FAILED, DELAYED, OTHER = "failed", "delayed", "other"
"""What a report says: it came back for good, it is late and still tried, or something that changes nothing."""

LARGEST_REPORT = 1_000_000
# A report quotes the first lines of the message; whatever comes later was written by somebody else.
READ_OF_A_TEXT = 64_000
DONE, UNKNOWN = "done", "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """One report on one of our notices. `code` holds digits and points of the server's status only."""

    mark: str
    what: str
    code: str


def read_report(raw: bytes, domain: str) -> Report | None:
    """What this message reports on a notice of the house at `domain`; None when it is no such report.

    A standard report (RFC 3464) says it in fields, others in words. An answer of a person or of an absence assistant is
    no report, however it quotes us.
    """
    message = message_from_bytes(raw, policy=compat32)
    parts = list(message.walk())
    status = next((part for part in parts if part.get_content_type() in _STATUS_PARTS), None)
    if status is not None:
        mark = _mark_of(_original_ids(parts), domain) or _mark_of(_ids_of(message), domain)
        what, code = _said_in_fields(_text_of(status))
    elif _comes_from_a_server(message):
        words = "\n".join(_text_of(part) for part in parts if part.get_content_type() == "text/plain")
        mark = _mark_of([words, *_original_ids(parts), *_ids_of(message)], domain)
        what, code = _said_in_words(message, words.partition(f"@{domain}>")[0])
    else:
        return None
    return Report(mark, what, code) if mark else None


_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
_ORIGINAL_PARTS = {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}


def _original_ids(parts: list[Message]) -> list[str]:
    """The Message-ID of what a report returns, which is a message or its headers alone."""
    found = []
    for part in parts:
        if part.get_content_type() in _ORIGINAL_PARTS:
            inner = part.get_payload()
            original = inner[0] if isinstance(inner, list) and inner else message_from_bytes(_text_of(part).encode())
            if isinstance(original, Message):
                found.append(str(original.get("Message-ID", "")))
    return found


def _ids_of(message: Message) -> list[str]:
    return [str(message.get(name, "")) for name in ("In-Reply-To", "References", "Original-Message-ID")]


def _mark_of(places: list[str], domain: str) -> str | None:
    """The one mark of ours that these places name; None when there is none, or more than one."""
    ours = re.compile(rf"<([0-9a-f]{{32}})@{re.escape(domain)}>")
    marks = {mark for place in places for mark in ours.findall(place)}
    return marks.pop() if len(marks) == 1 else None


_ACTION = re.compile(r"^Action:[ \t]*([A-Za-z]+)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"^Status:[ \t]*([245]\.[0-9]{1,3}\.[0-9]{1,3})", re.IGNORECASE | re.MULTILINE)
_ARRIVED = {"delivered", "relayed", "expanded"}


def _said_in_fields(text: str) -> tuple[str, str]:
    """What the fields say (RFC 3464, 2.3). An action "failed" is for good whatever class its status is of: it also
    ends a time of trying in vain."""
    actions = {action.lower() for action in _ACTION.findall(text)}
    statuses = _STATUS.findall(text)
    code = f"report_{statuses[-1]}" if statuses else "report"
    if actions & _ARRIVED:
        return OTHER, code
    if "failed" in actions or (not actions and any(status.startswith("5") for status in statuses)):
        return FAILED, code
    return (DELAYED if "delayed" in actions or statuses else OTHER), code


_SERVERS = {"mailer-daemon", "postmaster", "mail-daemon", "mdaemon"}
_REFUSED = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?!\.?\d)|(?<![\d.])5[0-5]\d(?=[ -])")
_STILL_TRIED = re.compile(
    r"delayed|deferred|will (?:be )?re-?tr(?:y|ied)|will keep trying|still trying|temporar", re.IGNORECASE
)


def _comes_from_a_server(message: Message) -> bool:
    sender = parseaddr(str(message.get("From", "")))[1]
    return sender.partition("@")[0].lower() in _SERVERS or "X-Failed-Recipients" in message


def _said_in_words(message: Message, words: str) -> tuple[str, str]:
    """What the words above the quoted message say; where they are unclear nothing is taken to have failed."""
    if _STILL_TRIED.search(f"{message.get('Subject', '')}\n{words}"):
        return DELAYED, "report"
    refused = _REFUSED.search(words)
    if refused:
        return FAILED, f"report_{refused[0]}"
    return (FAILED if "X-Failed-Recipients" in message else OTHER), "report"


def _text_of(part: Message) -> str:
    """The words of a part, whatever it claims about its letters; a status part is read as it stands."""
    inner = part.get_payload(decode=True)
    if isinstance(inner, bytes):
        return inner[:READ_OF_A_TEXT].decode("utf-8", "replace")
    blocks = part.get_payload()
    return "\n".join(str(block) for block in blocks)[:READ_OF_A_TEXT] if isinstance(blocks, list) else ""


# -- the folder ------------------------------------------------------------------------------------------------------


def waiting_reports(folder: Path, limit: int) -> Iterator[Path]:
    """The messages that lie in a maildir, oldest name first, at most `limit`."""
    names = [
        Path(entry.path)
        for part in (folder / "new", folder / "cur")
        if part.is_dir()
        for entry in os.scandir(part)
        if not entry.name.startswith(".")
    ]
    yield from sorted(names, key=lambda path: path.name)[:limit]


def open_report(path: Path) -> bytes | None:
    """The bytes of a message; None for what is none: a link, a pipe, a folder, something too large. Raises
    FileNotFoundError when another worker was first."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_REPORT:
        return None
    # What has taken its place since is no message either.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        return file.read(LARGEST_REPORT)


def put_away(folder: Path, path: Path, room: str) -> None:
    """Move a message that was looked at into a room of the folder."""
    (folder / room).mkdir(mode=0o700, exist_ok=True)
    # Another worker may have moved it; what it says was the same.
    with suppress(FileNotFoundError):
        path.replace(folder / room / path.name)


def forget_reports(folder: Path, before: int) -> None:
    """Delete what was put away and came before an instant: a report names people."""
    for room in (folder / DONE, folder / UNKNOWN):
        for path in room.iterdir() if room.is_dir() else ():
            with suppress(OSError):
                if path.lstat().st_mtime * 1000 < before:
                    path.unlink()
