"""Counting who takes case files: each one reads every file and draws every picture anew."""

from __future__ import annotations

from sqlalchemy import Connection

from odr.database import write_unit
from odr.house import House
from odr.people import limits

MOST_AN_HOUR = 30


def spend(house: House, account_id: str) -> None:
    """Count a case file of this account: more in an hour than a person can use are a machine's.

    Raises Refused("too_many_attempts", minutes=…).
    """
    bucket = limits.bucket(house.settings.secret_key, "account", account_id)

    def unit(connection: Connection) -> None:
        limits.spend(connection, bucket, "case file", house.clock(), MOST_AN_HOUR, limits.HOUR)

    write_unit(house.engine, unit)
