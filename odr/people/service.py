"""What people do with their accounts: open one, sign in and out, recover it, and be granted a role."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from odr.database import write_unit
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused, new_id
from odr.log import journal
from odr.notices import outbox
from odr.people import limits, links, queries
from odr.people.rules import check_password, email_key, password_form, tidy_name
from odr.people.tables import account, ceremony, factor, recovery_code, registration, role_grant, session

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# decisions.md: 19 MiB, two passes, one lane. Four at a time hold 76 MiB, so that signing in cannot exhaust a machine.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_HASHING = threading.BoundedSemaphore(4)
_LONGEST_WAIT_SECONDS = 10
# Tokens that were mailed to nobody, from one neighbourhood, in ten minutes.
MOST_UNKNOWN = 60
# The hash of nothing: checking against it costs what checking a real one costs.
_DUMMY_HASH = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from: the prefix of its address, a coarse device name, what its browser kept, and whose
    session it carries, if any."""

    prefix: str = "unknown"
    device: str = ""
    known_device: str | None = None
    proven_device: str | None = None
    mark: str | None = None
    cookie: str | None = None
    account_id: str | None = None


# -- opening an account ---------------------------------------------------------------------------------------


def register(
    house: House, caller: Caller, *, name: str, email: str, country: str, language: str, zone: str, password: str
) -> str:
    """Take down who wants an account and mail a link to that address; answers the mark for the asking browser.

    Does the same work for an address that has an account already, whose owner gets a hint instead. Raises Refused
    from `rules` and Refused("too_many_attempts", minutes=…).
    """
    at, key, name = house.clock(), email_key(email), tidy_name(name)
    check_password(password, own_words=(name, key))
    spend(house, at, ("address", caller.prefix, "register", 60, HOUR), ("email", key, "register", 5, HOUR))
    hashed, mark, registration_id = hash_password(password), secrets.token_urlsafe(32), new_id()

    def unit(connection: Connection) -> None:
        known = queries.account_by_email(connection, key)
        connection.execute(
            insert(registration).values(
                id=registration_id,
                email=key,
                password_hash=hashed,
                mark_hash=queries.cookie_hash(mark),
                name=name,
                country=country,
                language=language,
                zone=zone,
                made_at=at,
            )
        )
        if known:
            mail(connection, house, "email_known", at, registration_id, account_id=known.id)
        else:
            mail(connection, house, "verify_email", at, registration_id, email=key, params={"language": language})

    write_unit(house.engine, unit)
    return mark


def needs_password(house: House, caller: Caller, token: str) -> bool:
    """Whether a verification link must be answered with the password, because another browser asked for it.

    Otherwise somebody could register another's address, and its owner would confirm a stranger's password. Raises as
    `open_link`.
    """
    at, email = house.clock(), open_link(house, caller, token, "verify").email or ""
    with house.engine.connect() as connection:
        typed = queries.registrations_of(connection, email, at - DAY)
    return not any(_marked(row, caller) for row in typed)


def verify_email(house: House, caller: Caller, token: str, *, password: str = "") -> str:
    """Open the account whose address this link proves, sign it in, and answer the cookie of its session.

    Raises Refused("link_…"), Refused("password_wrong"), Refused("email_known_now") when an account was opened for
    the address meanwhile, and Refused("too_many_attempts", minutes=…).
    """
    at, email = house.clock(), open_link(house, caller, token, "verify").email or ""
    with house.engine.connect() as connection:
        typed = queries.registrations_of(connection, email, at - DAY)
    chosen = next((row for row in typed if _marked(row, caller)), None)
    if chosen is None:
        _spend_guess(house, at, email, caller)
        chosen = next((row for row in typed if _matches(row.password_hash, password)), None)
    if chosen is None:
        raise Refused("password_wrong")

    def unit(connection: Connection) -> str:
        links.consume_link(connection, token, "verify", at)
        links.void_links_to(connection, email, "verify", at)
        account_id = open_account(
            connection,
            house,
            email=email,
            name=chosen.name,
            country=chosen.country,
            language=chosen.language,
            zone=chosen.zone,
            password_hash=chosen.password_hash,
            at=at,
        )
        connection.execute(delete(registration).where(registration.c.email == email))
        return _rotate(connection, caller, account_id, at, "verify")

    return write_unit(house.engine, unit)


