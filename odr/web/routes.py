"""The pages of the house itself: the front page, how it works, how neutrality is ensured, language, and errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.wrappers import Response

from odr.house import House
from odr.kernel import Conflict, Missing, Refused
from odr.log.halt import STOPPED
from odr.procedure.access import CLASSES, IN_DISPUTES, PERMISSIONS, READERS, Row
from odr.procedure.course import ORDER, leads_to, steps_in, ways_from
from odr.procedure.dispute import Phase
from odr.procedure.ruleset import Ruleset
from odr.web import sentences
from odr.web.filters import safe_path
from odr.web.language import YEAR, offered
from odr.web.security import current_house, requires, written
from odr.web.sentences import refusal

blueprint = Blueprint("web", __name__)

RULE_WORDS = {
    "steps": sentences.STEPS,
    "holders": sentences.HOLDERS,
    "grounds": sentences.GROUNDS,
    "remedies": sentences.REMEDIES,
}
"""The words for what a ruleset names."""

# Whoever can move a dispute on, in the order in which people are named; and the time that runs beside the others.
MOVERS = ("buyer", "seller", "mediator", "registrar")
BESIDE = ("challenge",)

# The numbers of a ruleset that are no time limit of a step.
NUMBERS = {
    "offer_days": _("Days that an offer stays open, unless it says otherwise"),
    "perform_days": _("Days to carry out what was agreed or decided, unless that says otherwise"),
    "leave_from_day": _("Day of the negotiation from which a side can leave it (0: at once)"),
    "rebuttal_window_days": _("Last days of the exchange in which new evidence opens time to answer it"),
    "fresh_decider_days": _("Days after the mediation in which somebody else can be asked to decide"),
    "suspension_days": _("Most days for which all time stands still"),
    "suspensions_most": _("How often it can be asked to stand still"),
    "evidence_request_days_most": _("Most days that the mediator can set for evidence"),
}

# Phases that have a name together; all others are named one by one.
_FILED = frozenset(Phase) - {Phase.UNFILED}
_UNADMITTED = frozenset({Phase.SCREENING, Phase.NEEDS_INFORMATION, Phase.REFUSED})
_ENDED = frozenset({Phase.DECIDED, Phase.SETTLED, Phase.CLOSED})
PERIODS = {
    _FILED: _("At any time"),
    _FILED - _ENDED: _("Before there is an agreement or a decision"),
    _FILED - _ENDED - _UNADMITTED: _("From the admission until there is an agreement or a decision"),
    _FILED - _UNADMITTED: _("From the admission on"),
    _FILED - {Phase.CLOSED}: _("Before the dispute is closed"),
    _FILED - {Phase.SETTLED, Phase.CLOSED}: _("Before there is an agreement or the dispute is closed"),
}

# Codes that have a page of their own; any other is told as its nearest of these.
TOLD = frozenset({400, 403, 404, 405, 409, 413, 429, 500, 503})


@blueprint.get("/")
@requires("site:read")
def home() -> str:
    return render_template("web/home.html", rules=current_house().ruleset)


@blueprint.get("/how-it-works")
@requires("site:read")
def procedure() -> str:
    house = current_house()
    return render_template(
        "web/procedure.html",
        rules=house.ruleset,
        rulesets=_rulesets(house),
        stages=[_stage(phase) for phase in ORDER],
        # A step can run in more than one phase, and its time is told once.
        limits=list(dict.fromkeys([*(step for phase in ORDER for step in steps_in(phase)), *BESIDE])),
        numbers=NUMBERS,
        sentences=sentences,
    )


def _stage(phase: Phase) -> dict[str, Any]:
    """One phase of the course as a page tells it: who can move it on, its time limits, and where it can lead."""
    acts = [PERMISSIONS[way].who for way in ways_from(phase) if way in PERMISSIONS and way != "dispute:hand_over"]
    return {
        "phase": phase,
        "movers": [role for role in MOVERS if any(role in who for who in acts)],
        "steps": steps_in(phase),
        "leads_to": leads_to(phase),
    }


@blueprint.get("/neutrality")
@requires("site:read")
def neutrality() -> str:
    return render_template("web/neutrality.html")


@blueprint.get("/permissions")
@requires("site:read")
def permissions() -> str:
    """Who may do what, line by line as the house itself reads it."""
    return render_template(
        "web/permissions.html",
        groups=[_group(name, title, group) for name, (title, group) in sentences.PERMISSION_GROUPS.items()],
        readers={
            reader: [reach for reach in sentences.ENTRY_CLASSES if reach in may] for reader, may in READERS.items()
        },
        classes=[reach for reach in sentences.ENTRY_CLASSES if any(reach in may for may in READERS.values())],
        sentences=sentences,
    )


def _group(name: str, title: Any, group: dict[str, Any]) -> dict[str, Any]:
    """The permissions of one subject, and which columns have something to say of them."""
    rows = [_right(PERMISSIONS[permission], words) for permission, words in group.items()]
    columns = [
        column for column in ("when", "mandate", "proof", "entries", "recorded") if any(row[column] for row in rows)
    ]
    return {"name": name, "title": title, "rows": rows, "columns": columns}


def _right(row: Row, words: Any) -> dict[str, Any]:
    """One permission in words."""
    holders = sentences.PERMISSION_HOLDERS
    phases = [PERIODS[row.phases]] if row.phases in PERIODS else [sentences.PHASES[p] for p in ORDER if p in row.phases]
    if row.relation and not row.act:
        phases = [_("As long as the dispute is kept")]
    return {
        "words": words,
        "who": [told for role, told in holders.items() if role in row.who],
        "when": phases,
        "conditions": row.unless is not None,
        "mandate": sentences.MANDATES[row.scope] if row.who & {"buyer", "seller"} else "",
        "proof": row.step_up,
        "entries": _entries(row.classes),
        "recorded": [told for role, told in holders.items() if role in row.audited],
    }


def _entries(classes: frozenset[str]) -> list[Any]:
    """For whom the entries of these classes are."""
    if classes == CLASSES:
        return [_("Every reader: all of them")]
    if classes == IN_DISPUTES:
        return [_("Each reader: all that they may know of")]
    return [told for reach, told in sentences.ENTRY_CLASSES.items() if reach in classes]


@blueprint.get("/rules")
@requires("site:read")
def rules() -> str:
    """The rules of this house, each with its numbers, as the product itself reads them."""
    return render_template("web/rules.html", rulesets=_rulesets(current_house()), words=RULE_WORDS)


def _rulesets(house: House) -> list[Ruleset]:
    """All rules of the house by name, those that new disputes are filed under first."""
    known = [house.rulesets.named(name) for name in house.rulesets.names()]
    return sorted(known, key=lambda rules: rules.name != house.ruleset.name)


@blueprint.post("/language")
@requires("site:read")
def choose_language() -> Response:
    answer = redirect(safe_path(request.form.get("next")), 303)
    wanted = request.form.get("language")
    if wanted in {each.code for each in offered()}:
        secure = current_house().settings.secure
        answer.set_cookie("lang", wanted, max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return answer


@blueprint.get("/health")
@requires("site:read")
def health() -> tuple[dict[str, str], int]:
    """Whether this process answers and reaches its database; for a supervisor, not for people."""
    try:
        with current_house().engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError:
        return {"status": "no database"}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "ok"}, HTTPStatus.OK


def init_errors(app: Flask) -> None:
    """Give every error a page that says what to do next."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(Missing, _missing)
    app.register_error_handler(Conflict, _conflict)
    app.register_error_handler(OperationalError, _unavailable)
    app.register_error_handler(NoConnectionFree, _unavailable)
    app.register_error_handler(HTTPException, _told)
    app.log_exception = _log_fault  # type: ignore[method-assign]


