"""The outbox: a notice is written in the transaction of its act, and leased, sent or given up by workers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from odr.database import Prepared, write_unit
from odr.kernel import new_pseudonym
from odr.log.keys import WRAPPED_SIZE, Keys
from odr.log.payloads import conceal, disclose
from odr.notices.rules import Notice, copy_of, proves_service
from odr.notices.tables import outbox
from odr.procedure.dispute import SIDES

MINUTE = 60_000
HOUR = 60 * MINUTE

LEASE = 5 * MINUTE
FIRST_REST = MINUTE
LONGEST_REST = 6 * HOUR
# RFC 5321, 4.5.4.1 asks for four to five days; a party's clock runs from the second day, so we say sooner that the
# notice did not arrive.
GIVE_UP_AFTER = 72 * HOUR
# After an outage of ours a notice is old before it is first tried. This many tries take an hour, and a server that
# turns strangers away at first, or closes the line, does so for less.
FEWEST_TRIES = 7
GATHER = 30 * MINUTE
OVERTAKEN = "overtaken"
"""What is said of a notice that had nothing left to say when its time came; it is not a failure."""

NOBODY = "recipient_gone"
"""What is said of a notice to nobody: no address was ever named, or its reader closed the account."""

SENT, RETURNED = "sent", "returned"

# What `tell` names a notice that leaves at once because of one entry.
_TOLD = re.compile(r"dispute/[0-9a-f]{32}/(?P<version>[0-9]+)/[a-z_]+/[a-z]+")

_WRITTEN = (
    "key", "mark", "template", "account_id", "email_sealed", "dispute_id", "side", "params", "created_at", "due_at",
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
    mark: str | None
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
class Unrecorded:
    """What became of a notice and does not stand in its dispute yet: `what` is "sent" or "returned", `left` whether it
    ever left the house, `at` when it did or was given up."""

    id: int
    dispute_id: str
    side: str
    template: str
    what: str
    left: bool
    at: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits that is due, since when the oldest has been (ms, None when nothing waits), how much was given up,
    how much came back after it was sent, and how much of that is not recorded in its dispute yet."""

    waiting: int
    oldest_due: int | None
    given_up: int
    returned: int
    unrecorded: int


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
        "mark": new_pseudonym(),
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


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts for a side of a dispute now: the account, and the name that entries give them."""

    side: str
    representative: str
    account_id: str


def tell(
    connection: Connection,
    dispute_id: str,
    at: int,
    notices: Sequence[tuple[int, Notice]],
    acting: Sequence[Acting] = (),
) -> None:
    """Write the notices that entries of a dispute cause, each with its entry's version, in the act's transaction.
    Whoever is `acting` for a side is told what the side is told.

    A copy goes to an account and to no side: it proves no service, and nobody waits for it.
    """
    rows = []
    for version, notice in notices:
        moment, due = str(version), at
        if notice.due is not None:
            moment, due = f"{version}/{notice.due}", notice.due
        elif notice.gathered:
            # One key and one due instant per half hour: what one does often in it is told by one mail after its end.
            window = at // GATHER
            moment, due = f"gathered/{window}/{notice.gist}", (window + 1) * GATHER
        row = {
            "key": f"dispute/{dispute_id}/{moment}/{notice.template}/{notice.side}",
            "mark": new_pseudonym(),
            "template": notice.template,
            "account_id": None,
            "email_sealed": None,
            "dispute_id": dispute_id,
            "side": notice.side,
            "params": dict(notice.params),
            "created_at": at,
            "due_at": due,
        }
        rows.append(row)
        rows += [_copy(row, copy_of(notice), each, dispute_id) for each in acting if each.side == notice.side]
    _INSERT_ONCE[connection.dialect.name].run(connection, rows)


def _copy(row: Mapping[str, Any], notice: Notice, acting: Acting, dispute_id: str) -> dict[str, Any]:
    told_as = {"dispute": dispute_id, "side": acting.side, "representative": acting.representative}
    return {
        **row,
        "key": f"{row['key']}/{acting.representative}",
        "mark": new_pseudonym(),
        "template": notice.template,
        "account_id": acting.account_id,
        "dispute_id": None,
        "side": None,
        "params": {**notice.params, "acting": told_as},
    }


def entry_of(letter: Letter) -> int | None:
    """The version of the entry of which this notice tells a side; None for a reminder, and for what is told once for
    several entries."""
    told = _TOLD.fullmatch(letter.key)
    return int(told["version"]) if told and letter.side in SIDES else None


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
    recorded = {"to_record": SENT} if _proves_service(letter) else {}
    _settle(engine, _still_waiting(letter), sent_at=now, failure=None, email_sealed=None, **recorded)


def mark_failed(engine: Engine, letter: Letter, now: int, code: str) -> bool:
    """The notice did not leave; it rests and is tried again, or is given up after 72 hours. True when given up."""
    end = letter.due_at + GIVE_UP_AFTER
    if now >= end and letter.attempts >= FEWEST_TRIES:
        return mark_refused(engine, letter, now, code)
    rest = min(FIRST_REST * 2 ** min(letter.attempts - 1, 20), LONGEST_REST)
    again = now + rest if now >= end else min(now + rest, end)
    _settle(engine, _mine(letter), leased_until=again, lease_owner=None, failure=code)
    return False


def mark_refused(engine: Engine, letter: Letter, now: int, code: str) -> bool:
    """The notice cannot reach this recipient and is given up at once. Always True."""
    # A buyer who closed the account chose to hear no more; nobody's time stands still for that.
    chosen = code == NOBODY and letter.side == "buyer"
    recorded = {"to_record": RETURNED} if _proves_service(letter) and not chosen else {}
    _settle(engine, _mine(letter), failed_at=now, failure=code, email_sealed=None, **recorded)
    return True


def mark_overtaken(engine: Engine, letter: Letter, now: int) -> None:
    """The notice has nothing left to say: what it reminds of is done, or its reader has left the dispute."""
    _settle(engine, _mine(letter), failed_at=now, failure=OVERTAKEN, email_sealed=None)


def mark_returned(engine: Engine, mark: str, now: int, code: str) -> bool:
    """A notice that had left came back, as a delivery report says. A second report on it changes nothing. False when
    no notice has this mark."""

    def unit(connection: Connection) -> bool:
        known = select(outbox.c.id, outbox.c.template, outbox.c.side, outbox.c.params, outbox.c.sent_at)
        row = connection.execute(known.where(outbox.c.mark == mark)).one_or_none()
        if row is None:
            return False
        # A report may come before a worker has written down that the message left, or after that worker died.
        end = {"returned_at": now} if row.sent_at is not None else {"failed_at": now, "email_sealed": None}
        recorded = {"to_record": RETURNED} if proves_service(row.template, row.side, row.params) else {}
        first = and_(outbox.c.id == row.id, outbox.c.returned_at.is_(None), outbox.c.failed_at.is_(None))
        connection.execute(update(outbox).where(first).values(failure=code, **end, **recorded))
        return True

    return write_unit(engine, unit)


def unrecorded(engine: Engine, limit: int) -> list[Unrecorded]:
    """What became of notices and is to be recorded in their disputes, in the order of the notices."""
    query = (
        select(
            outbox.c.id,
            outbox.c.dispute_id,
            outbox.c.side,
            outbox.c.template,
            outbox.c.to_record,
            outbox.c.sent_at.is_not(None),
            func.coalesce(outbox.c.sent_at, outbox.c.failed_at),
        )
        .where(outbox.c.to_record.is_not(None))
        .order_by(outbox.c.id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [Unrecorded(*row) for row in connection.execute(query)]


def mark_recorded(connection: Connection, notice_id: int, what: str) -> None:
    """The fact stands in the dispute: written in the very transaction that appended it."""
    done = and_(outbox.c.id == notice_id, outbox.c.to_record == what)
    connection.execute(update(outbox).where(done).values(to_record=None))


def hold(engine: Engine, letter: Letter, now: int) -> bool:
    """Hold a notice for a whole lease more, before it is sent: however slow the letters before it were, and this one
    will be, nobody else sends it meanwhile. False when the lease was lost."""
    mine = and_(_mine(letter), outbox.c.leased_until > now)

    def unit(connection: Connection) -> bool:
        held: int = connection.execute(update(outbox).where(mine).values(leased_until=now + LEASE)).rowcount
        return bool(held)

    return write_unit(engine, unit)


def hand_back(engine: Engine, letter: Letter) -> None:
    """Give a notice back untried, so that the next worker need not wait for the lease to end."""
    _settle(engine, _mine(letter), leased_until=None, lease_owner=None, attempts=letter.attempts - 1)


def backlog(connection: Connection, now: int) -> Backlog:
    """What waits, what was given up and what came back, for the operator."""
    waiting = and_(outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None), outbox.c.due_at <= now)
    given_up = and_(outbox.c.failed_at.is_not(None), outbox.c.failure != OVERTAKEN)
    counts = (
        func.count().filter(waiting),
        func.min(outbox.c.due_at).filter(waiting),
        func.count().filter(given_up),
        func.count().filter(outbox.c.returned_at.is_not(None)),
        func.count().filter(outbox.c.to_record.is_not(None)),
    )
    return Backlog(*connection.execute(select(*counts)).one())


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


def _mine(letter: Letter) -> Any:
    return and_(_still_waiting(letter), outbox.c.lease_owner == letter.lease_owner)


def _proves_service(letter: Letter) -> bool:
    return proves_service(letter.template, letter.side, letter.params)


def _settle(engine: Engine, where: Any, **values: Any) -> None:
    write_unit(engine, lambda connection: connection.execute(update(outbox).where(where).values(**values)))


def _sealed(keys: Keys, key: str, email: str) -> bytes:
    return b"".join(conceal(keys, _place(key), email.encode()))


def _place(key: str) -> bytes:
    return f"odr/outbox/v1\n{key}".encode()
