"""Cutting an edition: one moment of the records, as of a signed checkpoint, counted once and never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, insert

from odr.database import one_moment, write_unit
from odr.house import House
from odr.log.queries import signed_head
from odr.statistics.disclosure import THRESHOLD
from odr.statistics.figures import Record
from odr.statistics.queries import (
    edition_numbered,
    latest_edition,
    moved_since,
    record_texts,
)
from odr.statistics.records import Counted, Edition, Head, edition_of, to_record, wanted
from odr.statistics.tables import edition

DAY = 86_400_000

CUT_AT = 2 * 3_600_000
"""When the daily edition is cut, after midnight UTC: the day is over everywhere but in the far west."""

AsOf = Callable[[Connection, House, str, int], Counted | None]
"""Answers what is counted about a dispute from its entries among the first `size` of the tree, None when none are."""


def is_due(last: Edition | None, now: int) -> bool:
    """Whether the time of today's edition is over and it was not cut yet."""
    return last is None or last.head.cut_at < (now - CUT_AT) // DAY * DAY + CUT_AT


def cut_daily(house: House, as_of: AsOf) -> Edition | None:
    """Cut today's edition when its time has come and enough has moved, else None.

    Fewer than ten disputes that moved could be told apart by subtracting two editions; then the old one stays, or there
    is none yet.
    """
    with one_moment(house.engine) as connection:
        last = latest_edition(connection)
        if not is_due(last, house.clock()) or not _enough_moved(
            connection, house, last.head.size if last else 0, as_of
        ):
            return None
    return cut(house, as_of)


def cut(house: House, as_of: AsOf) -> Edition | None:
    """Cut an edition as of the last checkpoint; None before the first, and when another one was cut meanwhile."""
    with one_moment(house.engine) as connection:
        checkpoint = signed_head(connection, house)
        if checkpoint is None:
            return None
        last = latest_edition(connection)
        number = last.head.number + 1 if last else 1
        head = Head(
            number, house.clock(), house.origin, checkpoint.size, checkpoint.root.hex(), house.settings.demonstration
        )
        new = edition_of(head, _records(connection, house, checkpoint.size, as_of), last)

    def unit(connection: Connection) -> Edition | None:
        if edition_numbered(connection, number):
            return None
        connection.execute(
            insert(edition).values(
                number=number, cut_at=head.cut_at, size=head.size, root=head.root, digest=new.digest, body=new.body
            )
        )
        return new

    return write_unit(house.engine, unit)


def _records(connection: Connection, house: House, size: int, as_of: AsOf) -> Iterator[Record]:
    """What is counted about each dispute as of the first `size` entries: the rows, but for disputes that moved on."""
    moved = set(moved_since(connection, size))
    for dispute_id, text in record_texts(connection, simulated=house.settings.demonstration):
        if dispute_id not in moved:
            yield to_record(text)
    earlier = (as_of(connection, house, dispute_id, size) for dispute_id in sorted(moved))
    yield from wanted((each for each in earlier if each), house.settings.demonstration)


def _enough_moved(connection: Connection, house: House, since: int, as_of: AsOf) -> bool:
    """Whether enough of what is counted differs from what it was at the size `since` of the log."""
    checkpoint = signed_head(connection, house)
    if checkpoint is None:
        return False
    moved = 0
    for dispute_id in moved_since(connection, since):
        now = as_of(connection, house, dispute_id, checkpoint.size)
        moved += now is not None and now != as_of(connection, house, dispute_id, since)
        if moved >= THRESHOLD:
            return True
    return False
