"""The public log: its page, the last checkpoint, the key, the tiles of hashes, and proofs made from them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from time import monotonic
from typing import Any, NoReturn, TypeVar

from flask import Blueprint, abort, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from odr.house import House
from odr.kernel import Missing, moment
from odr.log.auditors import bundle_of, note_read
from odr.log.cosigning import PolicyTrouble, Watch, last_cosigned, policy_text, watch_of, with_cosignatures
from odr.log.halt import latest_checkpoint, published_file
from odr.log.note import vkey
from odr.log.proof import TILE_WIDTH
from odr.log.publication import history_of, tile_path
from odr.log.queries import LogState, log_state
from odr.log.selfcheck import LastCheck, health, last_checks
from odr.log.signers import signers_of
from odr.log.tiles import Torn, consistency, inclusion, tile_data
from odr.web.security import CONTENT_POLICY, current_auditor, current_house, requires
from odr.web.sentences import RECORDS, facts

blueprint = Blueprint("log", __name__)

Read = TypeVar("Read")

NEVER_CHANGES = "public, max-age=31536000, immutable"
# The rest of a tile comes with time, and then nobody asks for a part of it any more.
FOR_NOW = "public, max-age=3600"

NOTHING_LEAVES = CONTENT_POLICY.replace("connect-src 'self'", "connect-src 'none'")
"""What the page that checks a reader's file lets the browser do: its scripts connect to nobody, us included."""

VERIFIER = "evenhand-verify.py"
"""What the verifier is called where it is downloaded."""

_VERIFIER = (files("odr.log") / "offline.py").read_bytes()

# Hashes that were signed over never change: who asks next gets them without the database. By log, level, number, width.
_tiles: dict[tuple[str, int, int, int], bytes] = {}
MOST_TILES = 512

