"""The outbox: a notice is written in the transaction of its act, and leased, sent or given up by workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from odr.database import Prepared, write_unit
from odr.log.keys import WRAPPED_SIZE, Keys
from odr.log.payloads import conceal, disclose
from odr.notices.rules import Notice
from odr.notices.tables import outbox

MINUTE = 60_000
HOUR = 60 * MINUTE

LEASE = 5 * MINUTE
FIRST_REST = MINUTE
LONGEST_REST = 6 * HOUR
# RFC 5321, 4.5.4.1 asks for four to five days; a party's clock runs from the second day, so we say sooner that the
# notice did not arrive.
GIVE_UP_AFTER = 72 * HOUR
GATHER = 30 * MINUTE


_WRITTEN = (
    "key", "template", "account_id", "email_sealed", "dispute_id", "side", "params", "created_at", "due_at",
)  # fmt: skip
_INSERT_ONCE = {
    name: Prepared(insert(outbox).inline().on_conflict_do_nothing(index_elements=["key"]), _WRITTEN)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of the outbox in a worker's hands until `leased_until`. Instants are milliseconds UTC."""

    id: int
    key: str
    template: str
    account_id: str | None
    email_sealed: bytes | None
    dispute_id: str | None
    side: str | None
    params: Mapping[str, Any]
    created_at: int
    due_at: int
    attempts: int
    leased_until: int
    lease_owner: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, since when the oldest has been due (ms, None when nothing waits), how much was given up."""

    waiting: int
    oldest_due: int | None
    given_up: int


def enqueue(
    connection: Connection,
    template: str,
    *,
    at: int,
    key: str,
    params: Mapping[str, Any],
    account_id: str | None = None,
    email: str | None = None,
    keys: Keys | None = None,
    dispute_id: str | None = None,
    side: str | None = None,
    due: int | None = None,
) -> None:
    """Write one notice in the caller's transaction, so that it exists exactly when its act does.

    It goes to an account, to a `side` of a dispute, or to a bare `email` (sealed with `keys`). A second notice with
    the same `key` is silently the first one: an act that is tried again tells nobody twice.
    """
    if sum(recipient is not None for recipient in (account_id, email, side)) != 1:
        raise ValueError("a notice goes to an account, to an address, or to a side of a dispute")
    if email is not None and keys is None:
        raise ValueError("a bare address is stored sealed only")
    row = {
        "key": key,
        "template": template,
        "account_id": account_id,
        "email_sealed": _sealed(keys, key, email) if email is not None and keys is not None else None,
        "dispute_id": dispute_id,
        "side": side,
        "params": dict(params),
        "created_at": at,
        "due_at": at if due is None else due,
    }
    _INSERT_ONCE[connection.dialect.name].run(connection, [row])


def tell(connection: Connection, dispute_id: str, at: int, notices: Sequence[tuple[int, Notice]]) -> None:
    """Write the notices that entries of a dispute cause, each with its entry's version, in the act's transaction."""
    rows = []
    for version, notice in notices:
        moment, due = str(version), at
        if notice.gathered:
            # One key and one due instant per half hour: whatever falls into it is told by one mail after its end.
            window = at // GATHER
            moment, due = f"gathered/{window}", (window + 1) * GATHER
        rows.append(
            {
                "key": f"dispute/{dispute_id}/{moment}/{notice.template}/{notice.side}",
                "template": notice.template,
                "account_id": None,
                "email_sealed": None,
                "dispute_id": dispute_id,
                "side": notice.side,
                "params": dict(notice.params),
                "created_at": at,
                "due_at": due,
            }
        )
    _INSERT_ONCE[connection.dialect.name].run(connection, rows)


def email_of(letter: Letter, keys: Keys) -> str | None:
    """The bare address that the letter goes to, if it goes to one. Raises Unreadable when its seal is broken."""
    if letter.email_sealed is None:
        return None
    wrapped, sealed = letter.email_sealed[:WRAPPED_SIZE], letter.email_sealed[WRAPPED_SIZE:]
    return disclose(keys, _place(letter.key), wrapped, sealed).decode()


def claim(engine: Engine, now: int, owner: str, n: int) -> list[Letter]:
    """Take at most `n` due notices for `owner` until their lease ends, oldest first.

    Of each side of a dispute only the earliest waiting notice can be taken, so that nobody reads the second before
    the first. The two sides do not wait for each other: an address that refuses mail must not silence the other.
    """
    due = _due(now).limit(n)
    with engine.connect() as connection:
        # Most rounds find nothing, and a reader never makes a writer wait.
        if not connection.execute(due.limit(1)).all():
            return []

    def unit(connection: Connection) -> list[Letter]:
        ids = connection.scalars(due.with_for_update(skip_locked=True)).all()
        taken = connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(ids))
            .values(leased_until=now + LEASE, lease_owner=owner, attempts=outbox.c.attempts + 1)
            .returning(*(outbox.c[name] for name in Letter.__slots__))
        )
        return sorted((Letter(**row._mapping) for row in taken), key=lambda letter: letter.id)

    return write_unit(engine, unit)


def mark_sent(engine: Engine, letter: Letter, now: int) -> None:
    """The notice has left the house: true also when the lease ended meanwhile."""
    _settle(engine, _still_waiting(letter), sent_at=now, failure=None, email_sealed=None)


def mark_failed(engine: Engine, letter: Letter, now: int, code: str) -> bool:
    """The notice did not leave; it rests and is tried again, or is given up after 72 hours. True when given up."""
    end = letter.due_at + GIVE_UP_AFTER
    if now >= end:
        return mark_refused(engine, letter, now, code)
    rest = min(FIRST_REST * 2 ** min(letter.attempts - 1, 20), LONGEST_REST)
    mine = and_(_still_waiting(letter), outbox.c.lease_owner == letter.lease_owner)
    _settle(engine, mine, leased_until=min(now + rest, end), lease_owner=None, failure=code)
    return False


def mark_refused(engine: Engine, letter: Letter, now: int, code: str) -> bool:
    """The notice cannot reach this recipient and is given up at once. Always True."""
    mine = and_(_still_waiting(letter), outbox.c.lease_owner == letter.lease_owner)
    _settle(engine, mine, failed_at=now, failure=code, email_sealed=None)
    return True


def hand_back(engine: Engine, letter: Letter) -> None:
    """Give a notice back untried, so that the next worker need not wait for the lease to end."""
    mine = and_(_still_waiting(letter), outbox.c.lease_owner == letter.lease_owner)
    _settle(engine, mine, leased_until=None, lease_owner=None, attempts=letter.attempts - 1)


def backlog(connection: Connection) -> Backlog:
    """What waits and what was given up, for the operator."""
    waiting = and_(outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None))
    count, oldest = connection.execute(select(func.count(), func.min(outbox.c.due_at)).where(waiting)).one()
    given_up = connection.execute(select(func.count()).where(outbox.c.failed_at.is_not(None))).scalar_one()
    return Backlog(count, oldest, given_up)


def _due(now: int) -> Select[tuple[int]]:
    """The ids that may be taken now, in their order."""
    earlier = outbox.alias("earlier")
    ahead = exists().where(
        earlier.c.dispute_id == outbox.c.dispute_id,
        earlier.c.side == outbox.c.side,
        earlier.c.id < outbox.c.id,
        earlier.c.sent_at.is_(None),
        earlier.c.failed_at.is_(None),
        earlier.c.due_at <= now,
    )
    return (
        select(outbox.c.id)
        .where(
            outbox.c.sent_at.is_(None),
            outbox.c.failed_at.is_(None),
            outbox.c.due_at <= now,
            or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now),
            ~ahead,
        )
        .order_by(outbox.c.id)
    )


def _still_waiting(letter: Letter) -> Any:
    return and_(outbox.c.id == letter.id, outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None))


def _settle(engine: Engine, where: Any, **values: Any) -> None:
    write_unit(engine, lambda connection: connection.execute(update(outbox).where(where).values(**values)))


def _sealed(keys: Keys, key: str, email: str) -> bytes:
    return b"".join(conceal(keys, _place(key), email.encode()))


def _place(key: str) -> bytes:
    return f"odr/outbox/v1\n{key}".encode()
