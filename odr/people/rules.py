"""What an address, a name and a password must be like before the house takes them."""

from __future__ import annotations

import re
import unicodedata

from odr.kernel import Refused

LEAST_PASSWORD = 12
MOST_PASSWORD = 128
MOST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
MOST_NAME = 120

# What the lists of leaked passwords are full of at this length: one of these words with something around it.
_WORST_WORDS = frozenset(
    "password passwort passw0rd motdepasse contrasena contrasenha wachtwoord mima qwerty qwertz azerty qazwsx asdfgh"
    " zxcvbn iloveyou woaini letmein welcome willkommen bienvenue monkey dragon football baseball sunshine princess"
    " superman batman trustno master shadow michael jennifer jordan starwars pokemon computer internet samsung"
    " google facebook admin administrator root login secret changeme default guest test hello whatever mustang"
    " liverpool arsenal chelsea barcelona metallica nothing charlie cheese summer winter spring autumn january"
    " evenhand odr dispute disputes buyer seller mediator registrar regulator refund account".split()
)
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
)
_RUNS = (*_ROWS, *(row[::-1] for row in _ROWS))
# Signs that turn the direction of writing, so that a text reads as something else than it is.
_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# How many different signs must be left once words and runs are taken out; fewer are only decoration around them.
_LEAST_REST = 5
_SWAPS = str.maketrans({"@": "a", "4": "a", "0": "o", "3": "e", "1": "i", "5": "s", "$": "s", "7": "t", "!": "i"})


def email_key(email: str) -> str:
    """The one form in which an address is kept and compared: NFC, lower case, no blanks around it, and its domain in
    letters, however it was typed, so that one mailbox is not taken for two.

    Raises Refused("email_malformed"), also for signs that could start a new header line in a mail.
    """
    if len(email) > 4 * MOST_EMAIL:
        raise Refused("email_malformed")
    local, at, domain = unicodedata.normalize("NFC", email).strip().lower().rpartition("@")
    key = f"{local}{at}{_in_letters(domain)}"
    shape = re.fullmatch(r"[^@\s]{1,64}@(?:[^@\s.]+\.)+[^@\s.]+", key)
    if not shape or len(key) > MOST_EMAIL or any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") for sign in key):
        raise Refused("email_malformed")
    return key


def _in_letters(domain: str) -> str:
    """A domain with wide letters made plain and "xn--" spelt out (RFC 3492), as browsers show it."""
    try:
        labels = [
            label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
            for label in _plain(domain).split(".")
        ]
    except UnicodeError as malformed:
        raise Refused("email_malformed") from malformed
    spelt = _plain(".".join(labels))
    # What would have to be spelt out twice was typed by nobody honest.
    if any(label.startswith("xn--") for label in spelt.split(".")) or _plain(spelt) != spelt:
        raise Refused("email_malformed")
    return spelt


def _plain(domain: str) -> str:
    return unicodedata.normalize("NFKC", domain).lower().replace("。", ".")


def tidy_name(name: str) -> str:
    """A name on one line without control signs or reversed writing. Raises Refused("name_missing")."""
    seen = "".join(sign for sign in unicodedata.normalize("NFC", name) if not _disguises(sign))
    tidy = " ".join(seen.split())[:MOST_NAME].strip()
    if not tidy:
        raise Refused("name_missing")
    return tidy


def _disguises(sign: str) -> bool:
    # Joiners are needed to write Persian and several Indian scripts; overrides only serve to mislead.
    if sign.isspace():
        return False
    return unicodedata.category(sign) in ("Cc", "Cs") or sign in _OVERRIDES


def password_form(password: str) -> str:
    """The one form in which a password is hashed, so that two keyboards that compose a sign differently agree
    (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, own_words: tuple[str, ...] = ()) -> None:
    """Refuse a password that would be guessed early. No rule about kinds of signs (NIST SP 800-63B-4, 3.1.1.2).

    `own_words`: the person's name and address. Raises Refused("password_too_short", least=…),
    Refused("password_too_long", most=…), Refused("password_own_words") or Refused("password_common").
    """
    plain = password_form(password)
    if len(plain) < LEAST_PASSWORD:
        raise Refused("password_too_short", least=LEAST_PASSWORD)
    if len(plain) > MOST_PASSWORD:
        raise Refused("password_too_long", most=MOST_PASSWORD)
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in plain):
        raise Refused("password_common")
    lowered = plain.lower()
    variants = (lowered, lowered.translate(_SWAPS))
    if min(_rest_without(variant, _WORST_WORDS) for variant in variants) < _LEAST_REST:
        raise Refused("password_common")
    if _rest_without(lowered, _words_of(own_words)) < _LEAST_REST:
        raise Refused("password_own_words")


def _words_of(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for text in texts for word in re.split(r"[\W_]+", text.lower()) if len(word) > 3)


def _rest_without(lowered: str, words: frozenset[str]) -> int:
    """How many different signs are neither in one of the words nor in a run."""
    rest = lowered
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "\0")
    return len({sign for piece in rest.split("\0") for sign in _without_runs(piece)})


def _without_runs(piece: str) -> str:
    kept, start = [], 0
    while start < len(piece):
        length = _run_at(piece, start)
        kept.append("" if length >= 4 else piece[start])
        start += length if length >= 4 else 1
    return "".join(kept)


def _run_at(piece: str, start: int) -> int:
    """The length of the run along the keyboard, the alphabet or the digits that begins here."""
    longest = 1
    for row in _RUNS:
        while start + longest < len(piece) and piece[start : start + longest + 1] in row:
            longest += 1
    return longest


def local_path(target: str | None, otherwise: str) -> str:
    """Where to go next inside this house: `target` when it is a path of ours, else `otherwise`.

    Browsers read "//host", "/\\host" and paths with control signs as other hosts, so all of these are refused.
    """
    if not target or len(target) > 2000 or not re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", target):
        return otherwise
    return target
