"""How often something may be tried: counted in rows that all workers share and that survive a restart."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from sqlalchemy import Connection, delete, insert, select, update

from odr.kernel import Refused
from odr.people.tables import rate

MINUTE = 60_000
HOUR = 60 * MINUTE

# The pause after each attempt grows from half a minute, doubling, to this.
LONGEST_PAUSE = 15 * MINUTE


def bucket(secret: str, kind: str, value: str) -> str:
    """The name under which attempts are counted: 32 hex digits that only this house can tie to `value`."""
    return hmac.new(
        secret.encode(), f"odr/limits/{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()[:32]


def address_prefix(address: str | None) -> str:
    """The neighbourhood of an internet address, /24 of version 4 or /56 of version 6: one household or one rented
    machine commands at least as many addresses."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    length = 24 if parsed.version == 4 else 56
    return str(ipaddress.ip_network(f"{parsed}/{length}", strict=False))


def spend(
    connection: Connection,
    bucket: str,
    action: str,
    at: int,
    limit: int,
    window_ms: int,
    *,
    free: int | None = None,
) -> None:
    """Count one attempt, or raise Refused("too_many_attempts", minutes=…) when `limit` of this window are spent.

    A window opens with its first attempt and lasts `window_ms`, so that any stretch as long as a window holds at
    most twice `limit`. After `free` attempts each next one must wait longer. Spend in a transaction of its own,
    before the attempt: a failed attempt must not undo its count.
    """
    which = (rate.c.bucket == bucket, rate.c.action == action)
    # Locked where the database locks rows, so that simultaneous attempts are counted one after the other.
    row = connection.execute(select(rate).where(*which).with_for_update()).one_or_none()
    if row is None:
        connection.execute(
            insert(rate).values(bucket=bucket, action=action, opened_at=at, last_at=at, spent=1)
        )  # a simultaneous first attempt violates the key, and the write unit runs again
        return
    if at >= row.opened_at + window_ms:
        connection.execute(update(rate).where(*which).values(opened_at=at, last_at=at, spent=1))
        return
    again_at = row.opened_at + window_ms if row.spent >= limit else row.last_at + _pause(row.spent, free)
    if at < again_at:
        raise Refused("too_many_attempts", minutes=-(-(again_at - at) // MINUTE))
    connection.execute(update(rate).where(*which).values(last_at=at, spent=row.spent + 1))


def _pause(spent: int, free: int | None) -> int:
    if free is None or spent < free:
        return 0
    return min((MINUTE // 2) << min(spent - free, 20), LONGEST_PAUSE)


def demand_room(connection: Connection, bucket: str, action: str, at: int, limit: int, window_ms: int) -> None:
    """Raise as `spend` where `limit` of this window are spent, and count nothing."""
    row = connection.execute(select(rate).where(rate.c.bucket == bucket, rate.c.action == action)).one_or_none()
    if row is not None and row.spent >= limit and at < row.opened_at + window_ms:
        raise Refused("too_many_attempts", minutes=-(-(row.opened_at + window_ms - at) // MINUTE))


def give_back(connection: Connection, bucket: str, action: str) -> None:
    """Uncount one attempt that turned out to be rightful."""
    connection.execute(
        update(rate)
        .where(rate.c.bucket == bucket, rate.c.action == action, rate.c.spent > 0)
        .values(spent=rate.c.spent - 1)
    )


def sweep(connection: Connection, before: int) -> int:
    """Forget counts whose last attempt is older than the instant `before`; answers how many."""
    forgotten: int = connection.execute(delete(rate).where(rate.c.last_at < before)).rowcount
    return forgotten
