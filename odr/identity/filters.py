"""How it reads who somebody is: one line for each thing that is known, and what each means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from markupsafe import Markup

from odr.identity.domains import shown
from odr.identity.queries import Known, Proof, Shown
from odr.identity.rules import FILE, ORGANISATION, RECORD, line_of
from odr.web.filters import bidi, day_markup

ORDERS = {"seller": lazy_gettext("Order confirmed by the seller")}
"""By what it is known that there was an order, in the words of a page."""


def levels(known: Known, orders: Iterable[str] = ()) -> list[Any]:
    """What the house knows of somebody, one line each; empty where that is nothing yet, which is no fault."""
    lines: list[Any] = [_("Address confirmed")] if known.mail_at is not None else []
    lines += [ORDERS[method] for method in orders]
    return [*lines, *map(_line, known.proofs)]


def _line(proof: Shown) -> Any:
    sentence = (
        _("Organisation %(subject)s, confirmed on %(day)s")
        if proof.level == ORGANISATION
        else _("Electronic identity, confirmed by %(subject)s on %(day)s")
    )
    # The sentence is ours; what is put into it is escaped, or was.
    return Markup(sentence) % {  # noqa: S704
        "subject": bidi(named_as(proof.level, proof.subject)),
        "day": day_markup(proof.at),
    }


def named_as(level: str, subject: str) -> str:
    """What a proof names, as people read it."""
    return shown(subject) if level == ORGANISATION else subject


def record_name(proof: Proof) -> str:
    """The name of the record that proves a domain."""
    return RECORD + proof.subject


def file_address(proof: Proof) -> str:
    """The address of the file that proves a domain."""
    return f"https://{proof.subject}{FILE}"


def line_to_show(proof: Proof) -> str:
    """The line that a record or a file has to hold."""
    return line_of(proof.token or "")
