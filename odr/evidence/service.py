"""Taking a file in: it lies safely in the store before any entry names it, and leaves nothing when turned away."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert

from odr.disputes.service import Done, perform
from odr.evidence import queries, rules
from odr.evidence.media import Media, inspect
from odr.evidence.store import Readable, Staged
from odr.house import House
from odr.kernel import Actor, Missing, Refused
from odr.log.journal import Stored
from odr.log.tables import stored_file


def take_in(
    house: House, dispute_id: str, actor: Actor, *, key: str, arriving: Readable, name: str, about: str
) -> Done:
    """Store what arrives, judge it, and add it to the dispute as evidence.

    `name` and `about` are the sender's words. Nothing is locked while the file arrives. Raises Refused as
    `Store.stage`, `inspect` and `rules.add_evidence` do; that a file was turned away for what it is, is recorded.
    """
    staged = house.files.stage(arriving, limit=house.settings.upload_limit)
    try:
        media = inspect(staged.head, staged.size, house.files.read_staged(staged))
    except Refused as refused:
        house.files.discard(staged)
        perform(house, rules.refuse_upload, dispute_id, actor, key=key, reason=refused.code)
        raise
    except BaseException:
        house.files.discard(staged)
        raise
    house.files.keep(staged)
    return _add(house, dispute_id, actor, key, staged, media, {"name": name, "about": about})


def _add(
    house: House, dispute_id: str, actor: Actor, key: str, staged: Staged, media: Media, said: dict[str, str]
) -> Done:
    def own(connection: Connection, stored: list[Stored]) -> None:
        entry = stored[0].entry
        row = {"object_id": staged.object_id, "wrapped_key": staged.wrapped_key}
        connection.execute(insert(stored_file), {"stream": entry.stream, "ver": entry.version, **row})

    given: dict[str, Any] = {
        "file": rules.StoredFile(staged.sha256, staged.size, staged.object_id),
        "media": media.media_type,
        "notes": ("locked", *media.notes) if media.locked else media.notes,
        **said,
    }
    try:
        done = perform(house, rules.add_evidence, dispute_id, actor, key=key, alongside=own, **given)
    except (Refused, Missing):
        house.files.remove(staged.object_id)
        raise
    _drop_unless_named(house, staged.object_id)
    return done


def _drop_unless_named(house: House, object_id: str) -> None:
    """The same upload sent twice is stored twice and is one act: the copy that no entry took goes."""
    with house.engine.connect() as connection:
        if not queries.is_named(connection, object_id):
            house.files.remove(object_id)
