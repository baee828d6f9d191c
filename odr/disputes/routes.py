"""The pages of a dispute: the list, the dispute itself, messages, the agreement, and the acts that any step has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from odr.disputes import forms, queries
from odr.disputes.calendars import seats_of
from odr.disputes.filters import Reading
from odr.disputes.forms import ActForm
from odr.disputes.records import deed_of, stream_of
from odr.disputes.service import Consent, Done, Rule, perform
from odr.disputes.turns import list_row
from odr.factors import service as factors
from odr.factors.sentences import statement
from odr.kernel import Missing, Refused
from odr.log.halt import must_rest
from odr.log.publication import receipt_of
from odr.log.receipt import file_name
from odr.log.tiles import Torn
from odr.people.queries import account_by_id
from odr.procedure import rules
from odr.procedure.access import PERMISSIONS, may, why_not
from odr.procedure.events import Event
from odr.readings.queries import times_read
from odr.readings.security import watch
from odr.web.language import language
from odr.web.security import current_house, requires, to_sign_in
from odr.web.sentences import refusal

blueprint = Blueprint("disputes", __name__)

ID = re.compile(r"[0-9a-f]{32}")
# A form that is sent to learn what there is to sign is no act, and asks for no fresh proof: the signature will be one.
ACTS = ("act", "issue")


# -- reading ----------------------------------------------------------------------------------------------------


@blueprint.get("/disputes")
@requires("dispute:list")
def mine() -> str:
    after = request.args.get("after", "")
    with current_house().engine.connect() as connection:
        found = queries.disputes_of(
            connection,
            current_user.account_id,
            after=after if ID.fullmatch(after) else None,
            acting_at=current_house().clock(),
        )
    shown = found[: queries.PAGE]
    more = url_for("disputes.mine", after=shown[-1].id) if len(found) > queries.PAGE else None
    return render_template("disputes/mine.html", rows=[list_row(row) for row in shown], more=more, later=bool(after))


@blueprint.get("/disputes/<number>")
@requires("dispute:read")
def page(number: str) -> Any:
    return _dispute_page(read(number), forms.MessageForm(formdata=None))


def _dispute_page(reading: Reading, form: ActForm) -> tuple[str, int]:
    form["text"].description = reading.message_readers
    kind = request.args.get("show", "all")
    told = {"dispute": reading, "form": form, "kind": kind, "read_by_others": _times_read(reading)}
    return render_template("disputes/page.html", **told), form.status


def _times_read(reading: Reading) -> int | None:
    """How often others than the sides read it, for whoever may read the record of that; None for the others."""
    if not may("readings:read", reading.dispute, reading.page.seat.actor, reading.page.at):
        return None
    with current_house().engine.connect() as connection:
        return times_read(connection, reading.page.seat.dispute_id)


@blueprint.get("/disputes/<number>/entries/<int(max=99999):version>/receipt")
@requires("receipt:read")
def receipt(number: str, version: int) -> Any:
    """The receipt of one entry, to be saved; while the entry waits for its seal, a page that says so."""
    reading = read(number)
    if not reading.has_receipt(reading.page.line(version)):
        raise Missing(f"{number}/{version}")
    back = url_for("disputes.page", number=reading.number, _anchor=f"entry-{version}")
    told = {"back": back, "back_words": _("Dispute %(number)s", number=reading.number), "again": request.path}
    return hand_out_receipt(stream_of(reading.dispute.id), version, file_name(reading.number, version), **told)


def hand_out_receipt(stream: str, version: int, name: str, **told: str) -> Any:
    """The receipt of an entry, to be saved under this name; while the entry waits for its seal, a page that says so,
    with `back` and its words to where the reader came from, and `again` to here."""
    raw, stopped = _receipt(stream, version)
    if raw is None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if stopped else HTTPStatus.ACCEPTED
        return render_template("disputes/unsealed.html", stopped=stopped, **told), status, {"Retry-After": "2"}
    answer = make_response(raw)
    # Not as text: a line feed that a program turns into two signs would spoil the proof.
    answer.mimetype = "application/octet-stream"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _receipt(stream: str, version: int) -> tuple[bytes | None, bool]:
    """The receipt, or None and whether the log has stopped or is damaged, so that waiting would be in vain."""
    house = current_house()
    with house.engine.connect() as connection:
        try:
            raw = receipt_of(connection, stream, version)
        except Torn:
            return None, True
        return raw, raw is None and must_rest(connection, house) is not None


# -- acts that any step has ---------------------------------------------------------------------------------------


@blueprint.post("/disputes/<number>/messages")
@requires("message:send")
def send_message(number: str) -> Any:
    reading, form = read(number), forms.MessageForm()
    if not attempt(form, reading, rules.send_message, text=form.text.data):
        return _dispute_page(reading, form)
    return done(number, _("Your message is sent."), "messages")


@blueprint.get("/disputes/<number>/settlement")
@requires("settlement:read")
def settlement(number: str) -> Any:
    return _settlement_page(read(number), forms.SignatureForm(formdata=None))


@blueprint.post("/disputes/<number>/settlement/signature")
@requires("settlement:sign")
def sign_settlement(number: str) -> Any:
    reading, form = read(number), forms.SignatureForm()
    consent = consenting("settlement:sign")
    if not attempt(form, reading, rules.sign_settlement, consent=consent, seen=form.seen.data):
        return _settlement_page(reading, form)
    flash(_("You signed the agreement."))
    return redirect(url_for("disputes.settlement", number=number), 303)


@blueprint.post("/disputes/<number>/settlement/signature/challenge")
@requires("settlement:sign", acts_by=ACTS)
def challenge_settlement(number: str) -> Response:
    reading, form = read(number), forms.SignatureForm()
    return to_be_signed("settlement:sign", reading, form, rules.sign_settlement, lambda: {"seen": form.seen.data})


def _settlement_page(reading: Reading, form: ActForm) -> tuple[str, int]:
    if reading.agreement is None or not reading.may_read("settlement:read"):
        raise Missing(reading.number)
    return render_template("disputes/settlement.html", dispute=reading, form=form), form.status


@blueprint.route("/disputes/<number>/withdrawal", methods=["GET", "POST"])
@requires("dispute:withdraw")
def withdrawal(number: str) -> Any:
    reading, form = read(number), forms.WithdrawalForm()
    if attempt(form, reading, rules.withdraw_dispute, text=form.text.data):
        return done(number, _("You withdrew the dispute."))
    return ask("dispute:withdraw", reading, form, "disputes/withdrawal.html")


@blueprint.route("/disputes/<number>/direct-settlement", methods=["GET", "POST"])
@requires("direct:state")
def direct_settlement(number: str) -> Any:
    reading, form = read(number), forms.DirectSettlementForm()
    if attempt(form, reading, rules.state_direct_settlement, text=form.text.data):
        return done(number, _("What you said is on record."))
    return ask("direct:state", reading, form, "disputes/direct_settlement.html")


@blueprint.post("/disputes/<number>/direct-settlement/denial")
@requires("direct:deny")
def deny_direct_settlement(number: str) -> Response:
    press(read(number), rules.deny_direct_settlement)
    return done(number, _("It is on record that nothing was settled directly. The dispute goes on."))


@blueprint.route("/disputes/<number>/extension", methods=["GET", "POST"])
@requires("extension:ask")
def extension(number: str) -> Any:
    reading, form = read(number), forms.ExtensionForm()
    if attempt(form, reading, rules.ask_extension, text=form.text.data):
        return done(number, _("You asked for more time. The other side is told."))
    return ask("extension:ask", reading, form, "disputes/extension.html")


@blueprint.post("/disputes/<number>/extension/agreement")
@requires("extension:agree")
def agree_extension(number: str) -> Response:
    press(read(number), rules.agree_extension)
    return done(number, _("You agreed. The new time limit is on the page."))


@blueprint.route("/disputes/<number>/added-time", methods=["GET", "POST"])
@requires("extension:grant")
def added_time(number: str) -> Any:
    reading, form = read(number), forms.AddedTimeForm()
    if attempt(form, reading, rules.grant_extension, text=form.text.data):
        return done(number, _("You gave more time. Both sides are told."))
    return ask("extension:grant", reading, form, "disputes/added_time.html")


@blueprint.route("/disputes/<number>/suspension", methods=["GET", "POST"])
@requires("suspension:ask")
def suspension(number: str) -> Any:
    reading, form = read(number), forms.SuspensionForm()
    if attempt(form, reading, rules.ask_suspension, text=form.text.data):
        return done(number, _("You asked to let time stand still. The other side is told."))
    return ask("suspension:ask", reading, form, "disputes/suspension.html")


@blueprint.post("/disputes/<number>/suspension/agreement")
@requires("suspension:agree")
def agree_suspension(number: str) -> Response:
    press(read(number), rules.agree_suspension)
    return done(number, _("You agreed. All time stands still now."))


@blueprint.post("/disputes/<number>/suspension/end")
@requires("suspension:end")
def end_suspension(number: str) -> Response:
    press(read(number), rules.end_suspension)
    return done(number, _("Time goes on. The new time limit is on the page."))


# -- what the pages of all rooms of a dispute share ----------------------------------------------------------------


def read(number: str) -> Reading:
    """The dispute of that number as the present reader sees it, in four queries.

    Who is not signed in is sent to sign in, whatever the number. Raises Missing for everybody without a seat. That
    somebody who is no party was given it is written down before the answer leaves; a registrar for whom nothing in it
    waits is sent to open it with a reason first.
    """
    reading = look_up(number)
    watch(reading.page)
    return reading


def look_up(number: str) -> Reading:
    """The same for a page that shows nothing of the dispute, and so is no reading of it."""
    house = current_house()
    with house.engine.connect() as connection:
        reading = Reading(queries.open_page(connection, house, seat_in(connection, number)))
    if reading.role == "registrar" and reading.dispute.admitted_at is None and names_reader(reading):
        # The seller learns nothing before admission, by whatever door.
        raise Missing(number)
    return reading


def seat_in(connection: Connection, number: str) -> queries.Seat:
    """Where the present reader sits in the dispute of that number. Raises Missing where that is nowhere; who is not
    signed in is sent to sign in."""
    if not current_user.is_authenticated:
        abort(to_sign_in(otherwise=url_for("disputes.page", number=number)))
    return queries.take_seat(connection, number, current_user.account_id, current_user.roles, current_user.mediator_id)


def names_reader(reading: Reading) -> bool:
    """Whether the buyer names the present reader as the seller, by their address."""
    with current_house().engine.connect() as connection:
        owner = account_by_id(connection, current_user.account_id)
    named = {str(seller.get("email") or "").lower() for seller in reading.page.seller_named}
    return owner is not None and owner.email in named


def demand_impartial(reading: Reading) -> None:
    """A registrar does not act where the buyer names them as the seller, or where they were drawn as a mediator.
    Raises Refused("own_dispute")."""
    drawn = current_user.mediator_id in reading.dispute.met
    if reading.role == "registrar" and (drawn or names_reader(reading)):
        raise Refused("own_dispute")


def attempt(form: ActForm, reading: Reading, rule: Rule, **given: Any) -> bool:
    """Let the act happen when its form was sent and is whole. A refusal becomes an error of the form, so that the
    same page comes again with everything typed; its status stands in `form.status`."""
    if not form.validate_on_submit():
        return False
    seat = reading.page.seat
    try:
        demand_impartial(reading)
        made = perform(current_house(), rule, seat.dispute_id, seat.actor, key=form.key.data, **given)
    except Refused as refused:
        form.refuse(refused)
        return False
    offer_receipt(reading, made)
    return True


def press(reading: Reading, rule: Rule, **given: Any) -> None:
    """Let an act happen whose form is one button on the page. Raises Refused, which has a page of its own."""
    form = forms.ButtonForm()
    if not form.validate():
        raise Refused("form_stale")
    demand_impartial(reading)
    seat = reading.page.seat
    offer_receipt(reading, perform(current_house(), rule, seat.dispute_id, seat.actor, key=form.key.data, **given))


def consenting(permission: str) -> Consent:
    """How the present reader consents by the form that they sent: with their own signature, where the page had one made
    for it, else by its button (ADR 30)."""
    signs = request.form.get("signed") == "1"
    text, told_in = statement(permission), language().tag
    return factors.consent_of(current_house(), current_user, text=text, language=told_in, signs=signs)


def to_be_signed(
    permission: str, reading: Reading, form: ActForm, rule: Rule, given: Callable[[], Mapping[str, Any]]
) -> Response:
    """What a browser needs to sign what this form would put on record now; nothing else comes of it. Raises Refused as
    the act itself would, and Missing for whoever cannot hold the permission or has no passkey."""
    if reading.role not in PERMISSIONS[permission].who:
        raise Missing(reading.number)
    if not form.validate_on_submit():
        raise Refused("form_stale")
    house, seat = current_house(), reading.page.seat
    deed = deed_of(house.origin, seat.dispute_id, seat.actor, rehearsed(reading, rule, given()))
    text, told_in = statement(permission), language().tag
    answer = make_response(factors.begin_signature(house, current_user, deed, text=text, language=told_in))
    answer.mimetype = "application/json"
    return answer


def rehearsed(reading: Reading, rule: Rule, given: Mapping[str, Any]) -> Event:
    """The fact that this act would put on record now; nothing comes of it. Raises Refused."""
    page, country = reading.page, current_house().settings.country
    seats = seats_of(page.dispute.buyer_country, page.dispute.seller_country, country, page.at)
    first: Event = rule(page.dispute, page.seat.actor, at=page.at, seats=seats, **given)[0]
    return first


def offer_receipt(reading: Reading, made: Done) -> None:
    """Let the next page offer the receipt of this act, unless its maker has left the dispute by it."""
    if made.first <= made.last and may("receipt:read", made.dispute, reading.page.seat.actor, reading.page.at):
        flash(url_for("disputes.receipt", number=reading.number, version=made.first), "receipt")


def ask(permission: str, reading: Reading, form: ActForm, template: str, **told: Any) -> Any:
    """The page of an act, or, where the act is not open to this reader now, the way back with the reason."""
    if request.method != "POST" and not reading.may(permission):
        code = why_not(permission, reading.dispute, reading.page.seat.actor, reading.page.at)
        flash(refusal(Refused(code or "not_in_this_phase")), "warning")
        return redirect(url_for("disputes.page", number=reading.number), 303)
    return render_template(template, dispute=reading, form=form, **told), form.status


def done(number: str, told: str, anchor: str | None = None) -> Response:
    """Back to the dispute after an act, with a word about it."""
    flash(told)
    return redirect(url_for("disputes.page", number=number, _anchor=anchor), 303)
