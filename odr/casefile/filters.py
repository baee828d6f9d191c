"""How a case file reads: the page in it, in the words of the product, which leads nowhere but into the file itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from jinja2 import Environment
from markupsafe import Markup

from odr.casefile.publication import Files, gives_copy
from odr.casefile.queries import Contents
from odr.casefile.records import VERIFIER, entry_path, file_name
from odr.decision.filters import Document, evidence_label, statements
from odr.decision.rules import STATEMENTS
from odr.disputes.filters import Reading, country
from odr.disputes.queries import Line
from odr.house import House
from odr.log.consent import NAME as CONSENT
from odr.procedure.dispute import EvidenceItem, Phase
from odr.procedure.events import DecisionIssued
from odr.web import sentences
from odr.web.filters import bidi, instant_markup, number, paragraphs
from odr.web.language import language

Row = dict[str, Any]

SHEETS = ("tokens", "base", "parts", "print")
ICONS = "img/icons.svg"

READERS = {
    "buyer": lazy_gettext("The case file of the buyer"),
    "seller": lazy_gettext("The case file of the seller"),
    "mediator": lazy_gettext("The case file of the mediator"),
    "decider": lazy_gettext("The case file of the mediator who decides"),
}
# What the parts of words that are objects are called.
_PARTS = {
    "bought": lazy_gettext("What was bought"),
    "reference": lazy_gettext("Order number"),
    "answer": lazy_gettext("What the seller answered then, as the buyer says"),
    "name": lazy_gettext("Name"),
    "email": lazy_gettext("E-mail address"),
    "site": lazy_gettext("Web site of the seller"),
    "country": lazy_gettext("Country"),
}
_OBJECTS = frozenset({"order", "buyer", "seller"})
_LONG = frozenset({"answer"})
# Machine words, told in the list of evidence and in sentences of ours.
_TOLD_BESIDE = frozenset({"file", CONSENT})


@dataclass(frozen=True)
class CaseReading(Reading):
    """A dispute as its page in the case file shows it."""

    contents: Contents
    files: Files

    @property
    def evidence(self) -> list[Row]:
        """The files, each leading to the one in the archive."""
        versions = {item.item: item for item in self.dispute.evidence}
        return [self._filed(row, versions[row["number"]]) for row in super().evidence]

    def _filed(self, row: Row, item: EvidenceItem) -> Row:
        path = self.files.paths.get(item.version)
        notes = list(row["notes"])
        if item.version in self.files.left_out:
            notes.append(_LEFT_OUT[self.files.left_out[item.version]])
        elif path is None and not row["erased"]:
            notes.append(_("This file was erased."))
        elif path and gives_copy(self.role, item):
            notes.append(
                _(
                    "What is here is a copy without what the camera wrote beside the picture, such as the place. Its "
                    "digest is another one."
                )
            )
        return {**row, "href": path, "picture": path if item.media in _SHOWN else None, "notes": notes}

    @property
    def mediator(self) -> Row | None:
        told = super().mediator
        return {**told, "draw": None} if told else None

    @property
    def document(self) -> Document | None:
        """The decision, once there is one."""
        decision = self.dispute.decision
        if decision is None:
            return None
        line = self.page.line(decision.version)
        return _FiledDocument(self, cast(DecisionIssued, line.event), line.words, line)

    @property
    def step(self) -> Any:
        """Where the dispute stood, while it was open."""
        return None if self.dispute.phase is Phase.CLOSED else sentences.PHASES[self.dispute.phase]

    def receipt_of(self, line: Line) -> str | None:
        return entry_path(line.version)

    def _line(self, line: Line) -> Row:
        row = super()._line(line)
        told = [(name, text) for name, text in line.words.items() if text and name not in _TOLD_BESIDE]
        if line.type == "decision_issued":
            # Set out in full above, with its seal and receipt.
            told = []
        objects = [(name, _object(text)) for name, text in told if name in _OBJECTS]
        return {
            **row,
            "words": "\n\n".join(text for name, text in told if name not in _OBJECTS),
            "facts": [fact for name, parts in objects for fact in _facts(name, parts)],
            "note": self._gone(line),
        }

    def _gone(self, line: Line) -> Any:
        """That words beside an entry are not here although they would be for this reader."""
        gone = self._committed[line.version] - line.words.keys()
        if not gone or any(version == line.version for version, _name in self.contents.withheld):
            return None
        if any(version == line.version for version, _name in self.contents.unreadable):
            return _("Words beside this entry are damaged.")
        return None if self.erased(line.version) else _("Words beside this entry were erased.")

    @cached_property
    def _committed(self) -> Mapping[int, Collection[str]]:
        return {
            version: json.loads(receipt.entry)["commit"].keys() for version, receipt in self.contents.receipts.items()
        }

    def _target(self, line: Line) -> tuple[str | None, Any]:
        if line.type in ("evidence_added", "late_evidence_admitted") and self.reads_file:
            return f"#evidence-{line.data['item']}", _("Look at it")
        where = {"decision_issued": "#decision", "agreement_reached": "#agreement"}.get(line.type)
        return (where, _("Read it")) if where and self.reads_file else (None, None)


_LEFT_OUT = {
    "lost": lazy_gettext("This file is damaged or gone, and is not in this case file. Its digest shows what it was."),
    "no_room": lazy_gettext("There is no room for this file in the case file. Get it from the page of the dispute."),
}
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp"})
"""Pictures that every browser draws."""


class _FiledDocument(Document):
    """The decision, whose findings lead to the evidence on the same page."""

    @property
    def page(self) -> str:
        return ""

    def _cited(self, item: int) -> Row:
        if item == STATEMENTS:
            return {"label": statements(), "href": "#docket"}
        title = next((row["title"] for row in self.reading.evidence if row["number"] == item), None)
        return {"label": evidence_label(item, title), "href": f"#evidence-{item}"}


def _object(text: str) -> Mapping[str, Any]:
    """Words that are an object; nothing where they are none, as words of a house before ours may be."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _facts(name: str, parts: Mapping[str, Any]) -> list[Row]:
    """The parts of words that are an object, as facts: of whom, what, and as it was typed."""
    whose = sentences.SIDES.get(name)
    rows = []
    for part, value in parts.items():
        if part not in _PARTS or not value:
            continue
        key = Markup("{} · {}").format(whose, _PARTS[part]) if whose else _PARTS[part]
        shown = country(str(value)) if part == "country" else str(value)
        rows.append({"key": key, "value": paragraphs(shown) if part in _LONG else bidi(shown)})
    return rows


