"""What a code must look like, and how long its proof and its making last."""

from __future__ import annotations

import base64
import hashlib

STEP = 30_000
"""How long (ms) a code of an app is shown (RFC 6238, 5.2)."""
CODES = 10
MOST_FACTORS = 10
MOST_NAME = 60
RESET_WAITS = 72 * 3_600_000
"""How long (ms) the wish for a reset can be agreed with (ADR 33)."""
_CODE_BYTES = 10
_GROUP = 4


def steps_around(at: int) -> tuple[int, int, int]:
    """The step of now and its neighbours: a telephone's clock may be half a minute off, and typing takes a while."""
    now = at // STEP
    return now, now - 1, now + 1


def is_app_code(typed: str) -> bool:
    """Whether this is the six digits of an app, and no recovery code."""
    tight = "".join(typed.split())
    return len(tight) == 6 and tight.isascii() and tight.isdigit()


def recovery_codes(random: bytes) -> list[str]:
    """Codes to be written down, of 80 bits each, in groups of four signs; `random` holds `RANDOM` bytes."""
    parts = [random[place : place + _CODE_BYTES] for place in range(0, RANDOM, _CODE_BYTES)]
    return [_grouped(base64.b32encode(part).decode().lower()) for part in parts]


RANDOM = CODES * _CODE_BYTES


def code_hash(account_id: str, typed: str) -> str:
    """What is kept of a recovery code: the same however it is spaced or capitalised when it is typed back."""
    tight = "".join(sign for sign in typed.lower() if sign.isalnum())
    return hashlib.sha256(f"odr/recovery/v1\n{account_id}\n{tight}".encode("utf-8", "surrogatepass")).hexdigest()


def in_groups(secret: str) -> str:
    """The secret of an app as people can type it over."""
    return _grouped(secret, " ")


def _grouped(signs: str, between: str = "-") -> str:
    return between.join(signs[place : place + _GROUP] for place in range(0, len(signs), _GROUP))
