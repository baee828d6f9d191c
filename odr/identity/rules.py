"""How long a proof of identity is good, how often it is looked at again, and what a domain has to show."""

from __future__ import annotations

import hashlib
import hmac

DAY = 86_400_000

LASTS = 365 * DAY
"""How long (ms) a proof is good before its owner has to confirm it."""
LOOKED_AT_EVERY = 20 * 3_600_000
"""How long (ms) what a domain shows is taken for granted; a little less than a day, so that no day is left out."""
MOST_MISSED = 3
"""How often in a row a domain may not show its proof any more before the proof ends: a record is lost for an afternoon
when a site moves to another house."""
BEGUN_LASTS = 30 * DAY
"""How long a proof that was begun waits to be shown."""
MOST_PROOFS = 10
EID_WAITS = 15 * 60_000
"""How long (ms) a browser may be away to prove an electronic identity."""

ORGANISATION, EID = "organisation", "eid"
DNS, WEB, OIDC = "dns", "web", "oidc"
WAYS = (DNS, WEB)

RECORD = "_evenhand."
"""What stands before a domain in the name of the record that proves it."""
FILE = "/.well-known/evenhand.txt"


def line_of(token: str) -> str:
    """What a domain has to show: the text of a record, or one line of a file."""
    return f"evenhand={token}"


def subject_hash(secret: str, level: str, *named: str) -> str:
    """The keyed digest by which two claims to the same domain, or to the same person, are found: only this house can
    tie it to a name."""
    key = hashlib.sha256(b"odr/identity/v1\n" + secret.encode()).digest()
    text = "\n".join((level, *named)).encode("utf-8", "surrogatepass")
    return hmac.new(key, text, hashlib.sha256).hexdigest()