def _marked(row: Row[Any], caller: Caller) -> bool:
    return caller.mark is not None and hmac.compare_digest(row.mark_hash, queries.cookie_hash(caller.mark))


def open_account(
    connection: Connection,
    house: House,
    *,
    email: str,
    name: str,
    at: int,
    country: str | None = None,
    language: str = "en",
    zone: str = "UTC",
    password_hash: str | None = None,
    verified: bool = True,
) -> str:
    """Open an account in the caller's transaction and answer its id; without a password it signs in by mailed links.

    `verified`: the address was proven by a link (an invitation counts). Raises Refused("email_known_now").
    """
    key, account_id = email_key(email), new_id()
    if queries.account_by_email(connection, key):
        raise Refused("email_known_now")
    connection.execute(
        insert(account).values(
            id=account_id,
            email=key,
            verified_at=at if verified else None,
            password_hash=password_hash,
            name=tidy_name(name),
            country=country,
            language=language,
            zone=zone,
            created_at=at,
        )
    )
    record(connection, house, account_id, "account_registered", {"password": password_hash is not None}, at=at)
    if verified:
        record(connection, house, account_id, "email_verified", {}, at=at)
    return account_id


def hash_password(password: str) -> str:
    """The hash that an account keeps of its password, with its parameters. Raises Refused("house_busy")."""
    with _turn_to_hash():
        return _HASHER.hash(_bytes(password))


# -- signing in and out ---------------------------------------------------------------------------------------


def sign_in(house: House, caller: Caller, *, email: str, password: str) -> str:
    """Begin a session and answer its cookie. The same answer and the same work whether the address is known or not.

    Raises Refused("sign_in_failed"), Refused("too_many_attempts", minutes=…) or Refused("house_busy"), and
    Refused("account_suspended") where the password was right.
    """
    at, key = house.clock(), email_key(email)
    guess = _spend_guess(house, at, key, caller)
    with house.engine.connect() as connection:
        found = queries.account_by_email(connection, key)
    if not _matches(found.password_hash if found else None, password) or found is None:
        raise Refused("sign_in_failed")
    renewed = hash_password(password) if _HASHER.check_needs_rehash(found.password_hash or "") else found.password_hash

    def unit(connection: Connection) -> str:
        for name in guess:
            limits.give_back(connection, name, "password")
        # Asked again under the row's lock: the password may have been changed while this one was being checked.
        still = connection.execute(
            update(account)
            .where(account.c.id == found.id, account.c.password_hash == found.password_hash)
            .values(password_hash=renewed)
        ).rowcount
        if not still:
            raise Refused("sign_in_failed")
        return _rotate(connection, caller, found.id, at, "password")

    return write_unit(house.engine, unit)


def start_session(
    connection: Connection,
    account_id: str,
    device: str,
    at: int,
    *,
    factor_at: int | None = None,
    factor_kind: str | None = None,
    began_by: str = "password",
) -> str:
    """Begin a session in the caller's transaction; answers what its cookie carries, of which only a hash is kept.

    `factor_at`: the instant of the proof of a second factor that it begins with. Raises Refused("account_suspended"):
    every way in ends here, and whoever has come so far has shown that the account is theirs.
    """
    _demand_unsuspended(connection, account_id)
    cookie = secrets.token_urlsafe(32)
    connection.execute(
        insert(session).values(
            id_hash=queries.cookie_hash(cookie),
            account_id=account_id,
            device=device[:80],
            created_at=at,
            seen_at=at,
            factor_at=factor_at,
            factor_kind=factor_kind,
            began_by=began_by,
        )
    )
    return cookie


def _demand_unsuspended(connection: Connection, account_id: str) -> None:
    if connection.scalar(select(account.c.suspended_at).where(account.c.id == account_id)) is not None:
        raise Refused("account_suspended")


