"""The pages of erasure: one's own data, a copy of it, having it erased, and the holds of a dispute."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from odr.casefile.archive import archive
from odr.database import one_moment
from odr.disputes.routes import attempt, press, read
from odr.erasure import filters, forms, queries, records, rules, service
from odr.erasure.filters import Prospect
from odr.kernel import Missing, Refused, moment
from odr.people.queries import account_of
from odr.people.routes import refused_page
from odr.people.security import caller
from odr.web.security import current_house, requires

blueprint = Blueprint("erasure", __name__)


@blueprint.get("/account/data")
@requires("account:own")
def mine() -> str:
    return render_template("erasure/mine.html", **_standing())


@blueprint.get("/account/data/copy")
@requires("data:take", hands_out=True)
def copy() -> Response:
    """All that this house knows of whoever asks, as an archive that is made while it travels."""
    house = current_house()
    with one_moment(house.engine) as connection:
        owned = records.copy_of(connection, house, account_of(connection, current_user.account_id))
    members = filters.members_of(house, owned)
    answer = Response(archive(members, moment(owned.made_at), filters.contents), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filters.file_name(owned)}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.route("/account/data/erasure", methods=["GET", "POST"])
@requires("account:own")
def erasure() -> Any:
    form = forms.ErasureForm()
    if not form.validate_on_submit():
        return render_template("erasure/erasure.html", form=form, **_standing())
    given = {"password": form.password.data or "", "email": form.email.data or ""}
    try:
        service.ask(current_house(), caller(), current_user.account_id, **given)
    except Refused as refused:
        return refused_page("erasure/erasure.html", form, refused, **_standing())
    flash(_("You asked for it. What can be erased now is erased within minutes."))
    return redirect(url_for("erasure.mine"), 303)


@blueprint.post("/account/data/erasure/withdrawal")
@requires("account:own")
def withdraw() -> AnyResponse:
    service.withdraw(current_house(), current_user.account_id)
    flash(_("You took it back. What was already erased stays erased."))
    return redirect(url_for("erasure.mine"), 303)


@blueprint.route("/disputes/<number>/holds", methods=["GET", "POST"])
@requires("hold:place")
def holds(number: str) -> Any:
    reading, form = read(number), forms.HoldForm()
    if attempt(form, reading, rules.place_hold, ground=form.hold_ground.data or ""):
        flash(_("The words of this dispute are kept. Both sides are told."))
        return redirect(url_for("erasure.holds", number=number), 303)
    if not reading.may("hold:place"):
        raise Missing(number)
    placed = filters.hold_rows(reading.dispute)
    return render_template("erasure/holds.html", dispute=reading, form=form, holds=placed), form.status


@blueprint.post("/disputes/<number>/holds/<int(max=99999):hold>/end")
@requires("hold:lift")
def lift(number: str, hold: int) -> AnyResponse:
    press(read(number), rules.lift_hold, hold=hold)
    flash(_("The hold is lifted. Both sides are told."))
    return redirect(url_for("erasure.holds", number=number), 303)


# -- what these pages share -------------------------------------------------------------------------------------


def _standing() -> dict[str, Any]:
    """Who asks, whether they asked for erasure, and what becomes of their words in each of their disputes."""
    house = current_house()
    with house.engine.connect() as connection:
        owner = account_of(connection, current_user.account_id)
        outlooks = [queries.outlook_of(connection, house, part) for part in queries.parts_of(connection, owner.id)]
        return {
            "owner": owner,
            "asked_at": queries.requested_at(connection, owner.id),
            "works_here": queries.works_here(connection, owner.id, house.clock()),
            "prospects": [Prospect(outlook) for outlook in outlooks if outlook.is_known],
            "days_kept": filters.days_kept(),
        }
