"""Single-use links: a secret in a mail that opens one thing, once, for one person, until an instant."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from odr.kernel import Refused
from odr.people.tables import link

MINUTE = 60_000
DAY = 24 * 60 * MINUTE

LASTS = {"verify": DAY, "reset": 30 * MINUTE, "signin": 30 * MINUTE, "invite": 7 * DAY, "mandate": 7 * DAY}
"""How long a link of each purpose lasts, in milliseconds, when its maker does not say."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is bound to. Instants are milliseconds UTC; `used_at` is None until it was answered."""

    purpose: str
    account_id: str | None
    email: str | None
    dispute_id: str | None
    expires_at: int
    used_at: int | None
    actor_id: str | None = None


def issue_link(
    connection: Connection,
    *,
    purpose: str,
    account_id: str | None = None,
    email: str | None = None,
    dispute_id: str | None = None,
    actor_id: str | None = None,
    at: int,
    lasts_ms: int | None = None,
) -> str:
    """A new token of 256 random bits, 43 URL-safe signs; only its hash is kept, so it can never be shown again.

    `verify` is bound to the `email` it goes to, `reset` and `signin` to an `account_id`, `invite` to a `dispute_id`
    and the `email`, `mandate` to the representative as entries of the dispute name them (`actor_id`) as well.
    """
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(link).values(
            token_hash=_hash(token),
            purpose=purpose,
            account_id=account_id,
            email=email,
            dispute_id=dispute_id,
            actor_id=actor_id,
            made_at=at,
            expires_at=at + (LASTS[purpose] if lasts_ms is None else lasts_ms),
        )
    )
    return token


def find_link(connection: Connection, token: str, purpose: str) -> Link | None:
    """A link by its token even when it is used or expired, so that a page can say which of the two it is."""
    row = connection.execute(
        select(
            link.c.purpose,
            link.c.account_id,
            link.c.email,
            link.c.dispute_id,
            link.c.expires_at,
            link.c.used_at,
            link.c.actor_id,
        ).where(link.c.token_hash == _hash(token), link.c.purpose == purpose)
    ).one_or_none()
    return Link(*row) if row else None


def consume_link(connection: Connection, token: str, purpose: str, at: int) -> Link:
    """Use a link up and answer what it was bound to. Raises Refused("link_unknown" | "link_used" | "link_expired").

    One statement decides, so that of simultaneous attempts exactly one wins on every database.
    """
    won = connection.execute(
        update(link)
        .where(
            link.c.token_hash == _hash(token),
            link.c.purpose == purpose,
            link.c.used_at.is_(None),
            link.c.expires_at > at,
        )
        .values(used_at=at)
    ).rowcount
    found = find_link(connection, token, purpose)
    if found is None:
        raise Refused("link_unknown")
    if not won:
        raise Refused("link_used" if found.used_at is not None else "link_expired")
    return found


def void_links(connection: Connection, account_id: str, purposes: tuple[str, ...], at: int) -> None:
    """Make the unused links of an account worthless: a mail that was read by somebody else opens nothing now."""
    connection.execute(
        update(link)
        .where(link.c.account_id == account_id, link.c.purpose.in_(purposes), link.c.used_at.is_(None))
        .values(used_at=at)
    )


def void_links_to(connection: Connection, email: str, purpose: str, at: int) -> None:
    """Make the unused links of one purpose that went to an address worthless."""
    connection.execute(
        update(link)
        .where(link.c.email == email, link.c.purpose == purpose, link.c.used_at.is_(None))
        .values(used_at=at)
    )


def void_links_for(connection: Connection, actor_id: str, purpose: str, at: int) -> None:
    """Make the unused links of one purpose worthless that went to whom the entries of a dispute name so."""
    connection.execute(
        update(link)
        .where(link.c.actor_id == actor_id, link.c.purpose == purpose, link.c.used_at.is_(None))
        .values(used_at=at)
    )


def sweep(connection: Connection, before: int) -> int:
    """Forget links that expired before an instant; answers how many."""
    forgotten: int = connection.execute(delete(link).where(link.c.expires_at < before)).rowcount
    return forgotten


def _hash(token: str) -> str:
    # A plain hash is enough, since 256 random bits cannot be guessed (decisions.md, passwords).
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
