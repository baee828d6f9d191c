"""No page of a dispute goes out to somebody who is no party unless that was written down before (ADR 29)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Flask, Response, abort, current_app, g, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.wrappers import Response as AnyResponse

from odr.disputes.queries import Page, Seat
from odr.kernel import Refused
from odr.procedure.access import PERMISSIONS
from odr.readings.queries import open_until
from odr.readings.service import note
from odr.web.security import UNSAFE, current_house, permission_of, written

# What an address hands out that is no page, and the name under which it counts.
_HANDED_OUT = {
    "evidence.item": ("file", "item"),
    "evidence.preview": ("preview", "item"),
    "disputes.receipt": ("receipt", "version"),
    "casefile.case_file": ("casefile", ""),
}
# An answer under which nothing of the dispute was shown.
_EMPTY = (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)


def init_readings(app: Flask) -> None:
    """Write down each reading when the answer is made and before it is given."""
    app.after_request(_write_down)


def watch(page: Page) -> None:
    """Let the present reader read this page of a dispute. A registrar for whom nothing in it waits is first sent to
    open it with a reason."""
    if not page.has_work and not _stands_open(page):
        abort(_to_opening(page.seat))
    will_read(page.seat)


def will_read(seat: Seat) -> None:
    """Have it written down, if the answer shows anything, that whoever sits here read the dispute."""
    g.read_from = seat


def _stands_open(page: Page) -> bool:
    with current_house().engine.connect() as connection:
        return open_until(connection, page.seat.dispute_id, page.seat.actor.id, page.at) is not None


def _to_opening(seat: Seat) -> AnyResponse:
    if request.method not in UNSAFE:
        wanted = request.full_path.rstrip("?")
        return redirect(url_for("readings.opening", number=seat.number, next=wanted), HTTPStatus.SEE_OTHER)
    # Somebody else did it meanwhile, or the hour is over: what was typed is not lost.
    page = render_template("readings/closed.html", number=seat.number, written=written())
    return make_response(page, HTTPStatus.CONFLICT)


def _write_down(answer: Response) -> Response:
    seat: Seat | None = g.pop("read_from", None)
    if seat is None or answer.status_code in _EMPTY or answer.location or _is_empty(answer):
        return answer
    permission = permission_of(current_app, request.endpoint or "") or "dispute:read"
    # Whatever the page is for, the dispute was read for it.
    if seat.actor.role not in PERMISSIONS["dispute:read"].audited | PERMISSIONS[permission].audited:
        return answer
    house = current_house()
    driver: Any = house.engine.dialect.loaded_dbapi
    try:
        note(house, seat, permission, *_what())
    except (Refused, DBAPIError, NoConnectionFree, driver.Error) as unwritten:
        current_app.logger.error("a reading cannot be written down: %s", type(unwritten).__name__)
        answer.close()
        refused = make_response(render_template("readings/unwritten.html"), HTTPStatus.SERVICE_UNAVAILABLE)
        refused.headers["Retry-After"] = "600"
        return refused
    return answer


def _is_empty(answer: Response) -> bool:
    # Of what is made while it travels nobody asks the length: that would make all of it at once.
    return answer.is_sequence and answer.calculate_content_length() == 0


def _what() -> tuple[str, int | None]:
    """What is handed out, and which one where there are several."""
    what, place = _HANDED_OUT.get(request.endpoint or "", ("form" if request.method in UNSAFE else "page", ""))
    item: int | None = (request.view_args or {}).get(place)
    return what, item
