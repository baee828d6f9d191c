"""The door of every page: each says who may enter, foreign forms are turned away, and answers carry strict headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from odr.house import House
from odr.kernel import Missing
from odr.log.auditors import Auditor, auditor_by
from odr.procedure.access import (
    ANYONE,
    AUDITOR,
    MISSING,
    PARTIES,
    PERMISSIONS,
    PROVE,
    SIGN_IN,
    Row,
    Visitor,
    door,
    faults_of,
)

View = TypeVar("View", bound=Callable[..., Any])

csrf = CSRFProtect()

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# Nothing here needs a device, so that a flaw could not reach for one either.
_DEVICES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen",
    "geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "publickey-credentials-create", "publickey-credentials-get", "screen-wake-lock", "usb", "xr-spatial-tracking",
)  # fmt: skip


def no_devices_but(*needed: str) -> str:
    """The Permissions-Policy of a page that needs only these devices, and needs them itself."""
    return ", ".join(f"{name}={'(self)' if name in needed else '()'}" for name in _DEVICES)


HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: under it browsers send "Origin: null" with a form, and the origin check below would have
    # nothing to compare. same-origin tells other sites just as little.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": no_devices_but(),
}

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def current_house() -> House:
    """The house that this application runs."""
    house: House = current_app.extensions["odr"]
    return house


# The last word of the names of fields in which people write what they could not easily write again.
WRITTEN_IN = frozenset({"text", "narrative", "answer"})


def requires(
    permission: str, *, acts_by: tuple[str, str] | None = None, hands_out: bool = False
) -> Callable[[View], View]:
    """Declare who may enter a page, by the name of a row in `odr.procedure.access.PERMISSIONS`.

    It only declares, and stands below `@route`; `enter` enforces, and `check_declared` finds a page without it.
    `acts_by`: the field of the form, and its value, that make what is sent the act itself; whatever else is sent, such
    as a draft, needs no fresh proof of a second factor. `hands_out`: asking for it is the act, since all of it at once
    leaves the house.
    """

    def declare(view: View) -> View:
        view.permission, view.acts_by, view.hands_out = permission, acts_by, hands_out  # type: ignore[attr-defined]
        return view

    return declare


def asks_token_itself(view: View) -> View:
    """Declare that a page demands the token of its form itself, once it knows its reader: no upload is read before."""
    view.asks_token_itself = True  # type: ignore[attr-defined]
    exempt: View = csrf.exempt(view)
    return exempt


def permission_of(app: Flask, endpoint: str) -> str | None:
    """The permission that an endpoint declares; static files are for anyone."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return "site:read"
    return getattr(app.view_functions.get(endpoint), "permission", None)


class Undeclared(Exception):
    """Pages that do not say who may enter, that name a permission nobody defined, or that take a form from anywhere; or
    a table that makes no sense. The house does not open."""


def check_declared(app: Flask) -> None:
    """Raise Undeclared with one sentence per fault. Called once, after all pages are known."""
    faults = [fault for row in PERMISSIONS.values() for fault in faults_of(row)]
    for rule in app.url_map.iter_rules():
        permission = permission_of(app, rule.endpoint)
        if permission is None:
            faults.append(f"{rule.rule} ({rule.endpoint}) does not say who may enter.")
        elif permission not in PERMISSIONS:
            faults.append(f"{rule.rule} ({rule.endpoint}) asks for {permission}, which is not in the table.")
        if UNSAFE & (rule.methods or set()) and not _is_protected(app, rule.endpoint):
            faults.append(f"{rule.rule} ({rule.endpoint}) takes a form without its token.")
    if faults:
        raise Undeclared("\n".join(faults))


def _is_protected(app: Flask, endpoint: str) -> bool:
    """Whether a form that is sent here must carry its token."""
    view = app.view_functions[endpoint]
    exempt = f"{view.__module__}.{view.__name__}" in csrf._exempt_views
    return not exempt or getattr(view, "asks_token_itself", False)


