"""Who is acting: the session cookie, the person behind it, and what a request tells about where it comes from."""

from __future__ import annotations

from flask import Flask, Request, Response, current_app, g, request, session
from flask_login import LoginManager, current_user

from odr.people import queries, service
from odr.people.limits import address_prefix
from odr.people.queries import Account, Person
from odr.people.service import Caller
from odr.web.security import current_house, permission_of

HALF_YEAR = 182 * 24 * 60 * 60

# Coarse on purpose: enough for the owner to recognise a device, too little to follow one.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("MicroMessenger", "WeChat"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def init_sessions(app: Flask) -> None:
    """Find the person of each request in the session table, in one query and only when somebody asks."""
    manager = LoginManager(app)
    # Flask-Login would bind its own cookie to the browser's name; ours is bound to a row that can be revoked.
    manager.session_protection = None
    manager.request_loader(person_of)


def person_of(asked: Request) -> Person | None:
    """The person whose open session a request carries; keeps that session from falling idle.

    Whoever has still to prove a second factor is nobody yet, but where they do that or, having none, add one.
    """
    cookie = asked.cookies.get(cookie_name("odr"))
    if not cookie:
        return None
    person = person_behind(cookie)
    if person is None:
        return None
    service.note_seen(current_house(), person)
    if person.is_half_way and not _leads_further(person, asked.endpoint):
        g.half_way = person
        return None
    return person


def person_behind(cookie: str) -> Person | None:
    """The person whose open session this cookie belongs to."""
    house = current_house()
    with house.engine.connect() as connection:
        return queries.person_by_cookie(connection, cookie, house.clock(), staff_prove=house.settings.staff_prove)


def signed_in_owner() -> Account:
    """The account of whoever is signed in. Raises Missing when it was closed at this moment."""
    with current_house().engine.connect() as connection:
        return queries.account_of(connection, current_user.account_id)


def _leads_further(person: Person, endpoint: str | None) -> bool:
    permission = permission_of(current_app, endpoint or "")
    # Who has a factor proves it first: a password alone must not add another one.
    return permission == "factor:prove" or (permission == "factor:add" and not person.has_factor)


def caller() -> Caller:
    """Where this request comes from."""
    return Caller(
        prefix=address_prefix(request.remote_addr),
        device=device_of(request.user_agent.string),
        known_device=request.cookies.get(cookie_name("odr-device")),
        proven_device=request.cookies.get(cookie_name("odr-proven")),
        mark=session.get("mark"),
        cookie=request.cookies.get(cookie_name("odr")),
        account_id=current_user.account_id if current_user.is_authenticated else None,
    )


def device_of(agent: str) -> str:
    """A few words from fixed lists: "Firefox · Android"; what a browser calls itself is never repeated."""
    found = (next((name for sign, name in signs if sign in agent), "") for signs in (_BROWSERS, _SYSTEMS))
    return " · ".join(name for name in found if name)


def carry_session(answer: Response, cookie: str) -> None:
    """Hand a new session to this browser. Everything it held before is dropped, its form token included, so that
    nothing planted before signing in is worth anything after."""
    session.clear()
    _set(answer, "odr", cookie)


def renew_cookie(answer: Response, cookie: str) -> None:
    """Hand a session that goes on its new cookie; forms that lie open in other windows stay good."""
    _set(answer, "odr", cookie)


def remember_device(answer: Response, email: str) -> None:
    """Let this browser sign in to this account while strangers guess at it."""
    _set(answer, "odr-device", service.known_device(current_house(), email, caller()), max_age=HALF_YEAR)


def remember_proof(answer: Response, account_id: str) -> None:
    """Let this browser prove a second factor of this account while strangers who know the password guess at it."""
    _set(answer, "odr-proven", service.proven_device(current_house(), caller(), account_id), max_age=HALF_YEAR)


def drop_session(answer: Response) -> None:
    """Take the session from this browser, and what it kept of the pages it saw."""
    session.clear()
    name = cookie_name("odr")
    answer.delete_cookie(name, path="/", secure=current_house().settings.secure, httponly=True, samesite="Lax")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'


def cookie_name(name: str) -> str:
    """__Host- ties a cookie to this very host and to https; a house on plain loopback cannot use it."""
    return f"__Host-{name}" if current_house().settings.secure else name


def _set(answer: Response, name: str, value: str, max_age: int | None = None) -> None:
    secure = current_house().settings.secure
    answer.set_cookie(cookie_name(name), value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="Lax")
