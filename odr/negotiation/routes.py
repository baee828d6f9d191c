"""The pages of the negotiation: the story of the offers, making one, answering one, and leaving."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from odr.disputes.filters import Reading
from odr.disputes.forms import ActForm
from odr.disputes.routes import attempt, consenting, read, to_be_signed
from odr.kernel import Missing, Refused
from odr.negotiation import forms, rules
from odr.negotiation.filters import Offers, Shown
from odr.procedure.access import why_not
from odr.web.security import requires
from odr.web.sentences import refusal

blueprint = Blueprint("negotiation", __name__)

OFFER = "/disputes/<number>/offers/<int(max=9999):offer>"


@blueprint.get("/disputes/<number>/offers")
@requires("offers:read")
def offers(number: str) -> Any:
    return _room(read(number))


@blueprint.route("/disputes/<number>/offers/new", methods=["GET", "POST"])
@requires("offer:make")
def offer(number: str) -> Any:
    reading = read(number)
    form = forms.offer_form(reading)
    if attempt(form, reading, rules.make_offer, **form.given):
        return _back(number, _("Your offer is made. The other side is told."))
    return _ask("offer:make", reading, form, "negotiation/offer.html")


@blueprint.route(f"{OFFER}/acceptance", methods=["GET", "POST"])
@requires("offer:accept")
def acceptance(number: str, offer: int) -> Any:
    reading, form = read(number), forms.AcceptanceForm()
    consent = consenting("offer:accept")
    if attempt(form, reading, rules.accept_offer, consent=consent, offer=offer, seen=form.seen.data):
        flash(_("You accepted the offer. Both sides are bound by it; what is left is to sign the agreement."))
        return redirect(url_for("disputes.settlement", number=number), 303)
    return _ask("offer:accept", reading, form, "negotiation/acceptance.html", offer)


@blueprint.post(f"{OFFER}/acceptance/challenge")
@requires("offer:accept")
def challenge_acceptance(number: str, offer: int) -> Response:
    reading, form = read(number), forms.AcceptanceForm()
    given = lambda: {"offer": offer, "seen": form.seen.data}  # noqa: E731 - the form is read once it was checked
    return to_be_signed("offer:accept", reading, form, rules.accept_offer, given)


@blueprint.route(f"{OFFER}/rejection", methods=["GET", "POST"])
@requires("offer:reject")
def rejection(number: str, offer: int) -> Any:
    reading, form = read(number), forms.AnswerForm()
    if attempt(form, reading, rules.reject_offer, offer=offer):
        return _back(number, _("You rejected the offer. Either side can make another one."))
    return _ask("offer:reject", reading, form, "negotiation/rejection.html", offer)


@blueprint.route(f"{OFFER}/withdrawal", methods=["GET", "POST"])
@requires("offer:withdraw")
def withdrawal(number: str, offer: int) -> Any:
    reading, form = read(number), forms.AnswerForm()
    if attempt(form, reading, rules.withdraw_offer, offer=offer):
        return _back(number, _("You took back your offer. The other side can no longer accept it."))
    return _ask("offer:withdraw", reading, form, "negotiation/withdrawal.html", offer)


@blueprint.route("/disputes/<number>/negotiation/leaving", methods=["GET", "POST"])
@requires("negotiation:leave")
def leaving(number: str) -> Any:
    reading, form = read(number), forms.AnswerForm()
    if attempt(form, reading, rules.leave_negotiation):
        return _back(number, _("You left the negotiation. A mediator is appointed next."))
    return _ask("negotiation:leave", reading, form, "negotiation/leaving.html")


def _room(reading: Reading, form: ActForm | None = None) -> tuple[str, int]:
    """The story of the offers as it stands; the refusal of `form`, where there is one, above it."""
    if not reading.is_party:
        raise Missing(reading.number)
    page = render_template("negotiation/offers.html", offers=Offers(reading), dispute=reading, form=form)
    return page, form.status if form else HTTPStatus.OK


def _ask(permission: str, reading: Reading, form: ActForm, template: str, number: int | None = None) -> Any:
    """The page of an act. Where the act is not possible, or no longer, the story of the offers with the reason."""
    if form.status == HTTPStatus.CONFLICT:
        reading = read(reading.number)
    if not reading.is_party:
        raise Missing(reading.number)
    offers = Offers(reading)
    shown = offers.numbered(number) if number is not None else None
    code = _obstacle(permission, reading, shown)
    if code is None:
        return render_template(template, offers=offers, offer=shown, dispute=reading, form=form), form.status
    if request.method == "GET":
        flash(refusal(Refused(code)), "warning")
        return redirect(url_for("negotiation.offers", number=reading.number), 303)
    if form.status != HTTPStatus.CONFLICT:
        form.refuse(Refused(code))
    return _room(reading, form)


def _obstacle(permission: str, reading: Reading, shown: Shown | None) -> str | None:
    """The code of the sentence why this act is not possible now; about an offer that is over, what became of it."""
    if shown is not None and (shown.offer.state in rules.GONE or shown.is_over):
        return rules.GONE.get(shown.offer.state, "offer_lapsed")
    return why_not(permission, reading.dispute, reading.page.seat.actor, reading.page.at)


def _back(number: str, told: str) -> Response:
    flash(told)
    return redirect(url_for("negotiation.offers", number=number), 303)
