"""Verifying stored files: each one that an entry names is there and is what the entry says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from odr.evidence.store import Damaged
from odr.house import House
from odr.log.keys import Unreadable
from odr.log.payloads import reveal
from odr.log.tables import payload, stored_file
from odr.log.verify import Finding

# A file that no entry names may be one whose act is still under way; only an older one is left over.
GRACE = 24 * 3_600_000


def verify_files(connection: Connection, house: House, now: int) -> Iterator[Finding]:
    """Read every file to its end and compare it with the description its entry commits to."""
    described = {
        (row.stream, row.ver): row for row in connection.execute(select(payload).where(payload.c.name == "file"))
    }
    named: dict[str, Any] = {}
    for row in connection.execute(select(stored_file).order_by(stored_file.c.stream, stored_file.c.ver)):
        named[row.object_id] = row
        words = described.pop((row.stream, row.ver), None)
        if words is None:
            yield Finding("file_reappeared", row.stream, row.ver, found=row.object_id)
        else:
            yield from _verify_file(house, row, words)
    for stream, version in described:
        yield Finding("file_missing", stream, version)
    for object_id in house.files.objects():
        if object_id not in named and now - house.files.written_at(object_id) > GRACE:
            yield Finding("file_unknown", found=object_id)


def _verify_file(house: House, row: Any, words: Any) -> Iterator[Finding]:
    try:
        said = json.loads(reveal(house.keys, words.stream, words.ver, words.name, words.wrapped_key, words.sealed))
    except (Unreadable, ValueError):
        # Named as unreadable words by the walk over the log.
        return
    if said["object"] != row.object_id:
        yield Finding("file_differs", row.stream, row.ver, None, said["object"], row.object_id)
        return
    try:
        house.files.verify_object(row.object_id, row.wrapped_key, said["sha256"], said["size"])
    except Damaged as damage:
        code = "file_missing" if damage.code == "file_missing" else "file_differs"
        yield Finding(code, row.stream, row.ver, found=damage.code)
