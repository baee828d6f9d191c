"""Why an account is suspended, and from when an administrator counts as one of two."""

from __future__ import annotations

HOUR = 3_600_000
SETTLES = 72 * HOUR
"""How long (ms) after another administrator gave the role its holder counts as a second person: long enough for the
others to hear of it and to object, or one alone could make the second themself."""

SUSPENSION_GROUNDS = ("insecure", "misuse", "authority", "asked")


def counts_as_second(given_by: str | None, granted_at: int, at: int) -> bool:
    """Whether an administrator can be one of two: at once when the operator made them one, who needs no accomplice."""
    return given_by is None or at >= granted_at + SETTLES
