"""The pages of a seller's profile: its addresses, the disputes that wait for it, and opening one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from odr.disputes.filters import Reading
from odr.identity.filters import named_as
from odr.identity.queries import domains_of
from odr.identity.rules import ORGANISATION
from odr.kernel import Refused
from odr.profile import forms, queries, service
from odr.web.filters import day_markup, time_left
from odr.web.security import current_house, requires
from odr.web.sentences import CATEGORIES, refusal

blueprint = Blueprint("profile", __name__)


@blueprint.get("/profile")
@requires("identity:own")
def overview() -> Any:
    return _overview(forms.AddressForm(formdata=None))


@blueprint.post("/profile/addresses")
@requires("identity:change")
def claim() -> Any:
    form = forms.AddressForm()
    if not form.validate_on_submit():
        return _overview(form)
    try:
        service.claim(current_house(), current_user, address=form.address.data)
    except Refused as refused:
        form.address.errors = [refusal(refused)]
        return _overview(form)
    flash(_("The address is yours. What is filed against it from now on reaches you here as well."))
    return redirect(url_for("profile.overview"), 303)


@blueprint.post("/profile/addresses/<handle>/release")
@requires("identity:change")
def release(handle: str) -> Response:
    service.release(current_house(), current_user, handle)
    flash(_("You gave the address up."))
    return redirect(url_for("profile.overview"), 303)


@blueprint.route("/profile/disputes/<number>", methods=["GET", "POST"])
@requires("identity:own")
def seat(number: str) -> Any:
    page, form = service.read_notice(current_house(), current_user, number), forms.SeatForm()
    if form.validate_on_submit():
        try:
            service.take_seat(current_house(), current_user, number, key=form.key.data)
        except Refused as refused:
            form.refuse(refused)
        else:
            flash(_("You act for the seller now. This page is yours from here on; mails lead to it as well."))
            return redirect(url_for("disputes.page", number=number), 303)
    return render_template("profile/seat.html", dispute=Reading(page), form=form), form.status


def _overview(form: FlaskForm) -> tuple[str, int]:
    house, owner = current_house(), current_user.account_id
    with house.engine.connect() as connection:
        proven = domains_of(connection, house, owner, house.clock())
        claims = queries.claims_of(connection, house, owner)
        waiting = queries.waiting_for(connection, house, owner)
    page = render_template(
        "profile/overview.html",
        form=form,
        domains=[named_as(ORGANISATION, domain) for domain in proven],
        claims=claims,
        rows=[_row(each) for each in waiting],
    )
    return page, HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK


def _row(waiting: queries.Waiting) -> dict[str, Any]:
    left = time_left(waiting.due) if waiting.due else ""
    return {
        "href": url_for("profile.seat", number=waiting.number),
        "cells": [waiting.number, CATEGORIES[waiting.category], day_markup(waiting.filed_at, short=True), left],
        "due": 3,
    }
