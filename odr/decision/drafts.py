"""Decisions in the making: kept at every step as sealed rows, so that no hour of writing hangs on a session."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from odr.decision.tables import decision_draft
from odr.house import House
from odr.log.payloads import conceal, disclose

Typed = Mapping[str, Sequence[str]]
"""The fields of the form as typed, right or wrong; a field of ticks has several values."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a mediator has written so far on a dispute; `saved_at` is 0 while nothing was kept."""

    dispute_id: str
    mediator: str
    typed: Typed = field(default_factory=dict)
    saved_at: int = 0


def open_draft(connection: Connection, house: House, dispute_id: str, mediator: str, *, lock: bool = False) -> Draft:
    """This mediator's draft on this dispute, an empty one where nothing was kept; `lock` holds it for the transaction
    where the database locks rows."""
    query = select(decision_draft).where(*_of(dispute_id, mediator))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return Draft(dispute_id, mediator)
    words = disclose(house.keys, _context(dispute_id, mediator), row.wrapped_key, row.sealed)
    return Draft(dispute_id, mediator, json.loads(words), row.saved_at)


def save_draft(connection: Connection, house: House, draft: Draft) -> None:
    """Keep a draft in the place of what was kept before."""
    drop_draft(connection, draft.dispute_id, draft.mediator)
    words = json.dumps({name: list(values) for name, values in draft.typed.items()}).encode()
    wrapped_key, sealed = conceal(house.keys, _context(draft.dispute_id, draft.mediator), words)
    connection.execute(
        insert(decision_draft).values(
            dispute_id=draft.dispute_id,
            mediator=draft.mediator,
            wrapped_key=wrapped_key,
            sealed=sealed,
            saved_at=draft.saved_at,
        )
    )


def drop_draft(connection: Connection, dispute_id: str, mediator: str) -> None:
    """Forget a draft; one that is not there is left alone without a word."""
    connection.execute(delete(decision_draft).where(*_of(dispute_id, mediator)))


def forget_drafts(connection: Connection, before: int) -> int:
    """Forget what nobody has touched since `before` (ms UTC), such as the draft of a mediator who was replaced; answers
    how many drafts."""
    return connection.execute(delete(decision_draft).where(decision_draft.c.saved_at < before)).rowcount


def _of(dispute_id: str, mediator: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return decision_draft.c.dispute_id == dispute_id, decision_draft.c.mediator == mediator


def _context(dispute_id: str, mediator: str) -> bytes:
    return f"decision-draft/{dispute_id}/{mediator}".encode()
