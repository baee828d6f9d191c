"""Adding, proving, removing and resetting second factors; each of them ends or renews the sessions it concerns."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pyotp
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from odr.database import write_unit
from odr.factors import keys, queries, rules
from odr.house import House
from odr.kernel import Actor, Missing, Refused, new_id
from odr.log.consent import NONCE_SIZE, Asked, Deed, asked_of, faults, key_commitment, recorded, signed
from odr.log.payloads import conceal, disclose
from odr.people import limits, service
from odr.people.queries import Person, account_of, cookie_hash
from odr.people.service import DAY, HOUR, MINUTE, Caller
from odr.people.tables import ceremony, factor, recovery_code

WAITS = {"app": 15 * MINUTE, "passkey": 5 * MINUTE, "proof": 5 * MINUTE, "sign": 5 * MINUTE}
"""How long (ms) what was asked of a browser waits for its answer."""


@dataclass(frozen=True, slots=True)
class Added:
    """A second factor was added: the new cookie of this session and, with the first one, the recovery codes, which are
    shown this once."""

    cookie: str
    codes: list[str]


@dataclass(frozen=True, slots=True)
class Setup:
    """An app that is being set up: the secret as it is typed over, and the address that its camera reads."""

    secret: str
    address: str


# -- an app that makes codes ------------------------------------------------------------------------------------


def begin_app(house: House, caller: Caller, person: Person, *, password: str = "", email: str = "") -> None:
    """Draw the secret of a new app, which waits to be confirmed by a code. Raises as `_demand_room`."""
    _demand_room(house, caller, person, password, email)
    _begin(house, person, "app", pyotp.random_base32().encode())


def app_setup(house: House, person: Person) -> Setup:
    """The app that is being set up in this session. Raises Missing where there is none, or its time is over."""
    with house.engine.connect() as connection:
        secret = _waiting(connection, house, person, "app")
        owner = account_of(connection, person.account_id)
    if secret is None:
        raise Missing(person.session_hash)
    address = pyotp.TOTP(secret.decode()).provisioning_uri(name=owner.email, issuer_name=house.settings.operator_name)
    return Setup(rules.in_groups(secret.decode()), address)


def confirm_app(house: House, caller: Caller, person: Person, *, code: str, name: str) -> Added:
    """Add the app that is being set up, since it shows the right code. Its other sessions end.

    Raises Refused("factor_code_wrong"), Refused("factor_setup_over") and Refused("too_many_attempts", minutes=…).
    """
    at, spent = house.clock(), _spend_guess(house, caller, person)
    with house.engine.connect() as connection:
        secret = _waiting(connection, house, person, "app")
    if secret is None:
        raise Refused("factor_setup_over")
    step = _step_of(secret, code, at)
    if step is None:
        raise Refused("factor_code_wrong")
    factor_id = new_id()
    wrapped_key, sealed = conceal(house.keys, _place(factor_id), secret)

    def unit(connection: Connection) -> Added:
        _consume(connection, person, "app")
        _give_back(connection, spent)
        values = {"id": factor_id, "wrapped_key": wrapped_key, "sealed": sealed, "last_step": step}
        return _add(connection, house, person, "totp", name, values, at)

    return write_unit(house.engine, unit)


# -- a passkey --------------------------------------------------------------------------------------------------


def begin_passkey(house: House, caller: Caller, person: Person, *, password: str = "", email: str = "") -> None:
    """Draw the challenge for a new passkey. Raises as `_demand_room`, and Missing where browsers make none."""
    if not keys.possible(house.settings):
        raise Missing("passkey")
    _demand_room(house, caller, person, password, email)
    _begin(house, person, "passkey", os.urandom(keys.CHALLENGE_SIZE))


def passkey_to_make(house: House, person: Person) -> str:
    """What this browser needs to make the passkey, as JSON. Raises Missing where none was begun or its time is over."""
    with house.engine.connect() as connection:
        challenge = _waiting(connection, house, person, "passkey")
        owner = account_of(connection, person.account_id)
        others = queries.passkeys_of(connection, person.account_id)
    if challenge is None:
        raise Missing(person.session_hash)
    return keys.to_make(house.settings, owner.id, owner.email, owner.name, others, challenge, person.is_staff)


def add_passkey(house: House, person: Person, *, answer: str, name: str) -> Added:
    """Add the passkey that this browser made. Its other sessions end.

    Raises Refused("factor_setup_over") and Refused("passkey_wrong").
    """
    at = house.clock()
    challenge = _taken(house, person, "passkey")
    if challenge is None:
        raise Refused("factor_setup_over")
    try:
        new = keys.made(house.settings, answer, challenge, person.is_staff)
    except keys.Unproven as unproven:
        raise Refused("passkey_wrong") from unproven

    def unit(connection: Connection) -> Added:
        if connection.execute(select(factor.c.id).where(factor.c.credential_id == new.credential_id)).first():
            raise Refused("passkey_wrong")
        values = {
            "id": new_id(),
            "credential_id": new.credential_id,
            "public_key": new.public_key,
            "sign_count": new.sign_count,
            "aaguid": new.aaguid,
        }
        public = keys.public_key(new.public_key)
        bound = key_commitment(house.origin, f"account/{person.account_id}", new.credential_id, public.key)
        return _add(connection, house, person, "passkey", name, values, at, {"key": bound})

    return write_unit(house.engine, unit)


# -- proving ----------------------------------------------------------------------------------------------------


def begin_proof(house: House, person: Person) -> str:
    """What this browser needs to prove a passkey, as JSON. Raises Missing for a person who has none."""
    with house.engine.connect() as connection:
        own = queries.passkeys_of(connection, person.account_id)
    if not own:
        raise Missing(person.account_id)
    challenge = os.urandom(keys.CHALLENGE_SIZE)
    _begin(house, person, "proof", challenge)
    return keys.to_prove(house.settings, own, challenge, person.is_staff)


def prove_passkey(house: House, person: Person, *, answer: str) -> str:
    """Take what a passkey signed as proof; answers the new cookie of this session. Raises Refused("passkey_wrong")."""
    at, challenge = house.clock(), _taken(house, person, "proof")
    with house.engine.connect() as connection:
        own = queries.passkeys_of(connection, person.account_id)
    if challenge is None:
        raise Refused("passkey_wrong")
    try:
        used, count = keys.proven(house.settings, own, answer, challenge, person.is_staff)
    except keys.Unproven as unproven:
        raise Refused("passkey_wrong") from unproven

    def unit(connection: Connection) -> str:
        _note_use(connection, used, count, at)
        return service.renew_session(connection, person, at, "passkey")

    return write_unit(house.engine, unit)


def _note_use(connection: Connection, used: queries.Passkey, count: int, at: int) -> None:
    # Asked again in the row: two copies of a key that sign at once count the same.
    grown = (factor.c.sign_count < count) | ((factor.c.sign_count == 0) & (count == 0))
    changed = connection.execute(
        update(factor).where(factor.c.id == used.id, grown).values(sign_count=count, used_at=at)
    ).rowcount
    if not changed:
        raise Refused("passkey_wrong")


def prove_code(house: House, caller: Caller, person: Person, *, code: str) -> str:
    """Take a code of an app, or a recovery code, as proof; each is taken once. Answers the new cookie of this session.

    Raises Refused("factor_code_wrong") and Refused("too_many_attempts", minutes=…).
    """
    at, spent = house.clock(), _spend_guess(house, caller, person)

    def unit(connection: Connection) -> str:
        taken, kind = (_take_app_code, "totp") if rules.is_app_code(code) else (_take_recovery_code, "recovery")
        if not taken(connection, house, person, code, at):
            raise Refused("factor_code_wrong")
        _give_back(connection, spent)
        return service.renew_session(connection, person, at, kind)

    return write_unit(house.engine, unit)


def _take_app_code(connection: Connection, house: House, person: Person, code: str, at: int) -> bool:
    for app in queries.apps_of(connection, person.account_id):
        step = _step_of(disclose(house.keys, _place(app.id), app.wrapped_key, app.sealed), code, at)
        if step is None:
            continue
        # Of two who send one code at once, the row lets one through.
        later = factor.c.last_step.is_(None) | (factor.c.last_step < step)
        changed = connection.execute(
            update(factor).where(factor.c.id == app.id, later).values(last_step=step, used_at=at)
        ).rowcount
        if changed:
            return True
    return False


def _take_recovery_code(connection: Connection, house: House, person: Person, code: str, at: int) -> bool:
    unused = (
        (recovery_code.c.account_id == person.account_id)
        & (recovery_code.c.code_hash == rules.code_hash(person.account_id, code))
        & recovery_code.c.used_at.is_(None)
    )
    if not connection.execute(update(recovery_code).where(unused).values(used_at=at)).rowcount:
        return False
    left = queries.codes_left(connection, person.account_id)
    _tell(connection, house, person.account_id, "recovery_code_used", {"left": left}, at)
    return True


# -- signing with a passkey -------------------------------------------------------------------------------------


def can_sign(house: House, person: Person) -> bool:
    """Whether this person could sign with a key of their own."""
    with house.engine.connect() as connection:
        return keys.possible(house.settings) and bool(queries.passkeys_of(connection, person.account_id))


def begin_signature(house: House, person: Person, deed: Deed, *, text: str, language: str) -> str:
    """What this browser needs to sign this deed with a passkey, as JSON. Raises Missing for a person who has none."""
    with house.engine.connect() as connection:
        own = queries.passkeys_of(connection, person.account_id)
    if not own:
        raise Missing(person.account_id)
    asked = asked_of(deed, text=text, language=language, nonce=os.urandom(NONCE_SIZE))
    _begin(house, person, "sign", json.dumps({"asked": asdict(asked)}).encode())
    return keys.to_prove(house.settings, own, asked.challenge, person.is_staff)


def take_signature(house: House, person: Person, *, answer: str) -> str:
    """Take what a passkey signed, which waits in this session for the act that it was made for, and is a proof of the
    factor, too; answers the new cookie. Raises Refused("consent_over") and Refused("passkey_wrong")."""
    at, held = house.clock(), json.loads(_taken(house, person, "sign") or b"{}")
    with house.engine.connect() as connection:
        own = queries.passkeys_of(connection, person.account_id)
    if "asked" not in held:
        raise Refused("consent_over")
    asked = Asked(**held["asked"])
    try:
        used, count = keys.proven(house.settings, own, answer, asked.challenge, person.is_staff)
        said, public = keys.said_in(answer), keys.public_key(used.public_key)
    except keys.Unproven as unproven:
        raise Refused("passkey_wrong") from unproven
    told = signed(asked, alg=public.alg, key=public.key, **asdict(said))

    def unit(connection: Connection) -> str:
        _note_use(connection, used, count, at)
        cookie = service.renew_session(connection, person, at, "passkey")
        _put(connection, house, cookie_hash(cookie), "sign", json.dumps({"signed": told}).encode())
        return cookie

    return write_unit(house.engine, unit)


def consent_of(
    house: House, person: Person, *, text: str, language: str, signs: bool
) -> Callable[[Connection, Deed], str]:
    """How this person consents to an act, for the doorway: by the signature that waits for it, where they sign, else
    by a record of the session they act in (ADR 30). `text` is what they were told that they do, in their `language`.

    Refuses, when asked, with "consent_over" where no signature waits, "consent_outdated" where it was made for
    something else, and "passkey_wrong" where others could not verify it.
    """

    def tell(connection: Connection, deed: Deed) -> str:
        if signs:
            return _signature_for(connection, house, person, deed)
        asked = asked_of(deed, text=text, language=language, nonce=os.urandom(NONCE_SIZE))
        return recorded(
            asked,
            session=person.session_hash,
            began=person.began_by,
            factor=person.factor_kind,
            factor_at=person.factor_at,
        )

    return tell


def _signature_for(connection: Connection, house: House, person: Person, deed: Deed) -> str:
    held = json.loads(_waiting(connection, house, person, "sign") or b"{}")
    connection.execute(delete(ceremony).where(_of(person.session_hash, "sign")))
    if "signed" not in held:
        raise Refused("consent_over")
    told = str(held["signed"])
    wrong = {code for code, _ in faults(deed, told.encode())}
    differs = "consent_shown_differs" in wrong
    if wrong:
        raise Refused("consent_outdated" if differs else "passkey_wrong")
    return told


# -- changing what there is -------------------------------------------------------------------------------------


def renew_codes(house: House, person: Person) -> list[str]:
    """New recovery codes in place of all earlier ones, shown this once. Raises Missing for a person without factor."""
    at = house.clock()

    def unit(connection: Connection) -> list[str]:
        if not queries.factors_of(connection, person.account_id):
            raise Missing(person.account_id)
        codes = _write_codes(connection, person.account_id)
        _tell(connection, house, person.account_id, "recovery_codes_renewed", {}, at)
        return codes

    return write_unit(house.engine, unit)


def remove(house: House, person: Person, factor_id: str) -> str:
    """Take a second factor away, and the recovery codes with the last one. All other sessions end; answers the new
    cookie of this one. Raises Missing, and Refused("factor_last") where the person may not be without."""
    at = house.clock()

    def unit(connection: Connection) -> str:
        own = {one.id: one for one in queries.factors_of(connection, person.account_id)}
        if factor_id not in own:
            raise Missing(factor_id)
        if len(own) == 1 and person.is_staff and house.settings.staff_prove:
            raise Refused("factor_last")
        connection.execute(delete(factor).where(factor.c.id == factor_id))
        if len(own) == 1:
            connection.execute(delete(recovery_code).where(recovery_code.c.account_id == person.account_id))
        ended = service.end_other_sessions(connection, person, at)
        told = {"kind": own[factor_id].kind, "sessions_ended": ended}
        _tell(connection, house, person.account_id, "factor_removed", told, at)
        # The door let nobody come here without a fresh proof; by what it was given, the session says already.
        return service.renew_session(connection, person, at, person.factor_kind or own[factor_id].kind)

    return write_unit(house.engine, unit)


def reset_within(
    connection: Connection, house: House, account_id: str, at: int, *, actor: Actor, agreed: Mapping[str, object]
) -> int:
    """Take all second factors and recovery codes from an account that lost them and end its sessions, in the caller's
    transaction. `agreed`: who asked for it and who agreed, as the entry says it. Answers how many factors there were.
    """
    count = connection.execute(delete(factor).where(factor.c.account_id == account_id)).rowcount
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    ended = service.end_sessions(connection, account_id, at)
    told = {"count": count, "sessions_ended": ended, **agreed}
    _tell(connection, house, account_id, "factors_reset", told, at, actor=actor)
    return count


# -- what the acts above share ----------------------------------------------------------------------------------


def _demand_room(house: House, caller: Caller, person: Person, password: str, email: str) -> None:
    """Let a person add a factor: the first one only after the password (or, without one, the address) was typed once
    more, so that nobody who finds a browser open locks its owner out. Further ones need a fresh proof of another, which
    the door asks for.

    Raises Refused("password_wrong" | "address_differs" | "too_many_factors"), Refused("too_many_attempts", minutes=…).
    """
    with house.engine.connect() as connection:
        own = queries.factors_of(connection, person.account_id)
    if len(own) >= rules.MOST_FACTORS:
        raise Refused("too_many_factors", most=rules.MOST_FACTORS)
    if not own:
        service.confirm_owner(house, caller, person.account_id, password=password, email=email)


def _add(
    connection: Connection,
    house: House,
    person: Person,
    kind: str,
    name: str,
    values: dict[str, object],
    at: int,
    more: Mapping[str, object] | None = None,
) -> Added:
    own = queries.factors_of(connection, person.account_id)
    if own and person.is_half_way:
        # Another browser added one meanwhile; from then on only its proof leads further.
        raise Missing(person.session_hash)
    tidy = " ".join(name.split())[: rules.MOST_NAME]
    connection.execute(
        insert(factor).values(account_id=person.account_id, kind=kind, name=tidy, added_at=at, used_at=at, **values)
    )
    codes = [] if own else _write_codes(connection, person.account_id)
    ended = service.end_other_sessions(connection, person, at)
    told = {"kind": kind, "sessions_ended": ended, **(more or {})}
    _tell(connection, house, person.account_id, "factor_added", told, at)
    return Added(service.renew_session(connection, person, at, kind), codes)


def _write_codes(connection: Connection, account_id: str) -> list[str]:
    codes = rules.recovery_codes(os.urandom(rules.RANDOM))
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    connection.execute(
        insert(recovery_code),
        [{"account_id": account_id, "code_hash": rules.code_hash(account_id, code)} for code in codes],
    )
    return codes


def _step_of(secret: bytes, code: str, at: int) -> int | None:
    """The step whose code this is, if it is one of about now."""
    totp, typed = pyotp.TOTP(secret.decode()), "".join(code.split())
    shown = {step: totp.generate_otp(step) for step in rules.steps_around(at)}
    return next((step for step, code_then in shown.items() if pyotp.utils.strings_equal(code_then, typed)), None)


def _spend_guess(house: House, caller: Caller, person: Person) -> Sequence[tuple[str, str]]:
    """Count one guess of a code, by the address it comes from and by the account, as guesses of passwords are: 10 an
    hour with growing pauses, and 30 a day, which leaves who has the password a chance of one in ten thousand a day.

    A browser in which this account has proven a factor before counts for itself: whoever has only the password makes no
    such browser, and so cannot keep the owner out by using up the guesses. A browser that is merely known by a password
    counts like any other, since whoever has the password makes as many as they like.
    """
    at, secret = house.clock(), house.settings.secret_key
    address = limits.bucket(secret, "address", caller.prefix)
    device = service.device_that_proved(house, caller, person.account_id)
    account = limits.bucket(secret, "factor", f"{person.account_id}\0{device}" if device else person.account_id)

    def unit(connection: Connection) -> None:
        limits.spend(connection, address, "code", at, 200, 10 * MINUTE)
        limits.spend(connection, account, "code of a day", at, 30, DAY)
        limits.spend(connection, account, "code", at, 10, HOUR, free=5)

    write_unit(house.engine, unit)
    return (address, "code"), (account, "code of a day"), (account, "code")


def _give_back(connection: Connection, spent: Sequence[tuple[str, str]]) -> None:
    for bucket, action in spent:
        limits.give_back(connection, bucket, action)


def _begin(house: House, person: Person, purpose: str, secret: bytes) -> None:
    """Keep what a browser is asked, in place of what it was asked before."""
    write_unit(house.engine, lambda connection: _put(connection, house, person.session_hash, purpose, secret))


def _put(connection: Connection, house: House, session_hash: str, purpose: str, secret: bytes) -> None:
    wrapped_key, sealed = conceal(house.keys, _waits_at(session_hash, purpose), secret)
    connection.execute(delete(ceremony).where(_of(session_hash, purpose)))
    connection.execute(
        insert(ceremony).values(
            session_hash=session_hash,
            purpose=purpose,
            wrapped_key=wrapped_key,
            sealed=sealed,
            made_at=house.clock(),
        )
    )


def _waiting(connection: Connection, house: House, person: Person, purpose: str) -> bytes | None:
    row = connection.execute(select(ceremony).where(_of(person.session_hash, purpose))).one_or_none()
    if row is None or house.clock() >= row.made_at + WAITS[purpose]:
        return None
    return disclose(house.keys, _waits_at(person.session_hash, purpose), row.wrapped_key, row.sealed)


def _taken(house: House, person: Person, purpose: str) -> bytes | None:
    """What waits, which is then used up, whatever comes of it: a challenge is answered once."""

    def unit(connection: Connection) -> bytes | None:
        found = _waiting(connection, house, person, purpose)
        gone = connection.execute(delete(ceremony).where(_of(person.session_hash, purpose))).rowcount
        return found if gone else None

    return write_unit(house.engine, unit)


def _consume(connection: Connection, person: Person, purpose: str) -> None:
    if not connection.execute(delete(ceremony).where(_of(person.session_hash, purpose))).rowcount:
        raise Refused("factor_setup_over")


def _of(session_hash: str, purpose: str) -> ColumnElement[bool]:
    return (ceremony.c.session_hash == session_hash) & (ceremony.c.purpose == purpose)


def _waits_at(session_hash: str, purpose: str) -> bytes:
    return f"odr/ceremony/v1\n{session_hash}\n{purpose}".encode()


def _place(factor_id: str) -> bytes:
    return f"odr/factor/v1\n{factor_id}".encode()


def _tell(
    connection: Connection,
    house: House,
    account_id: str,
    fact: str,
    data: Mapping[str, object],
    at: int,
    actor: Actor | None = None,
) -> None:
    """Write the fact into the account's stream and mail its owner, so that a theft does not stay hidden."""
    service.record(connection, house, account_id, fact, dict(data), at=at, actor=actor)
    service.mail(connection, house, "factor_changed", at, new_id(), account_id=account_id, params={"what": fact})
