"""Everything that one reader can fetch of a house: every page, every download, every mail, and what refusals say."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from html import unescape
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

from flask import Flask
from werkzeug.test import TestResponse

from odr.house import House
from odr.kernel import new_pseudonym
from odr.log import receipt
from tests.builders import ADispute
from tests.disputes.readers import Reader
from tests.doors import LAST, doors_of, token_of

HREF = re.compile(r"""\b(?:href|src|action|data-[a-z-]+)="(/[^"]*)\"""")
MOST = 600


def all_read(app: Flask, reader: Reader, dispute: ADispute, email: str) -> dict[str, str]:
    """What this reader gets to see, by where it was found, as text: bodies and headers, files and mails."""
    return {
        **dict(_followed(reader, dispute)),
        **dict(_opened(app, reader, dispute)),
        **dict(_sent_to(app.extensions["odr"], email)),
    }


def _followed(reader: Reader, dispute: ADispute) -> Iterator[tuple[str, str]]:
    """Every address that links lead to from the front page, the desk and the dispute."""
    waiting = ["/", "/desk/mediator", f"/disputes/{dispute.number}", f"/disputes/{dispute.number}?show=offers"]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        answer = reader.client.get(path)
        body = _body(answer)
        yield f"GET {path}", f"{answer.headers}\n{unescape(body)}"
        links = HREF.findall(body) + ([answer.location] if answer.location else [])
        for link in links:
            address = urljoin(path, unescape(link).split("#")[0])
            if address.startswith("/") and not address.startswith("/static/") and address not in seen:
                assert len(seen) < MOST, "the walk has no end"
                seen.add(address)
                waiting.append(address)


def _opened(app: Flask, reader: Reader, dispute: ADispute) -> Iterator[tuple[str, str]]:
    """Every address of the dispute with its blanks filled in, whether or not a link leads there; and what every form
    answers that is not this reader's to send."""
    token = token_of(reader)
    for door in doors_of(app):
        if "number" not in door.blanks or door.endpoint in LAST:
            continue
        varied = {"offer", "proposal", "item"} & set(door.blanks)
        entries = map(str, range(dispute.state.version + 2))
        for place in entries if "version" in door.blanks else ("0", "1", "2") if varied else ("0",):
            path = door.path(
                number=dispute.number, offer=place, proposal=place, item=place, version=place, choice="contest"
            )
            if door.method == "GET":
                answer = reader.client.get(path)
            else:
                # The form is empty but for its key, so that nothing comes of it.
                sent = {"csrf_token": token, "key": new_pseudonym(), "seen": "0" * 64}
                answer = reader.client.post(path, data=sent) if _harmless(door.endpoint) else None
            if answer is not None:
                yield f"{door.method} {path}", f"{answer.headers}\n{unescape(_body(answer))}"


def _body(answer: TestResponse) -> str:
    """The words of an answer; of a receipt also those of the entry in it, of an archive those of all its members."""
    raw = answer.get_data()
    if answer.mimetype == "application/zip":
        with zipfile.ZipFile(BytesIO(raw)) as file:
            return "\n".join(_words(file.read(name)) for name in file.namelist())
    return _words(raw)


def _words(raw: bytes) -> str:
    carried = receipt.read(raw).entry if raw.startswith(receipt.HEADER.encode()) else b""
    return (raw + carried).decode("utf-8", "replace")


# Acts that an empty form is enough for: sent by whom they belong to, they would change what is walked through.
_ONE_PRESS = {"mediation.decline", "mediation.closing", "decision.draft", "decision.copy_draft"}


def _harmless(endpoint: str) -> bool:
    return endpoint not in _ONE_PRESS


def _sent_to(house: House, email: str) -> Iterator[tuple[str, str]]:
    """Every mail that went to this address, headers and all its parts."""
    for file in sorted(Path(house.settings.mail_url.removeprefix("folder://")).rglob("*.eml")):
        mail = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
        if email in str(mail["to"]):
            parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
            yield f"mail {file.name}", unescape("\n".join([str(mail.items()), *parts]))
