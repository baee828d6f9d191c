"""The page that hands out a case file: a button of the dispute, and an archive that is made while it travels."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, render_template
from flask_login import current_user

from odr.casefile import filters, publication, queries, records, service
from odr.database import one_moment
from odr.disputes.routes import seat_in
from odr.kernel import read_number
from odr.readings.security import will_read
from odr.web.security import current_house, requires

blueprint = Blueprint("casefile", __name__)


@blueprint.get("/disputes/<number>/case-file")
@requires("casefile:read", hands_out=True)
def case_file(number: str) -> Any:
    """All that this reader may have of the dispute, to be saved; while nothing of it is sealed, a page that says so."""
    house = current_house()
    try:
        with one_moment(house.engine) as connection:
            contents = queries.contents_of(connection, house, seat_in(connection, number))
    except queries.NoCaseFile as none:
        stopped = none.code == "stopped"
        status = HTTPStatus.SERVICE_UNAVAILABLE if stopped else HTTPStatus.ACCEPTED
        page = render_template("casefile/unsealed.html", number=read_number(number), stopped=stopped)
        return page, status, {"Retry-After": "2"}
    will_read(contents.page.seat)
    service.spend(house, current_user.account_id)
    files = publication.files_of(house, contents)
    package = publication.package(contents, files, filters.index(house, contents, files))
    answer = Response(package.chunks, content_type="application/zip")
    # Told beforehand, so that a transfer that breaks off is seen to have done so.
    answer.headers["Content-Length"] = str(package.length)
    name = records.file_name(contents.page.seat.number, contents.reader)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
