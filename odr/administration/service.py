"""What administrators do, and the operator at the machine: roles, suspended accounts, ended sessions, and lost second
factors, which need two. Each act is an entry in the stream of the account and a mail to its holder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, update

from odr.administration import queries, rules
from odr.administration.queries import Admin, Wish
from odr.database import write_unit
from odr.factors.queries import factors_of
from odr.factors.rules import RESET_WAITS
from odr.factors.service import reset_within
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused, new_id
from odr.people import links
from odr.people import service as people
from odr.people.queries import Person, account_by_email, account_of, roles_of
from odr.people.rules import email_key
from odr.people.tables import RESET_GROUNDS, account, factor_reset

ADMIN = "admin"


def acting(person: Person) -> Actor:
    """An administrator as entries name them."""
    return Actor(person.account_id, ADMIN)


# -- roles --------------------------------------------------------------------------------------------------------


def give_role(house: House, actor: Actor, *, email: str, name: str, role: str) -> str:
    """Trust the person with this address with a role of STAFF, and answer the id of their account, which is opened
    where there is none. Giving twice is giving once.

    Raises Refused("role_unknown" | "not_to_oneself" | "role_for_suspended" | "roles_apart"), and as `open_account`.
    """
    at = house.clock()
    if role not in people.STAFF:
        raise Refused("role_unknown")

    def unit(connection: Connection) -> str:
        _demand_office(connection, actor)
        account_id = people.account_for(connection, house, email, name, at)
        held = roles_of(connection, account_id)
        if account_id == actor.id:
            raise Refused("not_to_oneself")
        if account_of(connection, account_id).suspended_at is not None:
            raise Refused("role_for_suspended")
        # Who decides who sees disputes sees none.
        if held - {role} and ADMIN in held | {role}:
            raise Refused("roles_apart")
        if role not in held:
            people.give_role(connection, house, account_id, role, at=at, actor=actor)
            _tell(connection, house, account_id, "role_given", at, role=role)
            if role == ADMIN:
                what = "admin_made" if actor.role == ADMIN else "admin_made_by_operator"
                _tell_admins(connection, house, what, at, but=(actor.id, account_id))
        return account_id

    return write_unit(house.engine, unit)


def take_role(house: House, actor: Actor, account_id: str, role: str) -> None:
    """Take a role of STAFF from an account; its sessions end.

    Raises Missing where it has not got it, and Refused("not_to_oneself" | "admin_last").
    """
    at = house.clock()

    def unit(connection: Connection) -> None:
        able = _demand_office(connection, actor)
        if role not in people.STAFF or role not in roles_of(connection, account_id):
            raise Missing(account_id)
        if account_id == actor.id:
            raise Refused("not_to_oneself")
        if role == ADMIN:
            _demand_another(able, actor, account_id, at)
        people.take_role(connection, house, account_id, role, at=at, actor=actor)
        _tell(connection, house, account_id, "role_taken", at, role=role)
        if role == ADMIN:
            _tell_admins(connection, house, "admin_ended", at, but=(actor.id, account_id))

    write_unit(house.engine, unit)


# -- who comes in -------------------------------------------------------------------------------------------------


def suspend(house: House, actor: Actor, account_id: str, ground: str) -> tuple[str, ...]:
    """Let nobody in with an account, on a ground of the closed list, until it is restored. Its sessions end at once and
    mailed links open nothing; mail about its disputes goes on. Answers the numbers of the disputes in which its holder
    is a side and time runs, of which all registrars are told: no time shall run out for somebody whom the house keeps
    out.

    Raises Missing, and Refused("ground_unknown" | "not_to_oneself" | "own_dispute_with" | "account_suspended_already" |
    "admin_last").
    """
    at = house.clock()
    if ground not in rules.SUSPENSION_GROUNDS:
        raise Refused("ground_unknown")

    def unit(connection: Connection) -> tuple[str, ...]:
        able = _demand_office(connection, actor)
        owner = account_of(connection, account_id)
        _demand_no_stake(connection, actor, account_id)
        if owner.suspended_at is not None:
            raise Refused("account_suspended_already")
        if account_id in {each.account_id for each in able}:
            _demand_another(able, actor, account_id, at)
        connection.execute(update(account).where(account.c.id == account_id).values(suspended_at=at))
        ended = people.end_sessions(connection, account_id, at)
        links.void_links(connection, account_id, ("reset", "signin"), at)
        told = {"ground": ground, "sessions_ended": ended}
        _record(connection, house, account_id, "account_suspended", told, at, actor)
        _tell(connection, house, account_id, "suspended", at, ground=ground)
        numbers = tuple(queries.disputes_of(connection, account_id))
        if numbers:
            _tell_registrars(connection, house, numbers, at, but=(actor.id, account_id))
        return numbers

    return write_unit(house.engine, unit)


def restore(house: House, actor: Actor, account_id: str) -> None:
    """Let the holder of a suspended account in again. Raises Missing, Refused("own_dispute_with") and
    Refused("account_not_suspended")."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        _demand_office(connection, actor)
        account_of(connection, account_id)
        _demand_no_stake(connection, actor, account_id)
        stands = (account.c.id == account_id) & account.c.suspended_at.is_not(None)
        if not connection.execute(update(account).where(stands).values(suspended_at=None)).rowcount:
            raise Refused("account_not_suspended")
        _record(connection, house, account_id, "account_restored", {}, at, actor)
        _tell(connection, house, account_id, "restored", at)

    write_unit(house.engine, unit)