def _log_fault(fault: Any) -> None:
    # The page by its name, not its address: that may hold the secret of a mailed link.
    current_app.logger.error("fault in %s [%s]", request.endpoint, request.method, exc_info=fault)


def _refused(error: Refused) -> Any:
    page, code = _page(409, sentence=refusal(error))
    # Nothing that the reader does helps against a log that has stopped, so a later time is named, not a conflict.
    return (page, 503, {"Retry-After": "3600"}) if error.code == STOPPED else (page, code)


def _missing(error: Missing) -> tuple[str, int]:
    return _page(404)


def _conflict(error: Conflict) -> tuple[str, int]:
    return _page(409, sentence=None)


def _unavailable(error: OperationalError | NoConnectionFree) -> tuple[str, int, dict[str, str]]:
    current_app.logger.error("the database does not answer: %s", type(getattr(error, "orig", error)).__name__)
    page, code = _plain(503)
    return page, code, {"Retry-After": "30"}


def _told(error: HTTPException) -> Any:
    code = error.code or 500
    if error.response is not None or code < 400:
        # Somebody answered already: a redirect, or a page of their own.
        return error
    if isinstance(error, BadHost):
        # Every page of ours holds addresses, and none can be made for a host that cannot be.
        return error
    if code >= 500:
        page, code = _plain(code)
    else:
        # Who signed in again in another window sends this one with the token of before.
        expired = isinstance(error, CSRFError)
        page, code = _page(code, expired=expired, written=written() if expired else "")
    # The answer keeps what the error itself must say: Allow, Retry-After.
    kept = [(name, value) for name, value in error.get_headers() if name not in {"Content-Type", "Content-Length"}]
    return page, code, kept


def _page(code: int, **told: Any) -> tuple[str, int]:
    return render_template(_template(code), code=code, back=safe_path(request.referrer), **told), code


def _plain(code: int) -> tuple[str, int]:
    # Nobody is asked who the reader is: the failure may lie just there.
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]
    g.log_stopped = False
    return render_template(_template(code), code=code), code


def _template(code: int) -> str:
    nearest = code if code in TOLD else 500 if code >= 500 else 400
    return f"errors/{nearest}.html"