_LEVEL = re.compile(r"0|[1-9][0-9]?")
_PLACE = re.compile(r"(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class _LastNote:
    """The last checkpoint as it was just handed out, which the whole world asks for. It is good for a second, since a
    witness may add its line meanwhile, and as long as no later one lies outside the database."""

    def __init__(self) -> None:
        self._held: tuple[Mark | None, bytes, float] = (None, b"", 0.0)

    def at_hand(self, mark: Mark | None) -> bytes | None:
        last, noted, since = self._held
        return noted if last is not None and last == mark and monotonic() - since < 1 else None

    def keep(self, mark: Mark | None, noted: bytes) -> None:
        self._held = (mark, noted, monotonic())


Mark = tuple[str, int, int]
"""What a file is known by: the log it belongs to, which file it is, and when it was written."""


def _mark(house: House) -> Mark | None:
    """The mark of the copy outside the database, which is replaced by another file with each checkpoint."""
    try:
        file = published_file(house.settings).stat()
    except FileNotFoundError:
        return None
    return house.origin, file.st_ino, file.st_mtime_ns


_checkpoints = _LastNote()


@blueprint.get("/log")
@requires("site:read")
def overview() -> str:
    house = current_house()
    with house.engine.connect() as connection:
        state = log_state(connection, house)
        watch = watch_of(connection, house)
        noted = with_cosignatures(connection, state.number, state.note)
        checks = health(connection, house.clock())
    return render_template(
        "log/overview.html", state=state, noted=noted, watch=watch, checks=checks, origin=house.origin, keys=_keys()
    )


@blueprint.get("/log/status")
@requires("site:read")
def status() -> Response:
    """How the log stands, for programs that watch it."""
    house = current_house()
    with house.engine.connect() as connection:
        state, watch, checks = log_state(connection, house), watch_of(connection, house), last_checks(connection)
    answer = jsonify(_told(state, watch, checks))
    # Whoever asks together with many others is told what they were told, a few seconds ago.
    answer.headers["Cache-Control"] = "public, max-age=5"
    return answer


@blueprint.get("/log/checkpoint")
@requires("site:read")
def checkpoint() -> Response:
    """The last checkpoint, a signed note (C2SP tlog-checkpoint), with the lines of the witnesses that cosigned it.
    Missing before the first."""
    house = current_house()
    mark = _mark(house)
    noted = _checkpoints.at_hand(mark)
    if noted is None:
        with house.engine.connect() as connection:
            noted = last_cosigned(connection)
        if noted is None:
            raise Missing("checkpoint")
        _checkpoints.keep(mark, noted)
    return _plain(noted)


@blueprint.get("/log/key")
@requires("site:read")
def key() -> Response:
    """The lines by which others come to trust the log's keys (C2SP signed-note): of all that sign now, the newest
    first."""
    return _plain("".join(f"{line}\n" for line in _keys()).encode())


@blueprint.get("/log/policy")
@requires("site:read")
def policy() -> Response:
    """Which witnesses this house asks to watch its log, and how many must sign (C2SP tlog-policy)."""
    with current_house().engine.connect() as connection:
        try:
            return _plain(policy_text(connection, current_house()))
        except PolicyTrouble:
            sentence = _("The policy of this house cannot be read, and the operator has to set it right.")
            return _plain(sentence.encode() + b"\n", HTTPStatus.SERVICE_UNAVAILABLE)


@blueprint.get("/log/history")
@requires("site:read")
def history() -> Response:
    """How the keys changed: receipts that lead from any key of the log to all others. Missing before the first."""
    house = current_house()
    with house.engine.connect() as connection:
        told = _whole(lambda: history_of(connection, house))
    if not told:
        raise Missing("history")
    answer = _plain(told)
    answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


@blueprint.get("/log/checking")
@requires("site:read")
def checking() -> str:
    """How somebody who is no engineer checks a receipt at home."""
    digest = hashlib.sha256(_VERIFIER).hexdigest()
    return render_template("log/checking.html", key=_key(), verifier=VERIFIER, digest=digest)


@blueprint.get("/log/verify")
@requires("site:read")
def verify() -> Response:
    """A receipt or a case file, checked in the reader's browser. The page may ask for nothing once it is there."""
    told = {"key": _key(), "history": _told_history(), "facts": facts(), "records": RECORDS}
    answer = make_response(render_template("log/verify.html", **told))
    answer.headers["Content-Security-Policy"] = NOTHING_LEAVES
    return answer


@blueprint.get("/log/verifier")
@requires("site:read")
def verifier() -> Response:
    """The verifier for everybody, one file of plain Python."""
    answer = _plain(_VERIFIER)
    answer.mimetype = "text/x-python"
    answer.headers["Content-Disposition"] = f'attachment; filename="{VERIFIER}"'
    return answer


@blueprint.get("/log/tile/<level>/<path:place>")
@requires("site:read")
def tile(level: str, place: str) -> Response:
    """A tile of hashes (C2SP tlog-tiles), as far as the last checkpoint reaches. Entries are not public."""
    height, number, width = named = _tile_named(level, place)
    house = current_house()
    data = _tiles.get((house.origin, *named))
    if data is None:
        with house.engine.connect() as connection:
            if (number * TILE_WIDTH + width) * TILE_WIDTH**height > _signed_size(connection):
                raise Missing(place)
            data = _whole(lambda: tile_data(connection, height, number, width))
        while len(_tiles) >= MOST_TILES:
            _tiles.pop(next(iter(_tiles)), None)
        _tiles[house.origin, *named] = data
    answer = make_response(data)
    answer.mimetype = "application/octet-stream"
    answer.headers["Cache-Control"] = NEVER_CHANGES if width == TILE_WIDTH else FOR_NOW
    return answer


@blueprint.get("/log/tile/entries/<path:place>")
@requires("entries:audit")
def entries(place: str) -> Response:
    """The entries under a tile of level 0 (C2SP tlog-tiles), as far as the last checkpoint reaches; for auditors. That
    they were read is written down before they are handed over."""
    number, width = _placed("entries", place)
    with current_house().engine.connect() as connection:
        if number * TILE_WIDTH + width > _signed_size(connection):
            raise Missing(place)
        data = _whole(lambda: bundle_of(connection, number, width))
    note_read(current_house(), current_auditor(), f"tile/entries/{place}")
    answer = make_response(data)
    answer.mimetype = "application/octet-stream"
    answer.headers["Cache-Control"] = "private, no-store"
    answer.vary.add("Authorization")
    return answer


@blueprint.get("/log/proof/inclusion")
@requires("site:read")
def inclusion_proof() -> Response:
    """The path from the leaf at `position` to the root of the first `size` entries, a hash in base64 a line. Without
    `size`: as of the last checkpoint."""
    with current_house().engine.connect() as connection:
        size = _asked("size", 1, _signed_size(connection))
        position = _asked("position", 0, size - 1)
        return _hashes(_whole(lambda: inclusion(connection, position, size)))


@blueprint.get("/log/proof/consistency")
@requires("site:read")
def consistency_proof() -> Response:
    """The path that shows that the first `new` entries only added to the first `old`, a hash in base64 a line. Without
    `new`: as of the last checkpoint."""
    with current_house().engine.connect() as connection:
        new = _asked("new", 1, _signed_size(connection))
        old = _asked("old", 1, new)
        return _hashes(_whole(lambda: consistency(connection, old, new)))


def _told(state: LogState, watch: Watch, checks: Mapping[str, LastCheck]) -> dict[str, Any]:
    last = state.checkpoint
    return {
        "log": current_house().origin,
        "sound": state.sound and not any(check.grave for check in checks.values()),
        "stopped": state.halt,
        "checkpoint": last
        and {
            "number": state.number,
            "size": last.size,
            "root": last.root.hex(),
            "signed_at": _utc(state.signed_at),
        },
        "copy_outside": state.outside,
        "waiting": {"entries": state.waiting, "since": state.waits_since and _utc(state.waits_since)},
        "witnesses": {
            "standing": watch.standing,
            "asked": len(watch.witnesses),
            "signed_last": len(watch.signed),
            "since": _utc(watch.since) if watch.since else None,
        },
        "checks": {
            kind: {"at": _utc(check.at), "size": check.size, "findings": check.findings, "code": check.code}
            for kind, check in checks.items()
        },
    }


def _utc(at: int) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tile_named(level: str, place: str) -> tuple[int, int, int]:
    """Level, number and width of the tile at this address. Raises Missing for any other spelling than the one."""
    if not _LEVEL.fullmatch(level):
        raise Missing(place)
    return int(level), *_placed(level, place)


def _placed(level: str, place: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise Missing(place)
    number = int("".join(part.lstrip("x") for part in found["number"].split("/")))
    named = number, int(found["width"] or TILE_WIDTH)
    if tile_path(level, *named) != f"tile/{level}/{place}":
        raise Missing(place)
    return named


def _signed_size(connection: Connection) -> int:
    """How many entries the last checkpoint counts. Raises Missing before the first."""
    row = latest_checkpoint(connection)
    if row is None:
        raise Missing("checkpoint")
    return int(row.size)


def _asked(name: str, least: int, most: int) -> int:
    """The number under this name in the address; the largest possible where a size is not named."""
    text = request.args.get(name)
    if text is None and name in ("size", "new"):
        return most
    if text is None or not _NUMBER.fullmatch(text):
        _turn_down(_("%(name)s must be a whole number, written in digits only.", name=name))
    if not least <= int(text) <= most:
        _turn_down(_("%(name)s must lie between %(least)s and %(most)s.", name=name, least=least, most=most))
    return int(text)


def _whole(read: Callable[[], Read]) -> Read:
    try:
        return read()
    except Torn:
        abort(
            _plain(
                _("This part of the log is damaged, and the operator has to set it right.").encode() + b"\n",
                HTTPStatus.SERVICE_UNAVAILABLE,
            )
        )


def _turn_down(sentence: str) -> NoReturn:
    abort(_plain(sentence.encode() + b"\n", HTTPStatus.BAD_REQUEST))


def _hashes(path: list[bytes]) -> Response:
    answer = _plain(b"".join(base64.b64encode(held) + b"\n" for held in path))
    if {"size", "new"} & set(request.args):
        answer.headers["Cache-Control"] = NEVER_CHANGES
    return answer


def _plain(text: bytes, status: int = HTTPStatus.OK) -> Response:
    answer = make_response(text, status)
    answer.mimetype = "text/plain"
    # Whoever watches the log must not be told of yesterday's.
    answer.headers["Cache-Control"] = "public, no-cache" if status == HTTPStatus.OK else "no-store"
    return answer


def _key() -> str:
    return _keys()[0]


def _told_history() -> str:
    """The history for a page that can do without: nothing before the first checkpoint, or where the tree is damaged."""
    house = current_house()
    with house.engine.connect() as connection:
        try:
            return history_of(connection, house).decode()
        except Torn:
            return ""


def _keys() -> tuple[str, ...]:
    house = current_house()
    with house.engine.connect() as connection:
        last = latest_checkpoint(connection)
        told = signers_of(connection, house.origin).newest_first(last.size if last else 0)
    # In a database that was tampered with, no entry may say so any more; the page must open and say what is wrong.
    return told or (vkey(house.origin, house.keys.public_key),)