def renew_session(connection: Connection, person: queries.Person, at: int, proven_by: str) -> str:
    """Give a session that has just proven a second factor a new cookie, so that a copy of the old one gains nothing by
    it; its length is counted from its beginning as before. Raises Missing when it ended meanwhile."""
    cookie = secrets.token_urlsafe(32)
    renewed = connection.execute(
        update(session)
        .where(session.c.id_hash == person.session_hash, session.c.ended_at.is_(None))
        .values(id_hash=queries.cookie_hash(cookie), factor_at=at, factor_kind=proven_by, seen_at=at)
    ).rowcount
    if not renewed:
        raise Missing(person.session_hash)
    return cookie


def end_other_sessions(connection: Connection, person: queries.Person, at: int) -> int:
    """End all sessions of a person but the one they act in; answers how many there were."""
    mine = session.c.account_id == person.account_id
    return _end(connection, mine & (session.c.id_hash != person.session_hash), at=at)


def _rotate(connection: Connection, caller: Caller, account_id: str, at: int, began_by: str) -> str:
    """A new session in place of whatever this browser held before, so that no planted cookie survives signing in."""
    if caller.cookie:
        _end(connection, session.c.id_hash == queries.cookie_hash(caller.cookie), at=at)
    return start_session(connection, account_id, caller.device, at, began_by=began_by)


def note_seen(house: House, person: queries.Person) -> None:
    """Keep a session from falling idle; written at most once a minute, so that reading pages writes nothing."""
    at = house.clock()
    if at >= person.seen_at + queries.SEEN_EVERY:
        write_unit(
            house.engine,
            lambda connection: connection.execute(
                update(session)
                .where(session.c.id_hash == person.session_hash, session.c.seen_at < at)
                .values(seen_at=at)
            ),
        )


def sign_out(house: House, cookie: str) -> None:
    """End the session of this cookie, if it is one."""
    at = house.clock()
    write_unit(
        house.engine, lambda connection: _end(connection, session.c.id_hash == queries.cookie_hash(cookie), at=at)
    )


def sign_out_everywhere(house: House, account_id: str) -> int:
    """End all sessions of an account and answer how many there were."""
    at = house.clock()

    def unit(connection: Connection) -> int:
        ended = end_sessions(connection, account_id, at)
        record(connection, house, account_id, "sessions_ended", {"count": ended}, at=at)
        return ended

    return write_unit(house.engine, unit)


def end_session(house: House, account_id: str, handle: str) -> None:
    """End one session of an account by its handle. Raises Missing when the account has no such open session."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        open_ones = connection.execute(
            select(session.c.id_hash).where(session.c.account_id == account_id, session.c.ended_at.is_(None))
        ).scalars()
        chosen = [one for one in open_ones if queries.handle_of(one) == handle]
        if not chosen:
            raise Missing(handle)
        _end(connection, session.c.id_hash.in_(chosen), at=at)
        record(connection, house, account_id, "sessions_ended", {"count": len(chosen)}, at=at)

    write_unit(house.engine, unit)


def end_sessions(connection: Connection, account_id: str, at: int) -> int:
    """End all sessions of an account in the caller's transaction; answers how many were open."""
    return _end(connection, session.c.account_id == account_id, at=at)


def _end(connection: Connection, which: Any, *, at: int) -> int:
    return connection.execute(update(session).where(which, session.c.ended_at.is_(None)).values(ended_at=at)).rowcount


# -- mailed links: a forgotten password, or no password at all -------------------------------------------------


def ask_reset(house: House, caller: Caller, *, email: str) -> None:
    """Mail a link for a new password if the address has an account; from outside both look the same.

    Raises Refused("email_malformed") and Refused("too_many_attempts", minutes=…).
    """
    _ask_link(house, caller, email, "reset_password")


def ask_sign_in_link(house: House, caller: Caller, *, email: str) -> None:
    """Mail a link that signs in if the address has an account; staff get a link for a new password instead, since
    their mailbox alone must not open a desk. Raises as `ask_reset`."""
    _ask_link(house, caller, email, "sign_in_link")


