"""A copy of one's data: what somebody gave this house, and what it keeps about them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from odr.disputes.queries import Line, made_by
from odr.disputes.records import stream_of
from odr.erasure.queries import outlook_of, parts_of, requested_at, rows_about
from odr.evidence.media import with_suffix
from odr.evidence.store import Damaged
from odr.filing.drafts import drafts_of
from odr.house import House
from odr.identity.queries import proofs_of
from odr.kernel import moment
from odr.log.journal import read_stream
from odr.log.tables import stored_file
from odr.notices.tables import outbox
from odr.people.queries import Account
from odr.procedure.dispute import Dispute, EvidenceItem, Phase
from odr.profile.queries import claims_of

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the account's owner: where it lies in the copy, and in the store."""

    path: str
    object_id: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class OwnDispute:
    """One's own part in a dispute: what one wrote and sent, entry by entry."""

    number: str
    side: str
    dispute: Dispute
    lines: list[Line]
    files: Mapping[int, OwnFile]


@dataclass(frozen=True, slots=True)
class Copy:
    """Everything of an account, at the instant `made_at`."""

    made_at: int
    account: Account
    rows: Mapping[str, list[Row]]
    asked_at: int | None
    drafts: list[Row]
    notices: list[Row]
    acts: list[Row]
    disputes: list[OwnDispute]


def copy_of(connection: Connection, house: House, owner: Account) -> Copy:
    """Read all that an account's owner may have of themselves."""
    drafts = [
        {"number": each.number, "saved_at": each.saved_at, "answers": each.answers}
        for each in drafts_of(connection, house, owner.id)
    ]
    acts = [
        {"at": one.entry.at, "type": one.entry.type, "data": dict(one.entry.data)}
        for one in read_stream(connection, f"account/{owner.id}")
    ]
    return Copy(
        made_at=house.clock(),
        account=owner,
        rows={**rows_about(connection, owner.id), **_identity(connection, house, owner.id)},
        asked_at=requested_at(connection, owner.id),
        drafts=drafts,
        notices=_notices(connection, owner.id),
        acts=acts,
        disputes=list(_disputes(connection, house, owner.id)),
    )


def _identity(connection: Connection, house: House, account_id: str) -> dict[str, list[Row]]:
    """The domains and electronic identities that the owner has shown, and the addresses they have claimed."""
    proofs = [
        {
            "level": one.level,
            "by": one.method,
            "named": one.subject,
            "begun_at": one.begun_at,
            "proven_at": one.proven_at,
        }
        for one in proofs_of(connection, house, account_id)
    ]
    claims = [
        {"address": one.address, "claimed_at": one.claimed_at} for one in claims_of(connection, house, account_id)
    ]
    return {"identities": proofs, "claimed_addresses": claims}


def _disputes(connection: Connection, house: House, account_id: str) -> Iterator[OwnDispute]:
    for part in parts_of(connection, account_id):
        if not outlook_of(connection, house, part).is_known:
            continue
        dispute, own = made_by(connection, house, part.dispute_id, part.actor)
        evidence = {item.version: item for item in dispute.evidence}
        kept = connection.execute(
            select(stored_file.c.ver, stored_file.c.object_id, stored_file.c.wrapped_key).where(
                stored_file.c.stream == stream_of(part.dispute_id)
            )
        )
        of_version = {row.ver: row for row in kept}
        files = {
            line.version: OwnFile(
                _path(part.number, evidence[line.version], line.words.get("name", "")),
                of_version[line.version].object_id,
                of_version[line.version].wrapped_key,
            )
            for line in own
            if line.version in of_version and line.version in evidence
        }
        yield OwnDispute(part.number, part.actor.role, dispute, own, files)


def _path(number: str, item: EvidenceItem, name: str) -> str:
    # The name is the owner's own word; its end alone goes into a path that is unpacked on somebody's disk.
    _stem, dot, end = with_suffix(name or "file", item.media).rpartition(".")
    suffix = f".{end}" if dot and end.isascii() and end.isalnum() else ""
    return f"files/{number}/{item.item:04d}{suffix}"


def _notices(connection: Connection, account_id: str) -> list[Row]:
    table = outbox
    columns = (table.c.template, table.c.created_at, table.c.sent_at, table.c.failed_at, table.c.returned_at)
    query = select(*columns).where(table.c.account_id == account_id).order_by(table.c.id)
    return [dict(row._mapping) for row in connection.execute(query)]


def to_json(copy: Copy, operator: str) -> bytes:
    """The copy for other programs (GDPR Art. 20): everything, instants as ISO 8601 in UTC."""
    account = {name: value for name, value in asdict(copy.account).items() if name != "password_hash"}
    whole = {
        "house": operator,
        "made_at": copy.made_at,
        "account": {**account, "has_password": copy.account.password_hash is not None},
        "erasure_asked_at": copy.asked_at,
        **copy.rows,
        "account_log": copy.acts,
        "drafts": copy.drafts,
        "notices": copy.notices,
        "disputes": [_dispute(each) for each in copy.disputes],
    }
    return (json.dumps(_dated(whole), ensure_ascii=False, indent=1) + "\n").encode()


def _dispute(own: OwnDispute) -> Row:
    return {
        "number": own.number,
        "side": own.side,
        "phase": str(own.dispute.phase),
        "code": own.dispute.code,
        "compliance": own.dispute.compliance if own.dispute.phase is Phase.CLOSED else None,
        "entries": [
            {
                "version": line.version,
                "at": line.at,
                "type": line.type,
                "data": dict(line.data),
                "words": {name: text for name, text in line.words.items() if name != "file"},
                "file": own.files[line.version].path if line.version in own.files else None,
            }
            for line in own.lines
        ],
    }


def _dated(value: Any, name: str = "") -> Any:
    """The same with every instant, as told by the name of its field, as ISO 8601."""
    if isinstance(value, Mapping):
        return {key: _dated(held, str(key)) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_dated(each, name) for each in value]
    dated = isinstance(value, int) and (name == "at" or name.endswith("_at") or name in ("mandate_until",))
    return moment(value).isoformat() if dated else value


def chunks_of(house: House, file: OwnFile) -> Iterator[bytes]:
    """The plain bytes of a file; nothing where it is damaged or gone, which does not keep the rest from its owner."""
    try:
        yield from house.files.read(file.object_id, file.wrapped_key)
    except Damaged:
        return
