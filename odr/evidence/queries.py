"""Where the files of a dispute lie: which sealed object belongs to an entry."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from odr.disputes.records import stream_of
from odr.house import House
from odr.log.payloads import reveal
from odr.log.tables import payload, stored_file


@dataclass(frozen=True, slots=True)
class Place:
    """A kept file: the id of its object in the store and the wrapped key that opens it."""

    object_id: str
    wrapped_key: bytes


_PLACE = select(stored_file.c.object_id, stored_file.c.wrapped_key).where(
    stored_file.c.stream == bindparam("stream"), stored_file.c.ver == bindparam("version")
)
_NAMED = select(stored_file.c.ver).where(stored_file.c.object_id == bindparam("object_id"))


def place_of(connection: Connection, dispute_id: str, version: int) -> Place | None:
    """Where the file of an entry lies; None once it was erased."""
    row = connection.execute(_PLACE, {"stream": stream_of(dispute_id), "version": version}).one_or_none()
    return Place(row.object_id, row.wrapped_key) if row else None


def is_named(connection: Connection, object_id: str) -> bool:
    """Whether any entry names this file."""
    return connection.execute(_NAMED, {"object_id": object_id}).first() is not None


def words_of(
    connection: Connection, house: House, dispute_id: str, versions: Collection[int]
) -> Mapping[int, Mapping[str, str]]:
    """The words beside these entries, for who may open their files though not read the dispute's other words (see
    `access.may_read_file`); one that was erased has none."""
    stream, words = stream_of(dispute_id), dict[int, dict[str, str]]()
    query = select(payload.c.ver, payload.c.name, payload.c.wrapped_key, payload.c.sealed).where(
        payload.c.stream == stream, payload.c.ver.in_(versions)
    )
    for row in connection.execute(query):
        text = reveal(house.keys, stream, row.ver, row.name, row.wrapped_key, row.sealed).decode()
        words.setdefault(row.ver, {})[row.name] = text
    return words