def _ask_link(house: House, caller: Caller, email: str, template: str) -> None:
    at, key, mail_id = house.clock(), email_key(email), new_id()
    # One counter for both kinds: nobody's mailbox is flooded by alternating between them.
    spend(house, at, ("address", caller.prefix, "mail", 60, HOUR), ("email", key, "mail", 5, HOUR))

    def unit(connection: Connection) -> None:
        found = queries.account_by_email(connection, key)
        account_id = found.id if found else mail_id
        sent = "reset_password" if queries.roles_of(connection, account_id) else template
        # Written and taken back for an unknown address: the same work, and nothing is sent.
        attempt = connection.begin_nested()
        mail(connection, house, sent, at, mail_id, account_id=account_id)
        if found:
            attempt.commit()
        else:
            attempt.rollback()

    write_unit(house.engine, unit)


def reset_password(house: House, caller: Caller, token: str, *, password: str) -> None:
    """Set a new password by a mailed link and end all sessions. A password that is refused leaves the link usable.

    Raises Refused("link_…"), Refused("password_…") and Refused("account_suspended").
    """
    at, found = house.clock(), open_link(house, caller, token, "reset")
    with house.engine.connect() as connection:
        owner = _owner(connection, found)
        _demand_unsuspended(connection, owner.id)
    check_password(password, own_words=(owner.name, owner.email))
    hashed = hash_password(password)

    def unit(connection: Connection) -> None:
        links.consume_link(connection, token, "reset", at)
        _set_password(connection, house, owner.id, hashed, at, "password_reset")

    write_unit(house.engine, unit)


def sign_in_by_link(house: House, caller: Caller, token: str) -> str:
    """Use up a mailed sign-in link and answer the cookie of the new session. Raises as `open_link` and
    `start_session`."""
    at = house.clock()
    open_link(house, caller, token, "signin")

    def unit(connection: Connection) -> str:
        found = links.consume_link(connection, token, "signin", at)
        owner = _owner(connection, found)
        if queries.roles_of(connection, owner.id):
            raise Refused("link_unknown")
        _note_verified(connection, house, owner, at)
        return _rotate(connection, caller, owner.id, at, "link")

    return write_unit(house.engine, unit)


def open_link(house: House, caller: Caller, token: str, purpose: str) -> links.Link:
    """What a mailed link is bound to, left unused. Whoever holds a link that was mailed to somebody else, and is signed
    in, is not taken for them.

    Raises as `find_link`, and Refused("link_used" | "link_expired" | "link_of_another").
    """
    found = find_link(house, caller, token, purpose)
    if found.used_at is not None:
        raise Refused("link_used")
    if house.clock() >= found.expires_at:
        raise Refused("link_expired")
    if is_anothers(house, caller, found):
        raise Refused("link_of_another")
    return found


def find_link(house: House, caller: Caller, token: str, purpose: str) -> links.Link:
    """A mailed link of one purpose, whatever became of it.

    Tokens that were mailed to nobody are counted by the address they come from; after MOST_UNKNOWN of ten minutes none
    from there is looked up until they are over. Raises Refused("link_unknown") and Refused("too_many_attempts",
    minutes=…).
    """
    at, neighbours = house.clock(), limits.bucket(house.settings.secret_key, "address", caller.prefix)
    with house.engine.connect() as connection:
        limits.demand_room(connection, neighbours, "link", at, MOST_UNKNOWN, 10 * MINUTE)
        found = links.find_link(connection, token, purpose)
    if found is None:
        spend(house, at, ("address", caller.prefix, "link", MOST_UNKNOWN, 10 * MINUTE))
        raise Refused("link_unknown")
    return found


def is_anothers(house: House, caller: Caller, link: links.Link) -> bool:
    """Whether somebody is signed in here to whom this link was not mailed."""
    if caller.account_id is None:
        return False
    if link.account_id is not None:
        return link.account_id != caller.account_id
    with house.engine.connect() as connection:
        reader = queries.account_by_id(connection, caller.account_id)
    return reader is not None and reader.email != email_key(link.email or "")