# -- the page -----------------------------------------------------------------------------------------------------


def index(house: House, contents: Contents, files: Files) -> bytes:
    """The page of the case file, in the language and the zone of whoever asks. Needs a request."""
    reading = CaseReading(contents.page, contents, files)
    told = {
        "dispute": reading,
        "reader": READERS[contents.reader],
        "facts": _about(contents),
        "waiting": _waiting(contents.waiting),
        "lost": _lost(files.count("lost")),
        "withheld": contents.withheld,
        "command": f'python3 -I {VERIFIER} case {file_name(reading.number, contents.reader)} --key "{contents.key}"',
        "key": contents.key,
        "public_url": house.settings.public_url,
        "operator": house.settings.operator_name,
        "demonstration": house.settings.demonstration,
        "language": language(),
        "style": _style(current_app.static_folder or ""),
        "icons": _icons(current_app.static_folder or ""),
    }
    return _environment(current_app.jinja_env).get_template("casefile/index.html").render(told).encode()


def _about(contents: Contents) -> list[Row]:
    """Whose file this is, of when, and how much of the dispute is in it."""
    hidden = len(contents.hidden)
    rows = [
        (_("Made"), instant_markup(contents.page.at)),
        (
            _("As of"),
            _(
                "checkpoint %(number)s of the log, which counts %(size)s entries",
                number=number(contents.number),
                size=number(contents.checkpoint.size),
            ),
        ),
        (_("Entries in it"), number(len(contents.receipts))),
    ]
    if hidden:
        rows.append(
            (
                _("Entries that are not for this reader"),
                ngettext(
                    "%(num)d. Only its fingerprint is in this file, so that it can be seen that nothing was taken out.",
                    "%(num)d. Only their fingerprints are in this file, so that it can be seen that nothing was taken "
                    "out.",
                    hidden,
                ),
            )
        )
    rows.append((_("Log"), Markup('<code class="digits wraps" dir="ltr">{}</code>').format(contents.checkpoint.origin)))
    return [{"key": key, "value": value} for key, value in rows]


def _waiting(entries: int) -> str:
    if not entries:
        return ""
    return ngettext(
        "%(num)d entry waits for its seal and is not in here. Get the file again in a few seconds to have it.",
        "%(num)d entries wait for their seal and are not in here. Get the file again in a few seconds to have them.",
        entries,
    )


def _lost(files: int) -> str:
    if not files:
        return ""
    return ngettext(
        "%(num)d file is damaged or gone in this house, and is not in here. A verifier finds that it is missing.",
        "%(num)d files are damaged or gone in this house, and are not in here. A verifier finds that they are missing.",
        files,
    )


@lru_cache(maxsize=4)
def _environment(pages: Environment) -> Environment:
    """The environment of the pages, but for what would lead out of the file: no address of the house is made, and
    icons are in the page. Instants are told in full, in the reader's zone and in UTC."""
    inside = pages.overlay()
    inside.globals = {**pages.globals, "url_for": _inside, "link_to": _inside}
    inside.filters = {**pages.filters, "moment": instant_markup}
    return inside


def _inside(endpoint: str, **values: Any) -> str:
    if endpoint == "static" and values.get("filename") == ICONS:
        # Nothing before the # of an icon: it is drawn on this page.
        return ""
    raise LookupError(f"a case file does not lead to {endpoint}")


@lru_cache(maxsize=4)
def _style(static: str) -> Markup:
    sheets = "\n".join((Path(static) / "css" / f"{sheet}.css").read_text("utf-8") for sheet in SHEETS)
    return Markup(f"<style>\n{sheets}</style>")  # noqa: S704 - files of ours


@lru_cache(maxsize=4)
def _icons(static: str) -> Markup:
    drawn = (Path(static) / ICONS).read_text("utf-8").replace("<svg ", '<svg class="hidden" aria-hidden="true" ', 1)
    return Markup(drawn)  # noqa: S704 - a file of ours
