"""How somebody's own data read: what becomes of the words dispute by dispute, and the page of the copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import current_app, render_template
from flask_babel import lazy_gettext as _

from odr.casefile.archive import Listed, Member
from odr.disputes.filters import country
from odr.erasure import records
from odr.erasure.queries import Outlook
from odr.erasure.records import Copy, OwnDispute
from odr.house import House
from odr.kernel import moment
from odr.procedure.access import WORDS_KEPT
from odr.procedure.deadlines import DAY
from odr.web import sentences
from odr.web.filters import day_markup, instant_markup, link_to, paragraphs
from odr.web.language import language

Row = dict[str, Any]

SHEETS = ("tokens", "base", "parts", "print")
# Words made for machines, and words that are objects of several.
_MACHINE_WORDS = frozenset({"file"})
_OBJECTS = frozenset({"order", "buyer", "seller"})
_WORD_NAMES = {
    "narrative": _("What happened"),
    "text": _("What you wrote"),
    "name": _("Name of the file"),
    "about": _("What it shows"),
}
_PARTS = {
    ("order", "bought"): _("What was bought"),
    ("order", "reference"): _("Order number"),
    ("order", "answer"): _("What the seller answered then, as the buyer says"),
    ("buyer", "name"): _("Your name"),
    ("buyer", "email"): _("Your e-mail address"),
    ("seller", "name"): _("Name of the seller"),
    ("seller", "email"): _("E-mail address of the seller"),
    ("seller", "site"): _("Web site of the seller"),
}


def days_kept() -> int:
    return WORDS_KEPT // DAY


@dataclass(frozen=True)
class Prospect:
    """What becomes of one's words in one dispute, in words."""

    outlook: Outlook

    @property
    def number(self) -> str:
        return self.outlook.dispute.number

    @property
    def href(self) -> str | None:
        return link_to("disputes.page", number=self.number) if self.outlook.reads else None

    @property
    def category(self) -> Any:
        return sentences.CATEGORIES[self.outlook.dispute.category]

    @property
    def ground(self) -> Any:
        """Why the words must be kept, where they must."""
        hold = self.outlook.hold
        return sentences.HOLD_GROUNDS[hold.ground] if hold else ""


def hold_rows(dispute: Any) -> list[Row]:
    """The holds that count, with the ground of each, and where it is lifted."""
    return [
        {
            "title": sentences.HOLD_GROUNDS[hold.ground],
            "at": hold.at,
            "entry": hold.version,
            "action": link_to("erasure.lift", number=dispute.number, hold=hold.version),
        }
        for hold in dispute.holds
    ]


# -- the copy ---------------------------------------------------------------------------------------------------


def members_of(house: House, copy: Copy) -> list[Member]:
    """What the archive of a copy holds, the files of its owner last."""
    page = render_template("erasure/copy.html", copy=Readable(copy), language=language()).encode()
    members = [
        Member("index.html", [page]),
        Member("data.json", [records.to_json(copy, house.settings.operator_name)]),
        Member("style.css", [_style(current_app.static_folder or "")]),
    ]
    files = [file for own in copy.disputes for file in own.files.values()]
    return [*members, *(Member(file.path, records.chunks_of(house, file)) for file in files)]


def contents(listed: list[Listed]) -> bytes:
    """The list of what is in the archive, so that its owner can tell whether it came whole."""
    return "".join(f"{each.sha256}  {each.path}\n" for each in listed).encode()


def file_name(copy: Copy) -> str:
    return f"my-data-{moment(copy.made_at):%Y-%m-%d}.zip"


@lru_cache(maxsize=4)
def _style(static: str) -> bytes:
    return b"\n".join((Path(static) / "css" / f"{sheet}.css").read_bytes() for sheet in SHEETS)


@dataclass(frozen=True)
class Readable:
    """The copy as its page tells it."""

    copy: Copy

    @property
    def made_at(self) -> int:
        return self.copy.made_at

    @property
    def account(self) -> list[Row]:
        owner = self.copy.account
        rows = (
            (_("E-mail address"), owner.email),
            (_("Name"), owner.name),
            (_("Country"), country(owner.country) if owner.country else None),
            (_("Language for pages and mails"), owner.language),
            (_("Time zone"), owner.zone),
            (_("Account opened"), instant_markup(owner.created_at)),
            (_("Address confirmed"), instant_markup(owner.verified_at) if owner.verified_at else None),
            (_("Password"), _("You have one.") if owner.password_hash else _("None: you sign in by mailed links.")),
            (_("Erasure asked for"), instant_markup(self.copy.asked_at) if self.copy.asked_at else None),
        )
        return [{"key": key, "value": value} for key, value in rows if value]

    @property
    def kept(self) -> list[Row]:
        """What is kept beside it, as counts; every line of it stands in data.json."""
        counts = (
            (_("Devices that signed in"), len(self.copy.rows["sessions"])),
            (_("Roles in this house"), len(self.copy.rows["roles"])),
            (_("Unfinished filings"), len(self.copy.drafts)),
            (_("Mails about your account"), len(self.copy.notices)),
            (_("Steps recorded about your account"), len(self.copy.acts)),
        )
        return [{"key": key, "value": str(count)} for key, count in counts]

    @property
    def disputes(self) -> list[Row]:
        return [self._dispute(own) for own in self.copy.disputes]

    def _dispute(self, own: OwnDispute) -> Row:
        ended = sentences.CLOSINGS[own.dispute.code] if own.dispute.code else None
        return {
            "number": own.number,
            "side": sentences.SIDES[own.side],
            "state": ended or sentences.PHASES[str(own.dispute.phase)],
            "category": sentences.CATEGORIES[own.dispute.category],
            "filed_at": own.dispute.filed_at,
            "entries": list(_entries(own)),
        }


def _words(name: str, text: str) -> Iterator[Row]:
    """Words as rows of a summary; an object as one for each of its parts."""
    if name in _OBJECTS:
        for part, value in json.loads(text).items():
            if value:
                yield {"key": _PARTS.get((name, part), part), "value": paragraphs(str(value))}
    elif name not in _MACHINE_WORDS:
        yield {"key": _WORD_NAMES.get(name, name), "value": paragraphs(text)}


def _entries(own: OwnDispute) -> Iterator[Row]:
    for line in own.lines:
        gone = own.dispute.erasure_of(line.version)
        yield {
            "at": line.at,
            "sentence": sentences.sentence(line.type, line.data),
            "words": [row for name, text in line.words.items() if text for row in _words(name, text)],
            "file": own.files[line.version].path if line.version in own.files else None,
            "erased": day_markup(gone.done_at) if gone and gone.done_at else None,
        }
