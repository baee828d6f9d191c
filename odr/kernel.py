"""The few words every floor shares: who acts, how much, what was refused, and identifiers."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

# Minor-unit exponents of ISO 4217 that are not 2; every other listed currency has two decimals.
_EXPONENTS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
CURRENCIES = frozenset(_EXPONENTS) | frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY"
    " COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS"
    " INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR"
    " MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD"
    " SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG".split()
)

# An amount of minor units must survive every JSON reader unchanged (RFC 8785 profile, log format).
LARGEST_MINOR = 10**15


class Refused(Exception):
    """A rule said no. `code` names the sentence shown to the person, `params` fill its places."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Missing(Exception):
    """What was asked for does not exist, or is not for this reader; the two look the same from outside."""


class Conflict(Exception):
    """The same thing was done elsewhere at the same moment and this attempt lost for good."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `id` as entries name them (a pseudonym of the dispute, a stable id, or "system") and the role."""

    id: str
    role: str


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An exact amount: integer `minor` units of an ISO 4217 `currency`. Never converted, never mixed."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} are never added")
        return Money(self.minor + other.minor, self.currency)

    @property
    def decimals(self) -> int:
        return decimals(self.currency)

    def __str__(self) -> str:
        """Plain decimal without grouping, for machines: "48.90", "72990"."""
        if not self.decimals:
            return str(self.minor)
        sign, digits = "-" * (self.minor < 0), str(abs(self.minor)).zfill(self.decimals + 1)
        return f"{sign}{digits[: -self.decimals]}.{digits[-self.decimals :]}"

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read "48.90" (full stop, no grouping). Raises Refused("amount_malformed" | "currency_unknown" |
        "amount_too_precise" | "amount_too_large")."""
        if currency not in CURRENCIES:
            raise Refused("currency_unknown")
        match = re.fullmatch(r"([0-9]{1,18})(?:\.([0-9]{1,6}))?", text.strip(), re.ASCII)
        if not match:
            raise Refused("amount_malformed")
        places = decimals(currency)
        fraction = (match[2] or "").rstrip("0") if len(match[2] or "") > places else (match[2] or "")
        if len(fraction) > places:
            raise Refused("amount_too_precise", currency=currency, decimals=places)
        minor = int(match[1]) * 10**places + int((fraction or "0").ljust(places, "0") or "0")
        if minor > LARGEST_MINOR:
            raise Refused("amount_too_large")
        return cls(minor, currency)


def decimals(currency: str) -> int:
    return _EXPONENTS.get(currency, 2)


def totals(amounts: list[Money]) -> dict[str, Money]:
    """Sums per currency, since amounts of different currencies are never added."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money(0, amount.currency)) + amount
    return sums


# A year short of the first and the last that a date can have, so that any time zone can show them.
_FIRST, _LAST = -62_104_060_800_000, 253_370_764_800_000

Clock = Callable[[], int]
"""A clock answers the present instant in milliseconds since 1970 UTC."""


def real_clock() -> int:
    return time.time_ns() // 1_000_000


def instant(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return int(moment.timestamp() * 1000)


def moment(at: int) -> datetime:
    """The aware UTC datetime of an instant in milliseconds. One beyond all calendars, which only somebody's deed can
    have put into a column, is the end of them: the page that tells of the deed must open."""
    return datetime.fromtimestamp(max(_FIRST, min(at, _LAST)) / 1000, UTC)


def is_zone(name: str) -> bool:
    """Whether `name` is a zone of the IANA database; anything else never reaches the file system."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def new_id() -> str:
    """A UUIDv7 (RFC 9562) as 32 hex digits: sorts by time of making, so b-trees stay compact."""
    stamp = time.time_ns() // 1_000_000
    bits = (stamp << 80) | (0x7 << 76) | (secrets.randbits(12) << 64) | (0x2 << 62) | secrets.randbits(62)
    return uuid.UUID(int=bits).hex


def new_pseudonym() -> str:
    """A random 128-bit name, 32 hex digits, that says nothing about its bearer or its age."""
    return secrets.token_hex(16)


# Crockford's base32: no I, L, O or U, so that a number can be read out over the telephone.
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number() -> str:
    """A public dispute number such as "7K3M-Q9TZ-5": 40 random bits and a check sign; not consecutive, so that
    it hides the volume."""
    body = "".join(secrets.choice(_SIGNS) for _ in range(8))
    return f"{body[:4]}-{body[4:]}-{_check_sign(body)}"


def read_number(text: str) -> str | None:
    """The canonical form of a number as a person typed it, or None when the check sign does not fit."""
    plain = re.sub(r"[\s-]", "", text.upper()).translate(str.maketrans("OIL", "011"))
    if len(plain) != 9 or any(sign not in _SIGNS for sign in plain) or _check_sign(plain[:8]) != plain[8]:
        return None
    return f"{plain[:4]}-{plain[4:8]}-{plain[8]}"


def _check_sign(body: str) -> str:
    # ISO 7064 MOD 37,36 style hybrid system over 32 signs: catches every single slip and nearly every swap.
    product = 32
    for sign in body:
        product = (product + _SIGNS.index(sign)) % 32 or 32
        product = product * 2 % 33
    return _SIGNS[(33 - product) % 32]
