"""The pages of readings: who read a dispute, for its parties; and opening one with a reason, for a registrar."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from odr.disputes.filters import Reading
from odr.disputes.routes import demand_impartial, hand_out_receipt, look_up, read
from odr.kernel import Missing, Refused
from odr.log.receipt import file_name
from odr.people.rules import local_path
from odr.procedure.access import may
from odr.readings import filters, queries
from odr.readings.forms import OpeningForm
from odr.readings.records import stream_beside
from odr.readings.service import open_with_reason
from odr.web.security import current_house, requires

blueprint = Blueprint("readings", __name__)


@blueprint.get("/disputes/<number>/readings")
@requires("readings:read")
def index(number: str) -> str:
    reading, house = _for_a_side(number), current_house()
    dispute_id = reading.page.seat.dispute_id
    with house.engine.connect() as connection:
        records = queries.record_of(connection, house, dispute_id)
        names = queries.names_of(connection, {each.actor for each in records if each.role == "mediator"})
        audits = queries.audits_of(connection, dispute_id)
    rows = filters.rows_of(records, names, reading.number)
    return render_template("readings/index.html", dispute=reading, rows=rows, audits=audits)


@blueprint.get("/disputes/<number>/readings/<int(max=9999999):version>/receipt")
@requires("readings:read")
def receipt(number: str, version: int) -> Any:
    """The receipt of one reading, to be saved; while its entry waits for its seal, a page that says so."""
    reading = _for_a_side(number)
    dispute_id = reading.page.seat.dispute_id
    with current_house().engine.connect() as connection:
        if not queries.has_record(connection, dispute_id, version):
            raise Missing(f"{number}/{version}")
    back = url_for("readings.index", number=reading.number)
    told = {"back": back, "back_words": _("Who read this dispute"), "again": request.path}
    name = file_name(f"{reading.number}-reading", version)
    return hand_out_receipt(stream_beside(dispute_id), version, name, **told)


@blueprint.route("/disputes/<number>/opening", methods=["GET", "POST"])
@requires("dispute:open")
def opening(number: str) -> Any:
    reading, form = _for_a_registrar(number), OpeningForm()
    if reading.page.has_work or _opened(form, reading):
        otherwise = url_for("disputes.page", number=reading.number)
        return redirect(local_path(request.args.get("next"), otherwise), HTTPStatus.SEE_OTHER)
    return render_template("readings/opening.html", number=reading.number, form=form), form.status


def _for_a_side(number: str) -> Reading:
    """The dispute as a side reads it, or whoever acts for one. Missing for everybody else."""
    reading = read(number)
    if not may("readings:read", reading.dispute, reading.page.seat.actor, reading.page.at):
        raise Missing(number)
    return reading


def _for_a_registrar(number: str) -> Reading:
    """The dispute for a page that shows nothing of it. Missing for who is no registrar in it; Refused for whom it
    concerns."""
    reading = look_up(number)
    if not may("dispute:open", reading.dispute, reading.page.seat.actor, reading.page.at):
        raise Missing(number)
    demand_impartial(reading)
    return reading


def _opened(form: OpeningForm, reading: Reading) -> bool:
    if not form.validate_on_submit():
        return False
    given = form.opening_ground.data or "", (form.text.data or "").strip()
    try:
        open_with_reason(current_house(), reading.page.seat, *given)
    except Refused as refused:
        form.refuse(refused)
        return False
    flash(_("The dispute stands open to you for one hour. What you read in it is written down."))
    return True