def _owner(connection: Connection, link: links.Link) -> queries.Account:
    owner = queries.account_by_id(connection, link.account_id or "")
    if owner is None:
        raise Refused("link_unknown")
    return owner


def _note_verified(connection: Connection, house: House, owner: queries.Account, at: int) -> None:
    if owner.verified_at is None:
        connection.execute(update(account).where(account.c.id == owner.id).values(verified_at=at))
        record(connection, house, owner.id, "email_verified", {}, at=at)


# -- the own account ------------------------------------------------------------------------------------------


def change_password(house: House, caller: Caller, account_id: str, *, present: str, password: str) -> str:
    """Set a new password, end every session, and answer the cookie of a new one for this browser.

    Raises Refused("password_wrong"), Refused("password_…") and Refused("too_many_attempts", minutes=…).
    """
    at = house.clock()
    with house.engine.connect() as connection:
        owner = queries.account_by_id(connection, account_id)
    if owner is None:
        raise Missing(account_id)
    check_password(password, own_words=(owner.name, owner.email))
    guess = _spend_guess(house, at, owner.email, caller)
    if not _matches(owner.password_hash, present):
        raise Refused("password_wrong")
    hashed = hash_password(password)

    def unit(connection: Connection) -> str:
        for name in guess:
            limits.give_back(connection, name, "password")
        # Whoever has proven a second factor in this browser has done so for the session that goes on, too.
        mine = (session.c.id_hash == queries.cookie_hash(caller.cookie or "")) & (session.c.account_id == account_id)
        asked = select(session.c.factor_at, session.c.factor_kind).where(mine, session.c.ended_at.is_(None))
        proven, kind = connection.execute(asked).one_or_none() or (None, None)
        _set_password(connection, house, account_id, hashed, at, "password_changed")
        return start_session(connection, account_id, caller.device, at, factor_at=proven, factor_kind=kind)

    return write_unit(house.engine, unit)


def _set_password(connection: Connection, house: House, account_id: str, hashed: str, at: int, fact: str) -> None:
    connection.execute(update(account).where(account.c.id == account_id).values(password_hash=hashed))
    owner = queries.account_by_id(connection, account_id)
    if owner is not None and fact == "password_reset":
        _note_verified(connection, house, owner, at)
    ended = end_sessions(connection, account_id, at)
    links.void_links(connection, account_id, ("reset", "signin"), at)
    record(connection, house, account_id, fact, {"sessions_ended": ended}, at=at)
    mail(connection, house, "password_changed", at, new_id(), account_id=account_id)


def change_account(house: House, account_id: str, *, name: str, language: str, zone: str) -> None:
    """Keep the name, language and time zone this person chose. Raises Refused("name_missing")."""
    chosen = {"name": tidy_name(name), "language": language, "zone": zone}
    write_unit(
        house.engine,
        lambda connection: connection.execute(
            update(account).where(account.c.id == account_id, account.c.closed_at.is_(None)).values(chosen)
        ),
    )


def confirm_owner(house: House, caller: Caller, account_id: str, *, password: str, email: str) -> None:
    """Make sure that whoever asks for something that cannot be undone is the owner: by the password, or, of an account
    that has none, by its address typed once more.

    Raises Refused("password_wrong" | "address_differs") and Refused("too_many_attempts", minutes=…).
    """
    with house.engine.connect() as connection:
        owner = queries.account_by_id(connection, account_id)
    if owner is None:
        raise Missing(account_id)
    if owner.password_hash is None:
        if email.strip().lower() != owner.email:
            raise Refused("address_differs")
        return
    guess = _spend_guess(house, house.clock(), owner.email, caller)
    if not _matches(owner.password_hash, password):
        raise Refused("password_wrong")

    def right(connection: Connection) -> None:
        for name in guess:
            limits.give_back(connection, name, "password")

    write_unit(house.engine, right)


def close_account(house: House, account_id: str) -> None:
    """Close an account for good: its name, address and password are erased, its sessions and links end."""
    write_unit(house.engine, lambda connection: close_within(connection, house, account_id))