def end_sessions(house: House, actor: Actor, account_id: str) -> int:
    """Sign an account out everywhere; answers on how many devices it was signed in. Raises Missing."""
    at = house.clock()

    def unit(connection: Connection) -> int:
        _demand_office(connection, actor)
        account_of(connection, account_id)
        ended = people.end_sessions(connection, account_id, at)
        _record(connection, house, account_id, "sessions_ended", {"count": ended}, at, actor)
        _tell(connection, house, account_id, "sessions_ended", at)
        return ended

    return write_unit(house.engine, unit)


# -- lost second factors: two have to agree -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reset:
    """What became of the operator's reset: `count` factors were taken away; or it was only asked for, since there are
    two administrators who can see to it."""

    count: int
    asked_only: bool


def ask_reset(house: House, actor: Actor, account_id: str, ground: str) -> None:
    """Ask that all second factors of somebody be taken away; another administrator has to agree within RESET_WAITS.
    Its owner is told at once and can refuse.

    Raises Missing, and Refused("ground_unknown" | "not_to_oneself" | "own_dispute_with" | "admin_too_new" |
    "no_factor_here" | "reset_asked_already").
    """
    if ground not in RESET_GROUNDS:
        raise Refused("ground_unknown")
    write_unit(house.engine, lambda connection: _ask_reset(connection, house, actor, account_id, ground))


def _ask_reset(connection: Connection, house: House, actor: Actor, account_id: str, ground: str) -> None:
    at = house.clock()
    able = _demand_office(connection, actor)
    account_of(connection, account_id)
    _demand_no_stake(connection, actor, account_id)
    _demand_second(able, actor.id, at)
    if not factors_of(connection, account_id):
        raise Refused("no_factor_here")
    if any(each.account_id == account_id for each in queries.waiting_wishes(connection, at)):
        raise Refused("reset_asked_already")
    stale = (factor_reset.c.account_id == account_id) & factor_reset.c.outcome.is_(None)
    connection.execute(update(factor_reset).where(stale).values(outcome="lapsed", answered_at=at))
    asked_by = actor.id if actor.role == ADMIN else None
    wish = {"id": new_id(), "account_id": account_id, "asked_by": asked_by, "asked_at": at, "ground": ground}
    connection.execute(insert(factor_reset).values(wish))
    _record(connection, house, account_id, "factor_reset_asked", {"ground": ground}, at, actor)
    until = at + RESET_WAITS
    _mail(connection, house, "factor_reset", account_id, at, {"what": "asked", "ground": ground, "until": until})
    _tell_admins(connection, house, "reset_asked", at, but=(actor.id, account_id))


def confirm_reset(house: House, actor: Actor, wish_id: str) -> int:
    """Agree, as the second administrator, that somebody's second factors are lost: they and the recovery codes go, and
    all sessions of the account end. Answers how many factors there were.

    Raises Missing for what is over, and Refused("not_to_oneself" | "own_dispute_with" | "reset_needs_another" |
    "admin_too_new").
    """
    at = house.clock()

    def unit(connection: Connection) -> int:
        able = _demand_office(connection, actor)
        wish = queries.wish_of(connection, wish_id, at)
        _demand_no_stake(connection, actor, wish.account_id)
        if wish.asked_by == actor.id:
            raise Refused("reset_needs_another")
        _demand_second(able, actor.id, at)
        _answer(connection, wish, "done", at, answered_by=actor.id)
        agreed = {"asked_by": wish.asked_by, "confirmed_by": actor.id, "ground": wish.ground}
        count = reset_within(connection, house, wish.account_id, at, actor=actor, agreed=agreed)
        _tell_admins(connection, house, "reset_done", at, but=(actor.id, wish.account_id))
        return count

    return write_unit(house.engine, unit)


def refuse_reset(house: House, actor: Actor, wish_id: str) -> None:
    """Refuse, as any administrator, what was asked for, also what one asked for oneself. Raises Missing for what is
    over."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        _demand_office(connection, actor)
        _refuse(connection, house, actor, queries.wish_of(connection, wish_id, at), at)

    write_unit(house.engine, unit)


def refuse_own_reset(house: House, person: Person) -> None:
    """Refuse that one's own second factors be taken away: whoever has just proven one has not lost them. Raises
    Missing where nobody asked."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        own = [each for each in queries.open_wishes(connection, at) if each.account_id == person.account_id]
        if not own:
            raise Missing(person.account_id)
        _refuse(connection, house, Actor(person.account_id, "person"), own[0], at)

    write_unit(house.engine, unit)


