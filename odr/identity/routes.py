"""The pages of identity: what others see of oneself, proving a domain or an electronic identity, ending either."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from odr.identity import eid, filters, forms, probes, queries, service
from odr.identity.rules import ORGANISATION
from odr.kernel import Missing, Refused
from odr.people.forms import ButtonForm
from odr.people.routes import form_page, refused_page
from odr.people.security import caller
from odr.web.security import current_house, requires
from odr.web.sentences import refusal

blueprint = Blueprint("identity", __name__)


@blueprint.get("/identity/levels")
@requires("site:read")
def levels() -> str:
    return render_template("identity/levels.html")


@blueprint.get("/identity")
@requires("identity:own")
def overview() -> str:
    house, owner = current_house(), current_user.account_id
    with house.engine.connect() as connection:
        proofs = queries.proofs_of(connection, house, owner)
        known = queries.known_of(connection, house, owner)
    return render_template(
        "identity/overview.html",
        proofs=proofs,
        lines=filters.levels(known),
        names=filters,
        provider=eid.name_of(house.settings) if eid.is_set_up(house.settings) else None,
    )


# -- a domain ---------------------------------------------------------------------------------------------------


@blueprint.route("/identity/organisation", methods=["GET", "POST"])
@requires("identity:change")
def new_domain() -> Any:
    form = forms.DomainForm()
    if not form.validate_on_submit():
        return form_page("identity/new_domain.html", form)
    named = {"domain": form.domain.data, "method": form.method.data or ""}
    try:
        begun = service.begin(current_house(), caller(), current_user, **named)
    except Refused as refused:
        return refused_page("identity/new_domain.html", form, refused)
    return redirect(url_for("identity.domain", handle=begun), 303)


@blueprint.get("/identity/organisation/<handle>")
@requires("identity:own")
def domain(handle: str) -> str:
    house = current_house()
    with house.engine.connect() as connection:
        proof = queries.proof_of(connection, house, current_user.account_id, handle)
    if proof.level != ORGANISATION:
        raise Missing(handle)
    return render_template("identity/domain.html", proof=proof, names=filters)


@blueprint.post("/identity/organisation/<handle>/check")
@requires("identity:change")
def check(handle: str) -> Response:
    back = redirect(url_for("identity.domain", handle=handle), 303)
    try:
        seen = service.check(current_house(), caller(), current_user, handle)
    except Refused as refused:
        flash(refusal(refused), "warning")
        return back
    if seen == probes.FOUND:
        flash(_("The line is there. Your organisation is confirmed, and others see that."))
        return redirect(url_for("identity.overview"), 303)
    told = {
        probes.ABSENT: _("The domain answers, but the line is not there yet. A change can take a day to be seen."),
        probes.UNREACHABLE: _("The domain did not answer in time, or not over a public address. Try again later."),
    }
    flash(told[seen], "warning")
    return back


# -- an electronic identity -------------------------------------------------------------------------------------


@blueprint.route("/identity/eid", methods=["GET", "POST"])
@requires("identity:change")
def eid_way() -> Any:
    """The page before the provider's; sent, it answers with the way there, as a link: no form leads to another site."""
    house, form = current_house(), ButtonForm()
    if not eid.is_set_up(house.settings):
        raise Missing("eid")
    told = {"provider": eid.name_of(house.settings)}
    if not form.validate_on_submit():
        return form_page("identity/eid.html", form, **told)
    try:
        way = service.begin_eid(house, caller(), current_user)
    except Refused as refused:
        return refused_page("identity/eid.html", form, refused, **told)
    return render_template("identity/eid.html", form=form, way=way, **told)


@blueprint.get("/identity/eid/return")
@requires("identity:own")
def eid_return() -> Response:
    """Where the provider sends a browser back to. What it brings is worth something to one session, once."""
    brought = {name: request.args.get(name, "") for name in ("state", "code")}
    try:
        service.finish_eid(current_house(), current_user, **brought)
    except Refused as refused:
        flash(refusal(refused), "warning")
    else:
        flash(_("Your electronic identity is confirmed, and others see that."))
    return redirect(url_for("identity.overview"), 303)


@blueprint.post("/identity/proofs/<handle>/removal")
@requires("identity:change")
def remove(handle: str) -> Response:
    service.end(current_house(), current_user, handle)
    flash(_("It is removed. Others no longer see it."))
    return redirect(url_for("identity.overview"), 303)