def close_within(connection: Connection, house: House, account_id: str) -> None:
    """`close_account` in the caller's transaction. Raises Missing for an account that is not open."""
    at = house.clock()
    closed = connection.execute(
        update(account)
        .where(account.c.id == account_id, account.c.closed_at.is_(None))
        .values(email=None, name="", country=None, password_hash=None, verified_at=None, closed_at=at)
    ).rowcount
    if not closed:
        raise Missing(account_id)
    end_sessions(connection, account_id, at)
    links.void_links(connection, account_id, ("reset", "signin"), at)
    for table in (role_grant, factor, recovery_code):
        connection.execute(delete(table).where(table.c.account_id == account_id))
    record(connection, house, account_id, "account_closed", {}, at=at)


# -- roles and housekeeping -----------------------------------------------------------------------------------


def grant_role(house: House, account_id: str, role: str, *, actor: Actor = SYSTEM) -> None:
    """Trust an account with a role (`tables.ROLES`); its sessions end, so that it signs in anew with it.

    Granting twice is granting once. Raises Missing for an account that is not open.
    """
    at = house.clock()
    write_unit(house.engine, lambda connection: give_role(connection, house, account_id, role, at=at, actor=actor))


def give_role(
    connection: Connection, house: House, account_id: str, role: str, *, at: int, actor: Actor = SYSTEM
) -> None:
    """`grant_role` in the caller's transaction."""
    if queries.account_by_id(connection, account_id) is None:
        raise Missing(account_id)
    if role in queries.roles_of(connection, account_id):
        return
    given_by = actor.id if actor.role == "admin" else None
    connection.execute(insert(role_grant).values(account_id=account_id, role=role, granted_at=at, given_by=given_by))
    end_sessions(connection, account_id, at)
    record(connection, house, account_id, "role_granted", {"role": role}, at=at, actor=actor, reach="staff")


def account_for(connection: Connection, house: House, email: str, name: str, at: int) -> str:
    """The id of the open account of this address; one is opened under `name` where there is none. Raises as
    `open_account`."""
    known = queries.account_by_email(connection, email_key(email))
    if known:
        return known.id
    # The address is proved when its owner sets a password by the mailed link; until then nobody can sign in with it.
    return open_account(connection, house, email=email, name=name, at=at, verified=False)


STAFF = ("registrar", "regulator", "admin")
"""The roles that are given to an address; a mediator's comes with the place on the roster."""


def take_role(
    connection: Connection, house: House, account_id: str, role: str, *, at: int, actor: Actor = SYSTEM
) -> None:
    """Take a role from an account in the caller's transaction; its sessions end. Nothing where it has none."""
    held = (role_grant.c.account_id == account_id) & (role_grant.c.role == role)
    if not connection.execute(delete(role_grant).where(held)).rowcount:
        return
    end_sessions(connection, account_id, at)
    record(connection, house, account_id, "role_taken", {"role": role}, at=at, actor=actor, reach="staff")


