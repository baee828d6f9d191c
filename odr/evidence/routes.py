"""The pages of evidence: the files of a dispute, sending one in, and taking one home."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from odr.disputes.filters import Reading
from odr.disputes.routes import ask, attempt, done, offer_receipt, read
from odr.evidence import forms, media, queries, rules, service
from odr.house import MEGABYTE
from odr.kernel import Missing, Refused
from odr.procedure.access import demand, may_read_file
from odr.procedure.dispute import EvidenceItem
from odr.web.security import asks_token_itself, current_house, requires, to_sign_in
from odr.web.sentences import sentence

blueprint = Blueprint("evidence", __name__)

# A browser listens to no answer while it sends: so much more than a file may have is read, and thrown away.
READ_ON = 4

# The steps of the ruleset whose time is the time for evidence.
EXCHANGE = ("evidence", "rebuttal")

FILE_POLICY = "sandbox; default-src 'none'"


@blueprint.get("/disputes/<number>/evidence")
@requires("evidence:read")
def index(number: str) -> Any:
    return _index(_reader_of_file(number), forms.EvidenceForm(formdata=None))


@blueprint.post("/disputes/<number>/evidence")
@requires("evidence:add")
@asks_token_itself  # In EvidenceForm.of.
def add(number: str) -> Any:
    reading, form = _party(number), _arriving()
    try:
        if form.upload is None or not form.validate() or not _taken(reading, form, form.upload):
            return _index(_party(number), form)
    finally:
        if form.upload:
            form.upload.drain()
    return redirect(url_for("evidence.index", number=number), 303)


@blueprint.route("/disputes/<number>/evidence/completion", methods=["GET", "POST"])
@requires("evidence:complete")
def completion(number: str) -> Any:
    reading, form = read(number), forms.CompletionForm()
    if attempt(form, reading, rules.complete_evidence):
        return done(number, _("It is on record that your file is complete."))
    return ask("evidence:complete", reading, form, "evidence/completion.html", last=bool(reading.dispute.complete))


@blueprint.get("/disputes/<number>/evidence/<int(max=9999):item>")
@requires("evidence:read")
def item(number: str, item: int) -> Response:
    """The file itself to the side that sent it; to all others pictures bare of place, camera and name."""
    reading = _read(number)
    found = _item(reading, item)
    words = reading.page.line(found.version).words
    name = media.with_suffix(words.get("name") or f"evidence-{item}", found.media)
    if reading.role == found.side or found.media not in media.PREVIEWED | {media.HEIF}:
        return _file(_plain(reading, found), found.media, name, found.size)
    bare, kind = media.copy_for_others(b"".join(_plain(reading, found)), found.media)
    return _file(bare, kind, name, len(bare))


@blueprint.get("/disputes/<number>/evidence/<int(max=9999):item>/preview")
@requires("evidence:read")
def preview(number: str, item: int) -> Response:
    reading = _read(number)
    found = _item(reading, item)
    if found.media not in media.PREVIEWED:
        raise Missing(f"{number}/{item}")
    small, kind = media.preview(b"".join(_plain(reading, found)), found.media)
    answer = _file(small, kind, media.with_suffix(f"evidence-{item}", kind), len(small))
    # Drawn anew for each look it would cost more than the page it stands on; signing out clears it.
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


def _read(number: str) -> Reading:
    if not current_user.is_authenticated:
        # Before `read`, which looks into the words that were sent, and so into the body.
        abort(to_sign_in())
    return read(number)


def _reader_of_file(number: str) -> Reading:
    """The dispute as those read it for whom its files are: its sides, and its mediator. Missing for everybody else."""
    reading = _read(number)
    if not reading.reads_file:
        raise Missing(number)
    return reading


def _party(number: str) -> Reading:
    """The dispute as one of its sides reads it. Missing for everybody else."""
    reading = _read(number)
    if not reading.is_party:
        raise Missing(number)
    return reading


def _index(reading: Reading, form: forms.EvidenceForm) -> tuple[str, int]:
    told = {
        "limit": current_house().settings.upload_limit,
        "accept": forms.ACCEPT,
        "until": _until(reading),
        "complete": [sentence("evidence_completed", {"side": side}) for side in _complete(reading)],
        "since_end": reading.dispute.closed_at is not None,
    }
    return render_template("evidence/index.html", dispute=reading, form=form, **told), form.status


def _complete(reading: Reading) -> list[str]:
    """The sides that said that their file is complete, as long as that means something."""
    return [] if reading.dispute.closed_at is not None else sorted(reading.dispute.complete)


def _until(reading: Reading) -> int | None:
    """When the exchange of evidence ends, while it is that time which runs."""
    clock = reading.dispute.clock
    return clock.due if clock and clock.step in EXCHANGE else None


def _arriving() -> forms.EvidenceForm:
    """The form as far as its file, which has not been read; or with the refusal of a body that is far too large."""
    limit = current_house().settings.upload_limit
    request.max_content_length = READ_ON * limit + MEGABYTE
    try:
        return forms.EvidenceForm.of(request.stream, request.content_type or "")
    except RequestEntityTooLarge:
        form = forms.EvidenceForm(formdata=None)
        form.refuse(Refused("file_too_large", limit=limit))
        form.status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return form


def _taken(reading: Reading, form: forms.EvidenceForm, upload: forms.Upload) -> bool:
    seat, said = reading.page.seat, (form.about.data or "").strip()
    name = media.display_name(upload.filename) or ""
    try:
        # Asked again by the rule; asked here, so that no file travels for nothing.
        demand("evidence:add", reading.dispute, seat.actor, reading.page.at)
        taken = service.take_in(
            current_house(), seat.dispute_id, seat.actor, key=form.key.data, arriving=upload, name=name, about=said
        )
    except Refused as refused:
        form.refuse(refused)
        return False
    offer_receipt(reading, taken)
    received = next(one.item for one in taken.dispute.evidence if one.version == taken.first)
    flash(_("Your file is received. It is evidence %(number)s now.", number=received))
    return True


def _item(reading: Reading, number: int) -> EvidenceItem:
    """The item of that number. Missing when there is none, or none for this reader."""
    page = reading.page
    for found in page.dispute.evidence:
        if found.item == number and may_read_file(page.dispute, page.seat.actor, page.at, found):
            return found
    raise Missing(f"{reading.number}/{number}")


def _plain(reading: Reading, found: EvidenceItem) -> Any:
    """The plain text of an item in chunks. Missing once it was erased."""
    house = current_house()
    with house.engine.connect() as connection:
        place = queries.place_of(connection, reading.dispute.id, found.version)
    if place is None:
        raise Missing(f"{reading.number}/{found.item}")
    return house.files.read(place.object_id, place.wrapped_key)


def _file(body: Any, kind: str, name: str, size: int) -> Response:
    """A file to be saved, never shown within the house, and with nothing it could do there."""
    answer = Response(body, content_type=kind)
    answer.headers["Content-Disposition"] = media.content_disposition(name)
    answer.headers["Content-Length"] = str(size)
    answer.headers["Content-Security-Policy"] = FILE_POLICY
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
