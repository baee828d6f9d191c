"""The pages of the seller's answer: the invitation, another address for it, and the reply with its five choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from odr.disputes.filters import Reading
from odr.disputes.forms import ActForm
from odr.disputes.routes import ask, attempt, consenting, done, read
from odr.kernel import Missing, Refused, read_number
from odr.people.queries import account_by_id
from odr.people.routes import LINK_REFUSALS, form_page, refused_page
from odr.people.security import caller, carry_session
from odr.people.service import sign_out
from odr.response import forms, rules, service
from odr.web.language import language, zone
from odr.web.security import current_house, requires

blueprint = Blueprint("response", __name__)


# -- the invitation -----------------------------------------------------------------------------------------------


@blueprint.get("/invitation/<token>")
@requires("invitation:read")
def notice(token: str) -> Any:
    try:
        invitation = service.read_invitation(current_house(), caller(), token)
    except Refused as refused:
        return _link_over(token, refused)
    return _notice_page(invitation, _join_form(invitation, formdata=None))


@blueprint.post("/invitation/<token>")
@requires("invitation:read")
def join(token: str) -> Any:
    try:
        invitation = service.read_invitation(current_house(), caller(), token)
    except Refused as refused:
        return _link_over(token, refused)
    form = _join_form(invitation)
    if not form.validate_on_submit():
        return _notice_page(invitation, form)
    try:
        joined = service.join(
            current_house(),
            caller(),
            token,
            key=form.key.data,
            name=form.name.data if "name" in form else "",
            language=language().code,
            zone=str(zone()),
        )
    except Refused as refused:
        if refused.code in LINK_REFUSALS and refused.code != "link_of_another":
            return _link_over(token, refused)
        form.refuse(refused)
        return _notice_page(invitation, form)
    return _arrive(joined)


def _join_form(invitation: service.Invitation, **given: Any) -> Any:
    return forms.ReturnForm(**given) if invitation.known else forms.JoinForm(**given)


def _notice_page(invitation: service.Invitation, form: ActForm) -> tuple[str, int]:
    page = render_template("response/notice.html", dispute=Reading(invitation.page), invitation=invitation, form=form)
    return page, form.status


def _arrive(joined: service.Joined) -> Any:
    """Carry the new session to the dispute; whatever this browser held before ends."""
    answer = make_response(redirect(url_for("disputes.page", number=joined.number), 303))
    if joined.cookie is None:
        flash(_("You act for the seller now. Sign in to go on."))
        return answer
    if old := caller().cookie:
        sign_out(current_house(), old)
    carry_session(answer, joined.cookie)
    flash(_("You act for the seller now. This page is yours from here on; mails lead to it as well."))
    return answer


def _link_over(token: str, refused: Refused) -> Any:
    """A page for a link that opens nothing any more; who has come by it before goes on to the dispute."""
    if refused.code == "too_many_attempts":
        return refused_page("response/renewal.html", forms.NumberForm(formdata=None), refused)
    number = None
    if current_user.is_authenticated:
        number = service.seat_behind(current_house(), token, current_user.account_id)
    if number is not None:
        return redirect(url_for("disputes.page", number=number), 303)
    renewable = refused.code != "link_unknown"
    page = render_template(
        "response/link_over.html", code=refused.code, token=token if renewable else None, form=forms.NumberForm()
    )
    return page, LINK_REFUSALS[refused.code]


@blueprint.post("/invitation/<token>/renewal")
@requires("invitation:read")
def renew_by_link(token: str) -> Any:
    try:
        service.renew_by_link(current_house(), caller(), token)
    except Refused as refused:
        if refused.code in LINK_REFUSALS:
            return _link_over(token, refused)
        return refused_page("response/renewal.html", forms.NumberForm(formdata=None), refused)
    return redirect(url_for("response.renewed"), 303)


@blueprint.route("/invitation", methods=["GET", "POST"])
@requires("invitation:read")
def renewal() -> Any:
    form = forms.NumberForm()
    if not form.validate_on_submit():
        return form_page("response/renewal.html", form)
    try:
        service.renew(current_house(), caller(), read_number(form.number.data) or "")
    except Refused as refused:
        return refused_page("response/renewal.html", form, refused)
    return redirect(url_for("response.renewed"), 303)


@blueprint.get("/invitation/sent")
@requires("invitation:read")
def renewed() -> str:
    return render_template("response/renewed.html")


# -- the reply ----------------------------------------------------------------------------------------------------


@blueprint.route("/disputes/<number>/reply", methods=["GET", "POST"])
@requires("reply:give")
def reply(number: str) -> Any:
    reading, form = read(number), forms.ChoiceForm()
    form.offer(reading.reply_choices)
    if form.validate_on_submit():
        return redirect(url_for("response.reply_with", number=number, choice=form.choice.data), 303)
    return ask("reply:give", reading, form, "response/reply.html")


@blueprint.route("/disputes/<number>/reply/<choice>", methods=["GET", "POST"])
@requires("reply:give")
def reply_with(number: str, choice: str) -> Any:
    reading = read(number)
    if choice not in reading.dispute.rules.reply_choices:
        raise Missing(choice)
    form = forms.FORMS[choice]() if choice in forms.FORMS else forms.offer_form(reading.dispute)
    consent = consenting("reply:give") if choice == "accept_all" else None
    if attempt(form, reading, rules.give_reply, consent=consent, choice=choice, **_said(form)):
        if choice == "accept_all":
            flash(_("You accepted the claim in full. Read the agreement and sign it."))
            return redirect(url_for("disputes.settlement", number=number), 303)
        return done(number, _("Your reply is on record, and the buyer is told."))
    return ask("reply:give", reading, form, f"response/{choice}.html")


# -- another address of the seller ------------------------------------------------------------------------------


@blueprint.route("/disputes/<number>/seller-address", methods=["GET", "POST"])
@requires("address:give")
def address(number: str) -> Any:
    reading, form = read(number), forms.AddressForm()
    tried = reading.page.seller_named
    form.own = _own_address()
    form.used = frozenset(str(named.get("email") or "").lower() for named in tried)
    if attempt(form, reading, rules.give_address, seller=_named(form, tried)):
        return done(number, _("The notice goes to that address now."))
    return ask("address:give", reading, form, "response/address.html", tried=tried)


def _own_address() -> str:
    with current_house().engine.connect() as connection:
        owner = account_by_id(connection, current_user.account_id)
    return owner.email or "" if owner else ""


def _named(form: forms.AddressForm, tried: list[Mapping[str, Any]]) -> str:
    """The seller as the filing names them, with the new address: a JSON object."""
    last = tried[-1] if tried else {}
    site = (form.site.data or "").strip() or last.get("site") or ""
    return json.dumps({**last, "email": (form.email.data or "").strip(), "site": site}, ensure_ascii=False)


def _said(form: ActForm) -> dict[str, Any]:
    """What a reply says beside its choice; empty until the form was sent and is whole."""
    if not form.validate_on_submit():
        return {}
    said: dict[str, Any] = {"text": form.text.data or ""} if "text" in form else {}
    if "ours" in form:
        said["ours"] = form.ours.data
    if isinstance(form, forms.OfferForm) and not form.later.data:
        said["terms"] = form.terms
    return said
