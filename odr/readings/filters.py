"""How the record of readings reads: one line for what one reader did again and again within an hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from odr.readings.queries import Record
from odr.readings.records import OPENED
from odr.web.filters import link_to
from odr.web.sentences import OPENING_GROUNDS

Row = dict[str, Any]

HOUR = 3_600_000

THINGS = {
    "page": _("Read pages of the dispute."),
    "form": _("Sent a form, and read what came back."),
    "file": _("Opened the file of evidence %(item)s."),
    "preview": _("Saw the small pictures of the evidence."),
    "receipt": _("Took the receipt of entry %(item)s of the dispute."),
    "casefile": _("Took the case file, which holds all that this reader may have of the dispute."),
}


def rows_of(records: list[Record], names: Mapping[str, str], number: str) -> list[Row]:
    """The record as people read it, the newest first."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    openings: dict[str, int] = {}
    for record in records:
        if record.type == OPENED:
            openings[record.actor] = record.version
        # What was read after a dispute was opened stands above the opening, and what was read before it below.
        groups.setdefault((*_alike(record), openings.get(record.actor)), []).insert(0, record)
    rows = [_row(group, names, number) for group in groups.values()]
    return sorted(rows, key=lambda row: -int(row["version"]))


def _alike(record: Record) -> tuple[Any, ...]:
    if record.type == OPENED:
        return (record.version,)
    what = record.data["what"]
    # A page asks for all its small pictures by itself.
    item = None if what == "preview" else record.data.get("item")
    return record.actor, what, item, record.at // HOUR


def _row(group: list[Record], names: Mapping[str, str], number: str) -> Row:
    last = group[0]
    opened = last.type == OPENED
    return {
        "version": last.version,
        "at": last.at,
        "first_at": group[-1].at,
        "times": len(group),
        "role": last.role,
        "who": _who(last, names),
        "sentence": _opened(last) if opened else str(THINGS[last.data["what"]]) % dict(last.data),
        "until": last.data["until"] if opened else None,
        "reason": last.text,
        "reason_gone": opened and last.text is None,
        "seals": [
            {
                "number": each.position,
                "checkpoint": each.checkpoint,
                "href": None if each.checkpoint is None else _receipt(number, each.version),
            }
            for each in group
        ],
    }


def _who(record: Record, names: Mapping[str, str]) -> tuple[Any, str]:
    """The role in words with the code that tells apart who holds it, or, of a mediator, the name beside the role."""
    if record.role == "mediator":
        name = names.get(record.actor)
        return (_("Mediator"), name) if name else (gettext("Mediator %(code)s", code=record.actor[:8]), "")
    return gettext("Registrar %(code)s", code=record.actor[:8]), ""


def _opened(record: Record) -> str:
    return gettext("Opened the dispute. The ground: %(ground)s.", ground=OPENING_GROUNDS[record.data["ground"]])


def _receipt(number: str, version: int) -> str | None:
    return link_to("readings.receipt", number=number, version=version)
