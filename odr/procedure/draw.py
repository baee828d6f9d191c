"""The draw: the order in which a pool of mediators is asked, which anyone can recompute.

The pool is written into an entry before the seed exists: the first checkpoint signed over that entry. From then on the
order of the whole pool is fixed, so whoever is released is followed by the next of the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

RULE = "draw-1"


def order_of(pool: Sequence[str], commitment: str, root: str) -> tuple[str, ...]:
    """The order of a pool. `pool`: ids of 32 hex digits; `commitment`: the leaf hash of the entry that fixed the pool,
    64 hex digits; `root`: the root of the first checkpoint over it, 64 hex digits. The given order of `pool` is not
    looked at. Raises ValueError for what is not hex.

    Each mediator gets the ticket SHA-256("odr/draw-1" ‖ 0x00 ‖ commitment ‖ root ‖ id), all as bytes; the lowest ticket
    is first. Nobody can choose a ticket without choosing the root, which covers every other entry of the log too.
    """
    return tuple(sorted(pool, key=lambda name: ticket_of(name, commitment, root)))


def ticket_of(name: str, commitment: str, root: str) -> bytes:
    """The ticket of one mediator: 32 bytes."""
    return hashlib.sha256(b"odr/draw-1\x00" + bytes.fromhex(commitment + root + name)).digest()
