"""The public page of the log, its last checkpoint as it was signed, and the key it is signed with."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response

from odr.kernel import Missing
from odr.log.halt import latest_checkpoint
from odr.log.note import vkey
from odr.log.queries import log_state
from odr.web.security import current_house, requires

blueprint = Blueprint("log", __name__)


@blueprint.get("/log")
@requires("site:read")
def overview() -> str:
    with current_house().engine.connect() as connection:
        state = log_state(connection, current_house())
    return render_template("log/overview.html", state=state, origin=current_house().origin, key=_key())


@blueprint.get("/log/checkpoint")
@requires("site:read")
def checkpoint() -> Response:
    """The last checkpoint, a signed note (C2SP tlog-checkpoint). Missing before the first."""
    with current_house().engine.connect() as connection:
        row = latest_checkpoint(connection)
    if row is None:
        raise Missing("checkpoint")
    return _plain(bytes(row.note))


@blueprint.get("/log/key")
@requires("site:read")
def key() -> Response:
    """The line by which others come to trust the log's key (C2SP signed-note)."""
    return _plain(f"{_key()}\n".encode())


def _plain(text: bytes) -> Response:
    answer = make_response(text)
    answer.mimetype = "text/plain"
    # Whoever watches the log must not be told of yesterday's.
    answer.headers["Cache-Control"] = "public, no-cache"
    return answer


def _key() -> str:
    return vkey(current_house().origin, current_house().keys.public_key)