def _refuse(connection: Connection, house: House, actor: Actor, wish: Wish, at: int) -> None:
    # Who takes back what they asked for answers nobody.
    _answer(connection, wish, "refused", at, answered_by=None if actor.id == wish.asked_by else actor.id)
    _record(connection, house, wish.account_id, "factor_reset_refused", {}, at, actor)
    told = {"what": "refused", "ground": wish.ground, "until": wish.until}
    _mail(connection, house, "factor_reset", wish.account_id, at, told)
    _tell_admins(connection, house, "reset_refused", at, but=(actor.id, wish.account_id))


def _answer(connection: Connection, wish: Wish, outcome: str, at: int, *, answered_by: str | None) -> None:
    values = {"outcome": outcome, "answered_at": at, "answered_by": answered_by}
    open_still = (factor_reset.c.id == wish.id) & factor_reset.c.outcome.is_(None)
    # Asked again in the row: of two who answer at once, one does.
    if not connection.execute(update(factor_reset).where(open_still).values(values)).rowcount:
        raise Missing(wish.id)


# -- the operator at the machine ----------------------------------------------------------------------------------


def reset_by_operator(house: House, email: str, ground: str = "lost") -> Reset:
    """Take all second factors from the person with this address at once; or, where two other administrators have a
    second factor of their own, ask for it in the operator's name, and one of them has to agree.

    Raises Missing for an unknown address, and Refused("no_factor_here" | "reset_asked_already").
    """
    at = house.clock()

    def unit(connection: Connection) -> Reset:
        account_id = _account_at(connection, email)
        able = [each for each in queries.admins(connection, lock=True) if each.account_id != account_id]
        if sum(each.has_factor for each in able) >= 2:
            _ask_reset(connection, house, SYSTEM, account_id, ground)
            return Reset(0, True)
        for wish in queries.waiting_wishes(connection, at):
            if wish.account_id == account_id:
                _answer(connection, wish, "done", at, answered_by=None)
        count = reset_within(connection, house, account_id, at, actor=SYSTEM, agreed={"ground": ground})
        _tell_admins(connection, house, "reset_by_operator", at, but=(account_id,))
        return Reset(count, False)

    return write_unit(house.engine, unit)


def account_at(house: House, email: str) -> str:
    """The id of the open account of this address. Raises Missing, and Refused("email_malformed")."""
    with house.engine.connect() as connection:
        return _account_at(connection, email)


def _account_at(connection: Connection, email: str) -> str:
    known = account_by_email(connection, email_key(email))
    if known is None:
        raise Missing(email)
    return known.id


# -- what must hold -----------------------------------------------------------------------------------------------


def _demand_office(connection: Connection, actor: Actor) -> list[Admin]:
    """Make sure, in the transaction of the act, that whoever acts still administers; answers all who do. Raises
    Missing."""
    able = queries.admins(connection, lock=True)
    if actor.role == ADMIN and actor.id not in {each.account_id for each in able}:
        raise Missing(actor.id)
    return able


def _demand_another(able: list[Admin], actor: Actor, account_id: str, at: int) -> None:
    """Somebody has to stay who can administer and, where an administrator acts, whom that one cannot have made up: or
    one alone would throw all others out, and wait until a person of their own counts as the second."""
    staying = [each for each in able if each.account_id not in (account_id, actor.id)]
    if not any(actor.role != ADMIN or each.is_second(at) for each in staying):
        raise Refused("admin_last")


def _demand_no_stake(connection: Connection, actor: Actor, account_id: str) -> None:
    if account_id == actor.id:
        raise Refused("not_to_oneself")
    if actor.role == ADMIN and queries.in_dispute_together(connection, actor.id, account_id):
        raise Refused("own_dispute_with")


def _demand_second(able: list[Admin], account_id: str, at: int) -> None:
    """Of two, each has to be somebody whom the other cannot have made up a moment ago."""
    if any(each.account_id == account_id and not each.is_second(at) for each in able):
        raise Refused("admin_too_new")


# -- telling ------------------------------------------------------------------------------------------------------


def _record(
    connection: Connection, house: House, account_id: str, fact: str, data: dict[str, Any], at: int, actor: Actor
) -> None:
    people.record(connection, house, account_id, fact, data, at=at, actor=actor, reach="staff")


def _tell(connection: Connection, house: House, account_id: str, what: str, at: int, **told: Any) -> None:
    """Mail the holder of an account what was done about it."""
    _mail(connection, house, "account_changed", account_id, at, {"what": what, "role": "", "ground": "", **told})


def _tell_admins(connection: Connection, house: House, what: str, at: int, *, but: tuple[str, ...]) -> None:
    """Mail all other administrators, so that nothing that takes two is done between one and a friend."""
    for each in queries.admins(connection):
        if each.account_id not in but:
            _mail(connection, house, "administration", each.account_id, at, {"what": what})


def _tell_registrars(
    connection: Connection, house: House, numbers: tuple[str, ...], at: int, *, but: tuple[str, ...]
) -> None:
    for each in queries.registrars(connection):
        if each not in but:
            _mail(connection, house, "party_suspended", each, at, {"numbers": list(numbers)})


def _mail(
    connection: Connection, house: House, template: str, account_id: str, at: int, params: dict[str, Any]
) -> None:
    people.mail(connection, house, template, at, new_id(), account_id=account_id, params=params)
