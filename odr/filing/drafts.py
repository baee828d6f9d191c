"""Filings in the making: sealed rows that only their own account can open, kept at every step."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from odr.disputes.tables import draft
from odr.house import House
from odr.kernel import Missing, Refused
from odr.log.payloads import conceal, disclose

DAY = 86_400_000

DRAFT_LASTS = 90 * DAY
"""How long a draft is kept after it was last touched (procedure 3.2)."""

# Nobody prepares more disputes at a time; without a bound one account could fill the disk.
MOST_DRAFTS = 20

Answers = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A filing in the making. `id` becomes the dispute's id, `number` its public number, `pseudonym` the name that its
    entries give the buyer: drawn once, so that the same filing sent twice is the same act.

    `answers` are the words as typed, by step and field, right or wrong; `given` the steps that were answered.
    """

    id: str
    account_id: str
    number: str
    pseudonym: str
    saved_at: int
    answers: Answers = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    def typed(self, step: str) -> Mapping[str, str]:
        return self.answers.get(step, {})


def open_draft(connection: Connection, house: House, account_id: str, draft_id: str, *, lock: bool = False) -> Draft:
    """A draft of this account; `lock` holds it for the transaction where the database locks rows. Missing when there
    is none of that id, or it is another's."""
    if not re.fullmatch(r"[0-9a-f]{32}", draft_id):
        raise Missing(draft_id)
    query = select(draft).where(draft.c.id == draft_id, draft.c.account_id == account_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Missing(draft_id)
    return _opened(house, row)


def drafts_of(connection: Connection, house: House, account_id: str) -> list[Draft]:
    """An account's drafts, the one last touched first."""
    rows = connection.execute(select(draft).where(draft.c.account_id == account_id).order_by(draft.c.saved_at.desc()))
    return [_opened(house, row) for row in rows]


def add_draft(connection: Connection, house: House, new: Draft) -> None:
    """Raises Refused("too_many_drafts", most=…)."""
    mine = select(func.count()).select_from(draft).where(draft.c.account_id == new.account_id)
    if connection.execute(mine).scalar_one() >= MOST_DRAFTS:
        raise Refused("too_many_drafts", most=MOST_DRAFTS)
    connection.execute(
        insert(draft).values(id=new.id, account_id=new.account_id, saved_at=new.saved_at, **_sealed(house, new))
    )


def save_draft(connection: Connection, house: House, changed: Draft) -> None:
    connection.execute(
        update(draft).where(draft.c.id == changed.id).values(saved_at=changed.saved_at, **_sealed(house, changed))
    )


def drop_draft(connection: Connection, account_id: str, draft_id: str) -> None:
    """Forget a draft. One that is not there, or not this account's, is left alone without a word."""
    connection.execute(delete(draft).where(draft.c.id == draft_id, draft.c.account_id == account_id))


def sweep_drafts(connection: Connection, before: int) -> int:
    """Forget what nobody has touched since `before` (ms UTC); answers how many drafts."""
    return connection.execute(delete(draft).where(draft.c.saved_at < before)).rowcount


def _sealed(house: House, open_words: Draft) -> dict[str, bytes]:
    words = {
        "number": open_words.number,
        "pseudonym": open_words.pseudonym,
        "answers": {step: dict(typed) for step, typed in open_words.answers.items()},
        "given": sorted(open_words.given),
    }
    wrapped_key, sealed = conceal(house.keys, _context(open_words.id), json.dumps(words).encode())
    return {"wrapped_key": wrapped_key, "sealed": sealed}


def _opened(house: House, row: Any) -> Draft:
    words = json.loads(disclose(house.keys, _context(row.id), row.wrapped_key, row.sealed))
    return Draft(
        id=row.id,
        account_id=row.account_id,
        number=words["number"],
        pseudonym=words["pseudonym"],
        saved_at=row.saved_at,
        answers=words["answers"],
        given=frozenset(words["given"]),
    )


def _context(draft_id: str) -> bytes:
    return f"draft/{draft_id}".encode()
