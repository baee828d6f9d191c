"""What the tests of readings are given: the people of a dispute with browsers, and what was written down."""

from __future__ import annotations

from typing import Any

from odr.house import House
from odr.log.chain import Entry
from odr.log.journal import read_stream
from odr.readings.records import stream_beside
from tests.builders import ADispute
from tests.mediation.conftest import buyer, dispute, house, mediators, nobody, registrar, seller, stranger

__all__ = ["buyer", "dispute", "house", "mediators", "nobody", "registrar", "seller", "stranger"]

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
REASON = "The buyer rang and cannot open the page."


def record(house: House, dispute: ADispute) -> list[Entry]:
    """The entries beside a dispute, the first one first."""
    with house.engine.connect() as connection:
        return [stored.entry for stored in read_stream(connection, stream_beside(dispute.id))]


def read_of(entry: Entry) -> tuple[str, str, str, Any]:
    """By whom, in which role, what and which one was read."""
    return entry.actor, entry.role, entry.data["what"], entry.data.get("item")
