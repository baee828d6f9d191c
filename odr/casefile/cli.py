"""`odr export`: the case file of one reader, written by the operator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from flask import Flask
from sqlalchemy import select

from odr.casefile import filters, publication, queries, records
from odr.database import one_moment
from odr.disputes.queries import Seat
from odr.disputes.tables import party
from odr.house import House
from odr.log.integrator import seal_all
from odr.people import tables as people
from odr.procedure.access import PERMISSIONS
from odr.procedure.dispute import Dispute
from odr.readings.service import note

SIDES = ("buyer", "seller", "mediator")
"""Whose case file can be asked for."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where a case file lies, how many files of evidence it lacks, and the vkey that it is checked with."""

    place: Path
    lost: int
    key: str


def export(app: Flask, number: str, side: str, output: Path | None) -> Exported:
    """Write the case file of this side of the dispute of this number, in the language and zone of its account. Seals
    the log first.

    Raises Missing where that side has none, NoCaseFile, SigningStopped, OSError.
    """
    house: House = app.extensions["odr"]
    seal_all(house)
    with one_moment(house.engine) as connection:
        seat = queries.seat_of(connection, house, number, side)
        contents = queries.contents_of(connection, house, seat)
    if side in PERMISSIONS["casefile:read"].audited:
        # Whoever takes it for the mediator: the parties read that it was taken.
        note(house, seat, "casefile:read", "casefile")
    files = publication.files_of(house, contents)
    with app.test_request_context(headers={"Cookie": _manner(house, seat, contents.page.dispute)}):
        package = publication.package(contents, files, filters.index(house, contents, files))
    place = output or Path(records.file_name(seat.number, contents.reader))
    with _aside(place) as file:
        for chunk in package.chunks:
            file.write(chunk)
    return Exported(place, len(files.left_out), contents.key)


def _manner(house: House, seat: Seat, dispute: Dispute) -> str:
    """The language and the zone of the account behind a seat, as a browser would send them; where there is none, the
    language that this side is written to in."""
    account = people.account
    query = select(account.c.language, account.c.zone)
    if seat.actor.role == "mediator":
        query = query.join(people.mediator, people.mediator.c.account_id == account.c.id).where(
            people.mediator.c.id == seat.actor.id
        )
    else:
        query = query.join(party, party.c.account_id == account.c.id).where(
            party.c.dispute_id == seat.dispute_id, party.c.side == seat.actor.role
        )
    with house.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row:
        return f"lang={row.language}; zone={row.zone}"
    written_to = {"buyer": dispute.buyer_language, "seller": dispute.seller_language}
    return f"lang={written_to.get(seat.actor.role, '')}"


@contextmanager
def _aside(place: Path) -> Iterator[BinaryIO]:
    """A file for this user alone that stands in its place only once it is whole."""
    with NamedTemporaryFile(dir=place.absolute().parent, prefix=f".{place.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    os.replace(file.name, place)
