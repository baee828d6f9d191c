"""The pages of who acts for a side: the list, naming somebody, ending it, taking a mandate up by the mailed link."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from odr.disputes.forms import ActForm
from odr.disputes.routes import ask, attempt, press, read
from odr.kernel import Missing, Refused
from odr.people.routes import LINK_REFUSALS
from odr.people.security import caller
from odr.representation import forms, rules, service
from odr.representation.queries import Offered
from odr.web.language import language
from odr.web.security import current_house, requires, to_proof, to_sign_in
from odr.web.sentences import COVERED, refusal

blueprint = Blueprint("representation", __name__)

ROOM = "/disputes/<number>/representatives"
OVER = {**LINK_REFUSALS, "mandate_over": HTTPStatus.GONE, "too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS}


# -- the side that gives a mandate ----------------------------------------------------------------------------------


@blueprint.get(ROOM)
@requires("dispute:read")
def representatives(number: str) -> str:
    return render_template("representation/representatives.html", dispute=read(number))


@blueprint.route(f"{ROOM}/new", methods=["GET", "POST"])
@requires("mandate:give")
def new(number: str) -> Any:
    reading, form, named = read(number), forms.MandateForm(), service.draw_name()
    if request.method == "GET" and reading.may("mandate:give") and not current_user.proof_is_fresh(reading.page.at):
        # Asked before anything is typed: whoever is sent to prove it then comes back to empty fields.
        return to_proof()
    seat = reading.page.seat
    given = {
        "representative": named,
        "scope": form.scope.data or "",
        "until": form.until.data or "",
        "name": (form.name.data or "").strip(),
        "relation": (form.relation.data or "").strip(),
    }
    if form.validate_on_submit():
        given["alongside"] = service.invite(
            current_house(), seat, current_user.account_id, named, form.email.data or "", language().code
        )
    if attempt(form, reading, rules.give_mandate, **given):
        return _back(number, _("The mandate is given. We mail them a link; it counts once they have taken it up."))
    days = rules.days_ahead(reading.page.at)
    return ask("mandate:give", reading, form, "representation/new.html", days=days, meanings=forms.MEANINGS)


@blueprint.post(f"{ROOM}/<int(max=99999):version>/end")
@requires("mandate:end")
def end(number: str, version: int) -> Response:
    reading = read(number)
    ended = next((each for each in reading.dispute.mandates if each.version == version), None)
    if ended is None or ended.side != reading.role:
        raise Missing(f"{number}/{version}")
    alongside = service.release(current_house(), reading.page.seat, ended.representative)
    press(reading, rules.end_mandate, representative=ended.representative, alongside=alongside)
    return _back(number, _("The mandate has ended. From now on they can neither read nor do anything here for you."))


def _back(number: str, told: str) -> Response:
    flash(told)
    return redirect(url_for("representation.representatives", number=number), 303)


# -- the representative ---------------------------------------------------------------------------------------------


@blueprint.post("/disputes/<number>/representation/end")
@requires("mandate:resign")
def resign(number: str) -> Response:
    reading = read(number)
    seat = reading.page.seat
    press(reading, rules.resign_mandate, alongside=service.release(current_house(), seat, seat.actor.id))
    flash(_("You gave the mandate back. You can no longer open that dispute."))
    return redirect(url_for("disputes.mine"), 303)


@blueprint.get("/mandate/<token>")
@requires("invitation:read")
def mandate(token: str) -> Any:
    try:
        offered = service.read_mandate(current_house(), caller(), token)
    except Refused as refused:
        return _over(token, refused)
    return _offer_page(offered, forms.TakingUpForm(formdata=None))


@blueprint.post("/mandate/<token>")
@requires("mandate:take_up")
def take_up(token: str) -> Any:
    if not current_user.is_authenticated:
        return to_sign_in()
    form = forms.TakingUpForm()
    try:
        offered = service.read_mandate(current_house(), caller(), token)
        if not form.validate_on_submit():
            return _offer_page(offered, form)
        service.take_up(current_house(), caller(), current_user.account_id, token, key=form.key.data)
    except Refused as refused:
        if refused.code in OVER:
            return _over(token, refused)
        form.refuse(refused)
        return _offer_page(offered, form)
    flash(_("You act in this dispute now. What you do in it is recorded as done by a representative."))
    return redirect(url_for("disputes.page", number=offered.number), 303)


def _offer_page(offered: Offered, form: ActForm) -> tuple[str, int]:
    page = render_template("representation/mandate.html", offered=offered, meaning=_meaning(offered), form=form)
    return page, form.status


def _meaning(offered: Offered) -> Any:
    return COVERED[offered.mandate.side][offered.mandate.scope]


def _over(token: str, refused: Refused) -> Any:
    """A page for a link that opens nothing; who took the mandate up by it goes on to the dispute."""
    if refused.code == "link_used" and current_user.is_authenticated:
        number = service.taken_up_by(current_house(), token, current_user.account_id)
        if number is not None:
            return redirect(url_for("disputes.page", number=number), 303)
    page = render_template("representation/link_over.html", code=refused.code, told=refusal(refused))
    again = {"Retry-After": str(int(refused.params["minutes"]) * 60)} if "minutes" in refused.params else {}
    return page, OVER[refused.code], again