def init_security(app: Flask) -> None:
    """Put the door and the headers around every page. Sessions themselves are loaded by people/security."""
    settings = app.extensions["odr"].settings
    app.config.update(
        # __Host- ties a cookie to this very host and to https; a plain loopback house cannot use it.
        SESSION_COOKIE_NAME="__Host-odr-form" if settings.secure else "odr-form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_PATH="/",
        # A form lives as long as its session: people write a claim over an evening, and must not lose it to an hour.
        WTF_CSRF_TIME_LIMIT=None,
        # The Referer check of Flask-WTF locks out people whose browser sends none; ours reads Origin instead.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.before_request(refuse_foreign_forms)
    csrf.init_app(app)
    app.before_request(enter)
    app.after_request(put_headers)


def refuse_foreign_forms() -> None:
    """Turn away what another site made the browser send; a second lock beside the token and SameSite."""
    if request.method not in UNSAFE:
        return
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None and fetched not in {"same-origin", "none"}:
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and origin not in _own_origins():
        abort(403)


def enter() -> BaseResponse | None:
    """Let the reader in, send them to sign in or to prove their second factor anew, or say that there is no such page:
    whatever `access.door` answers."""
    if request.endpoint is None:
        return None
    if any("\0" in value for value in (request.view_args or {}).values() if isinstance(value, str)):
        # Nothing is called so, and PostgreSQL does not even ask.
        raise Missing
    permission = permission_of(current_app, request.endpoint)
    if permission is None:
        raise Missing
    row = PERMISSIONS[permission]
    if ANYONE in row.who:
        # Nobody is asked who they are, nor the database.
        return None
    if AUDITOR in row.who:
        g.auditor = _auditor()
        return None
    answer = door(row, _visitor(row), _acts())
    if answer == MISSING:
        raise Missing
    if answer == SIGN_IN:
        return to_sign_in()
    return to_proof() if answer == PROVE else None


def _visitor(row: Row) -> Visitor:
    """Who stands at the door of a page with this permission. Where the room itself asks who they are, nobody does."""
    if row.who & PARTIES and not (row.step_up and _acts()):
        return Visitor()
    if current_user.is_authenticated:
        fresh = not row.step_up or current_user.proof_is_fresh(current_house().clock())
        return Visitor(signed_in=True, roles=frozenset(current_user.roles), proof_is_fresh=fresh)
    return Visitor(half_way=frozenset(getattr(half_way(), "roles", ())), wrote=bool(written()))


def _acts() -> bool:
    """Whether what is sent is the act that the page is for."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "hands_out", False):
        return True
    acts_by = getattr(view, "acts_by", None)
    return request.method in UNSAFE and (acts_by is None or request.form.get(acts_by[0]) == acts_by[1])


def half_way() -> Any:
    """Who signed in with a password and has still to prove a second factor; None for everybody else."""
    # Known as soon as somebody asked who the reader is.
    return None if current_user.is_authenticated else g.get("half_way")


def _auditor() -> Auditor:
    """Whose token the request carries. Raises Missing for everybody else, who learns nothing of what there is."""
    house = current_house()
    with house.engine.connect() as connection:
        found = auditor_by(connection, request.headers.get("Authorization"), house.clock())
    if found is None:
        raise Missing
    return found


def current_auditor() -> Auditor:
    """The auditor who asks, on a page whose permission is an auditor's."""
    auditor: Auditor = g.auditor
    return auditor


def to_sign_in(otherwise: str | None = None) -> BaseResponse:
    """Send the reader to sign in and, from there, to the page they asked for, or `otherwise` where that is no page.
    Who gave a password and has still to prove a second factor is sent to do that.

    Whoever wrote something over the end of their session gets it back first; it is shown to the browser that sent it
    only, and nothing is kept.
    """
    if "people.sign_in" not in current_app.view_functions:
        abort(401)
    door = "factors.prove" if half_way() else "people.sign_in"
    sign_in = url_for(door, next=_page_asked_for() or otherwise)
    if words := written():
        return make_response(render_template("errors/signed_out.html", written=words, sign_in=sign_in), 401)
    return redirect(sign_in, 303)


def to_proof() -> BaseResponse:
    """Send the reader to prove their second factor once more and, from there, back to the page they sent this from;
    what they wrote they get back first, as in `to_sign_in`."""
    prove = url_for("factors.prove", next=_page_above())
    if request.method not in UNSAFE:
        # A file leads to no page, so that nobody would see it come.
        flash(_("Taking this away asks for your second step first. Then ask for the file once more."))
    if words := written():
        return make_response(render_template("errors/unproven.html", written=words, prove=prove), 403)
    return redirect(prove, 303)


def _page_above() -> str | None:
    """The nearest address, from what was sent, or above what was asked for, upwards, that is a page."""
    addresses, path = current_app.create_url_adapter(request), request.path
    if request.method not in UNSAFE:
        path = path.rpartition("/")[0]
    while path and not (addresses and addresses.test(path, method="GET")):
        path = path.rpartition("/")[0]
    return path or None


def _page_asked_for() -> str | None:
    """The address that was asked for, where it is a page and not only takes a form."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    addresses = current_app.create_url_adapter(request)
    return request.path if addresses and addresses.test(method="GET") else None


def written() -> str:
    """What somebody wrote into the long fields of the form they sent. An upload is not read for it."""
    if request.method not in UNSAFE or request.mimetype != "application/x-www-form-urlencoded":
        return ""
    found = (text.strip() for name, text in request.form.items() if name.rpartition("-")[2] in WRITTEN_IN)
    return "\n\n".join(text for text in found if text)


def put_headers(response: Response) -> Response:
    """Strict headers on every answer; a page may have set a stricter one itself, as files in evidence do."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_house().settings.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
    if request.endpoint == "static":
        # An address that names a version never shows anything else; modules that name none are asked for again.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store" if _private() else "private, no-cache"
        response.vary.update(("Cookie", "Accept-Language"))
    return response


def _private() -> bool:
    """Whether an answer may hold what is not for everybody: any page but those that anyone reads, signed out."""
    # The reader as this request already knew them: asking now could reach for a database that has just failed.
    reader = g.get("_login_user")
    known = reader is not None and reader.is_authenticated
    return known or permission_of(current_app, request.endpoint or "") != "site:read"


def _own_origins() -> set[str]:
    # Behind a proxy the host of the request may be an inner one; people see the public address.
    public = urlsplit(current_house().settings.public_url)
    return {request.host_url.rstrip("/"), f"{public.scheme}://{public.netloc}"}