def sweep(house: House) -> None:
    """Forget what nobody needs: unanswered registrations after a day, links, sessions and counts after a month."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        connection.execute(delete(registration).where(registration.c.made_at < at - DAY))
        connection.execute(delete(session).where(session.c.seen_at < at - 30 * DAY))
        connection.execute(delete(ceremony).where(ceremony.c.made_at < at - HOUR))
        links.sweep(connection, at - 30 * DAY)
        limits.sweep(connection, at - DAY)

    write_unit(house.engine, unit)


def known_device(house: House, email: str, caller: Caller | None = None) -> str:
    """What a browser keeps after its owner signed in, so that strangers who guess cannot lock the owner out. One that
    keeps something of this owner already goes on with it."""
    key = email_key(email)
    if caller and _device_known(house, caller, "device", key):
        return caller.known_device or ""
    device = secrets.token_hex(16)
    return f"{device}.{_device_seal(house, 'device', key, device)}"


def proven_device(house: House, caller: Caller, account_id: str) -> str:
    """The same for a browser in which a second factor was proven: whoever has the password, and only that, cannot make
    one, so its guesses of codes are counted apart (`device_that_proved`)."""
    if device_that_proved(house, caller, account_id):
        return caller.proven_device or ""
    device = secrets.token_hex(16)
    return f"{device}.{_device_seal(house, 'proven', account_id, device)}"


def device_that_proved(house: House, caller: Caller, account_id: str) -> str:
    """The name of the browser that asks, where this account has proven a second factor in it; else empty."""
    return _device_known(house, caller, "proven", account_id)


def _device_known(house: House, caller: Caller, kind: str, owner: str) -> str:
    kept = caller.known_device if kind == "device" else caller.proven_device
    device, _, seal = (kept or "").partition(".")
    right = _device_seal(house, kind, owner, device)
    return device if hmac.compare_digest(seal.encode("utf-8", "replace"), right.encode()) else ""


def _device_seal(house: House, kind: str, owner: str, device: str) -> str:
    return limits.bucket(house.settings.secret_key, kind, f"{owner}\0{device}")


# -- what the acts above share --------------------------------------------------------------------------------


def spend(house: House, at: int, *spendings: tuple[str, str, str, int, int]) -> None:
    """Count attempts in a transaction of their own: (kind, value, action, limit, window in ms). Raises
    Refused("too_many_attempts", minutes=…)."""
    secret = house.settings.secret_key

    def unit(connection: Connection) -> None:
        for kind, value, action, limit, window in spendings:
            limits.spend(connection, limits.bucket(secret, kind, value), action, at, limit, window)

    write_unit(house.engine, unit)


def _spend_guess(house: House, at: int, key: str, caller: Caller) -> tuple[str, str]:
    """Count one guess of a password, by the address it comes from and by the account it aims at (known or not).

    A window of an hour admits 10 guesses, so that any hour sees at most 20 real checks (security.md, threat 28). A
    browser its owner has used before has a count of its own. Answers the two buckets, for a guess that was right.
    """
    secret = house.settings.secret_key
    device = _device_known(house, caller, "device", key)
    account_bucket = limits.bucket(secret, "known" if device else "email", f"{key}\0{device}" if device else key)
    address_bucket = limits.bucket(secret, "address", caller.prefix)

    def unit(connection: Connection) -> None:
        limits.spend(connection, address_bucket, "password", at, 200, 10 * MINUTE)
        limits.spend(connection, account_bucket, "password", at, 10, HOUR, free=5)

    write_unit(house.engine, unit)
    return address_bucket, account_bucket


def _matches(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash; costs the same when there is no hash."""
    with _turn_to_hash():
        try:
            return _HASHER.verify(password_hash or _DUMMY_HASH, _bytes(password)) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    return password_form(password).encode("utf-8", "surrogatepass")


@contextmanager
def _turn_to_hash() -> Iterator[None]:
    if not _HASHING.acquire(timeout=_LONGEST_WAIT_SECONDS):
        raise Refused("house_busy")
    try:
        yield
    finally:
        _HASHING.release()


def mail(
    connection: Connection,
    house: House,
    template: str,
    at: int,
    mail_id: str,
    *,
    account_id: str | None = None,
    email: str | None = None,
    params: dict[str, Any] | None = None,
) -> None:
    """Put a letter about an account into the outbox, in the caller's transaction."""
    outbox.enqueue(
        connection,
        template,
        account_id=account_id,
        email=email,
        keys=house.keys if email else None,
        params=params or {},
        at=at,
        key=f"{template}:{mail_id}",
    )


def record(
    connection: Connection,
    house: House,
    account_id: str,
    fact: str,
    data: dict[str, Any],
    *,
    at: int,
    actor: Actor | None = None,
    reach: str = "person",
) -> None:
    """Append one fact to the account's stream: who did what to it is proof, so it carries no personal words."""
    stream = f"account/{account_id}"
    journal.append(
        connection,
        house,
        stream,
        [journal.NewFact(fact, reach, data)],
        actor=actor or Actor(account_id, "person"),
        at=at,
        head=journal.head_of(connection, stream),
    )
