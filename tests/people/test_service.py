"""What people do with their accounts, and what an attacker cannot do with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Barrier, Lock

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from odr.database import write_unit
from odr.kernel import Actor, Missing, Refused
from odr.log import journal
from odr.notices.tables import outbox
from odr.people import queries, service
from odr.people.tables import account, registration, session
from tests.people.conftest import EMAIL, PASSWORD, an_account, link_for

WANTED = {"name": "First Holder", "country": "SE", "language": "en", "zone": "Europe/Stockholm"}


def register(house, caller, *, email=EMAIL, password=PASSWORD, **wanted):
    return service.register(house, caller, email=email, password=password, **{**WANTED, **wanted})


def sign_in(house, caller, *, email=EMAIL, password=PASSWORD):
    return service.sign_in(house, caller, email=email, password=password)


def reader(house, cookie):
    with house.engine.connect() as connection:
        return queries.person_by_cookie(connection, cookie, house.clock())


def letters(house):
    with house.engine.connect() as connection:
        return connection.execute(select(outbox.c.template, outbox.c.account_id).order_by(outbox.c.id)).all()


def facts(house, account_id):
    with house.engine.connect() as connection:
        return [stored.entry.type for stored in journal.read_stream(connection, f"account/{account_id}")]


def count(house, table):
    with house.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


# -- opening an account ---------------------------------------------------------------------------------------


def test_an_account_is_opened_by_the_mailed_link_in_the_browser_that_asked(house, caller):
    mark = register(house, caller)
    asking = replace(caller, mark=mark)
    token = link_for(house, "verify", email=EMAIL)

    assert not service.needs_password(house, asking, token)
    person = reader(house, service.verify_email(house, asking, token))

    assert (person.name, person.language, person.zone, person.roles) == (
        "First Holder",
        "en",
        "Europe/Stockholm",
        frozenset(),
    )
    assert facts(house, person.account_id) == ["account_registered", "email_verified"]
    assert count(house, registration) == 0


def test_there_is_no_account_before_the_address_is_proven(house, caller):
    register(house, caller)

    with pytest.raises(Refused, match="sign_in_failed"):
        sign_in(house, caller)
    assert count(house, account) == 0


def test_another_browser_confirms_an_address_with_the_password(house, caller):
    register(house, caller)
    token = link_for(house, "verify", email=EMAIL)

    assert service.needs_password(house, caller, token)
    with pytest.raises(Refused, match="password_wrong"):
        service.verify_email(house, caller, token, password="not the one I typed")

    assert reader(house, service.verify_email(house, caller, token, password=PASSWORD)).name == "First Holder"


def test_nobody_occupies_an_address_by_registering_it_first(house, caller):
    register(house, caller, password="the attacker knows this")
    mark = register(house, caller)
    token = link_for(house, "verify", email=EMAIL)

    service.verify_email(house, replace(caller, mark=mark), token)

    assert reader(house, sign_in(house, caller))
    with pytest.raises(Refused, match="sign_in_failed"):
        sign_in(house, caller, password="the attacker knows this")


def test_a_stranger_who_clicks_does_not_confirm_somebody_elses_password(house, caller):
    register(house, caller, password="the attacker knows this")
    token = link_for(house, "verify", email=EMAIL)

    with pytest.raises(Refused, match="password_wrong"):
        service.verify_email(house, caller, token)

    assert count(house, account) == 0


def test_registering_a_known_address_looks_the_same_and_hints_the_owner(house, caller):
    owner = an_account(house)

    known, new = register(house, caller), register(house, caller, email="stranger@example.org")

    assert len(known) == len(new)
    assert letters(house) == [("email_known", owner), ("verify_email", None)]
    assert count(house, registration) == 2
    assert count(house, account) == 1


def test_a_registration_that_nobody_answers_is_forgotten(house, caller, clock):
    register(house, caller)
    clock.advance(days=1, seconds=1)

    service.sweep(house)

    assert count(house, registration) == 0


def test_an_account_opened_meanwhile_is_not_opened_twice(house, caller):
    mark = register(house, caller)
    token = link_for(house, "verify", email=EMAIL)
    an_account(house, password=None)

    with pytest.raises(Refused, match="email_known_now"):
        service.verify_email(house, replace(caller, mark=mark), token)


def test_one_verification_opens_one_account_however_often_it_is_sent(house, caller):
    asking = replace(caller, mark=register(house, caller))
    token = link_for(house, "verify", email=EMAIL)
    start = Barrier(6)

    def attempt(_):
        start.wait()
        try:
            return bool(service.verify_email(house, asking, token))
        except Refused:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    assert count(house, account) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"email": "holder@example.org\nBcc: all@example.org"}, "email_malformed"),
        ({"name": "\u202e"}, "name_missing"),
        ({"password": "short"}, "password_too_short"),
        ({"password": "holder first"}, "password_own_words"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_anything_is_written(house, caller, wrong, code):
    with pytest.raises(Refused) as refused:
        register(house, caller, **wrong)

    assert refused.value.code == code
    assert letters(house) == []


# -- signing in and out ---------------------------------------------------------------------------------------


def test_signing_in_begins_a_session_of_which_only_a_hash_is_kept(house, caller):
    account_id = an_account(house)

    cookie = sign_in(house, caller, email=" Holder@Example.org ")

    assert reader(house, cookie).account_id == account_id
    with house.engine.connect() as connection:
        assert cookie not in str(connection.execute(select(session)).all())


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org", "seller@example.com"])
def test_a_wrong_password_an_unknown_address_and_an_account_without_password_look_the_same(house, caller, email):
    an_account(house)
    an_account(house, "seller@example.com", password=None)

    with pytest.raises(Refused) as refused:
        sign_in(house, caller, email=email, password="not the password")

    assert (refused.value.code, refused.value.params) == ("sign_in_failed", {})


def test_the_dummy_hash_costs_what_a_real_one_costs():
    parameters = service._DUMMY_HASH.split("$")[1:4]

    assert parameters == ["argon2id", "v=19", "m=19456,t=2,p=1"]
    assert service.hash_password(PASSWORD).split("$")[1:4] == parameters
    assert not service._matches(None, PASSWORD)
    assert not service._matches(None, "")


def test_no_more_than_four_passwords_are_hashed_at_a_time(monkeypatch):
    """76 MiB at most, however many come at once; whoever waits too long is told to come back."""
    inside, most, lock = 0, 0, Lock()

    class Watched(PasswordHasher):
        def hash(self, *given, **named):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            try:
                return super().hash(*given, **named)
            finally:
                with lock:
                    inside -= 1

    monkeypatch.setattr(service, "_HASHER", Watched(time_cost=2, memory_cost=19_456, parallelism=1))
    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(service.hash_password, [PASSWORD] * 24))) == 24
    assert 0 < most <= 4

    monkeypatch.setattr(service, "_LONGEST_WAIT_SECONDS", 0)
    with ExitStack() as others:
        for _ in range(4):
            others.enter_context(service._turn_to_hash())
        with pytest.raises(Refused, match="house_busy"):
            service.hash_password(PASSWORD)
    assert service.hash_password(PASSWORD)


def test_guessing_is_slowed_down_alike_for_known_and_unknown_addresses(house, caller, clock):
    an_account(house)

    for email in (EMAIL, "nobody@example.org"):
        refusals = []
        for _ in range(7):
            with pytest.raises(Refused) as refused:
                sign_in(house, caller, email=email, password="not the password")
            refusals.append((refused.value.code, refused.value.params.get("minutes")))
        assert refusals == [("sign_in_failed", None)] * 5 + [("too_many_attempts", 1)] * 2


def test_strangers_who_guess_do_not_lock_out_a_browser_the_owner_has_used(house, caller):
    an_account(house)
    known = replace(caller, known_device=service.known_device(house, EMAIL))
    for _ in range(6):
        with pytest.raises(Refused):
            sign_in(house, caller, password="not the password")

    assert sign_in(house, known)
    with pytest.raises(Refused, match="too_many_attempts"):
        sign_in(house, caller)


@pytest.mark.parametrize("forged", ["", ".", "a.b", "\ud800.\ud800", "0" * 32 + "." + "0" * 32])
def test_a_forged_device_is_no_known_device(house, caller, forged):
    an_account(house)
    for _ in range(5):
        with pytest.raises(Refused, match="sign_in_failed"):
            sign_in(house, caller, password="not the password")

    with pytest.raises(Refused, match="too_many_attempts"):
        sign_in(house, replace(caller, known_device=forged))


def test_whoever_signs_in_rightly_is_never_slowed_down(house, caller):
    an_account(house)

    assert all(sign_in(house, caller) for _ in range(12))


def test_a_cookie_planted_before_signing_in_is_worth_nothing_after(house, caller):
    an_account(house)
    planted = sign_in(house, caller)

    cookie = sign_in(house, replace(caller, cookie=planted))

    assert reader(house, planted) is None
    assert reader(house, cookie)
    assert reader(house, "a cookie that nobody was given") is None


def test_signing_out_ends_this_session_only(house, caller):
    an_account(house)
    here, there = sign_in(house, caller), sign_in(house, caller)

    service.sign_out(house, here)

    assert reader(house, here) is None
    assert reader(house, there)


def test_signing_out_everywhere_ends_all_and_is_recorded(house, caller):
    account_id = an_account(house)
    cookies = [sign_in(house, caller) for _ in range(3)]

    assert service.sign_out_everywhere(house, account_id) == 3

    assert [reader(house, cookie) for cookie in cookies] == [None] * 3
    assert facts(house, account_id)[-1] == "sessions_ended"


def test_nobody_ends_a_session_of_another_account(house, caller):
    an_account(house)
    other = an_account(house, "stranger@example.org")
    cookie = sign_in(house, caller)
    handle = queries.handle_of(reader(house, cookie).session_hash)

    with pytest.raises(Missing):
        service.end_session(house, other, handle)

    assert reader(house, cookie)


def test_the_owner_sees_every_open_session_and_ends_one(house, caller):
    account_id = an_account(house)
    here, there = sign_in(house, caller), sign_in(house, replace(caller, device="Safari · iPhone"))
    person = reader(house, here)
    with house.engine.connect() as connection:
        listed = queries.open_sessions(connection, person, house.clock())

    service.end_session(house, account_id, next(one.handle for one in listed if not one.here))

    assert sorted(one.device for one in listed) == ["Firefox · Linux", "Safari · iPhone"]
    assert reader(house, there) is None
    assert reader(house, here)


def test_a_session_falls_idle_after_half_an_hour_and_sooner_for_staff(house, caller, clock):
    account_id = an_account(house)
    cookie = sign_in(house, caller)
    clock.advance(minutes=29)
    assert reader(house, cookie)
    clock.advance(minutes=1)
    assert reader(house, cookie) is None

    service.grant_role(house, account_id, "registrar")
    cookie = sign_in(house, caller)
    clock.advance(minutes=14)
    assert reader(house, cookie).roles == {"registrar"}
    clock.advance(minutes=1)
    assert reader(house, cookie) is None


def test_a_session_in_use_stays_open_but_not_for_longer_than_twelve_hours(house, caller, clock):
    an_account(house)
    cookie, minutes = sign_in(house, caller), 0

    while person := reader(house, cookie):
        service.note_seen(house, person)
        clock.advance(minutes=20)
        minutes += 20

    assert minutes == 12 * 60


def test_reading_writes_at_most_once_a_minute(house, caller, clock):
    an_account(house)
    cookie = sign_in(house, caller)
    begun = reader(house, cookie).seen_at

    clock.advance(seconds=59)
    service.note_seen(house, reader(house, cookie))
    assert reader(house, cookie).seen_at == begun

    clock.advance(seconds=1)
    service.note_seen(house, reader(house, cookie))
    assert reader(house, cookie).seen_at == house.clock()


# -- mailed links ---------------------------------------------------------------------------------------------


def test_a_new_password_by_mailed_link_ends_every_session(house, caller):
    account_id = an_account(house)
    cookie = sign_in(house, caller)
    token = link_for(house, "reset", account_id=account_id)

    service.reset_password(house, caller, token, password="a river behind glass")

    assert reader(house, cookie) is None
    assert sign_in(house, caller, password="a river behind glass")
    with pytest.raises(Refused, match="sign_in_failed"):
        sign_in(house, caller)
    assert facts(house, account_id)[-1] == "password_reset"
    assert letters(house)[-1] == ("password_changed", account_id)


def test_a_refused_new_password_leaves_the_link_usable(house, caller):
    token = link_for(house, "reset", account_id=an_account(house))

    with pytest.raises(Refused, match="password_too_short"):
        service.reset_password(house, caller, token, password="short")

    service.reset_password(house, caller, token, password="a river behind glass")
    with pytest.raises(Refused, match="link_used"):
        service.reset_password(house, caller, token, password="a river behind glass")


def test_all_open_recovery_links_die_with_the_one_that_was_used(house, caller):
    account_id = an_account(house)
    first, second = (link_for(house, "reset", account_id=account_id) for _ in range(2))
    signing_in = link_for(house, "signin", account_id=account_id)

    service.reset_password(house, caller, first, password="a river behind glass")

    with pytest.raises(Refused, match="link_used"):
        service.reset_password(house, caller, second, password="a river behind glass")
    with pytest.raises(Refused, match="link_used"):
        service.sign_in_by_link(house, caller, signing_in)


def test_asking_for_a_link_tells_nobody_whether_the_address_is_known(house, caller):
    account_id = an_account(house)

    assert service.ask_reset(house, caller, email=EMAIL) is None
    assert service.ask_reset(house, caller, email="nobody@example.org") is None
    assert service.ask_sign_in_link(house, caller, email="nobody@example.org") is None

    assert letters(house) == [("reset_password", account_id)]


def test_nobodys_mailbox_is_flooded(house, caller):
    for email in (EMAIL, "nobody@example.org"):
        for ask in (service.ask_reset, service.ask_sign_in_link, service.ask_reset, service.ask_reset):
            ask(house, caller, email=email)
        service.ask_sign_in_link(house, caller, email=email)
        with pytest.raises(Refused, match="too_many_attempts"):
            service.ask_reset(house, caller, email=email)


def test_the_invited_seller_signs_in_by_mailed_link_once(house, caller):
    account_id = an_account(house, "seller@example.com", password=None)
    service.ask_sign_in_link(house, caller, email="seller@example.com")
    token = link_for(house, "signin", account_id=account_id)

    cookie = service.sign_in_by_link(house, caller, token)

    assert letters(house) == [("sign_in_link", account_id)]
    assert reader(house, cookie).account_id == account_id
    with pytest.raises(Refused, match="link_used"):
        service.sign_in_by_link(house, caller, token)


def test_the_mailbox_alone_opens_no_desk(house, caller):
    account_id = an_account(house)
    token = link_for(house, "signin", account_id=account_id)
    service.grant_role(house, account_id, "registrar")

    service.ask_sign_in_link(house, caller, email=EMAIL)

    assert letters(house) == [("reset_password", account_id)]
    with pytest.raises(Refused, match="link_unknown"):
        service.sign_in_by_link(house, caller, token)


# -- the own account, roles -----------------------------------------------------------------------------------


def test_changing_the_password_ends_the_other_sessions_and_renews_this_one(house, caller):
    account_id = an_account(house)
    here, there = sign_in(house, caller), sign_in(house, caller)

    cookie = service.change_password(
        house, replace(caller, cookie=here), account_id, present=PASSWORD, password="a river behind glass"
    )

    assert [reader(house, old) for old in (here, there)] == [None, None]
    assert reader(house, cookie).account_id == account_id
    assert facts(house, account_id)[-1] == "password_changed"


def test_the_password_is_changed_only_by_who_knows_the_present_one(house, caller):
    account_id = an_account(house)

    for _ in range(5):
        with pytest.raises(Refused, match="password_wrong"):
            service.change_password(house, caller, account_id, present="a guess", password="a river behind glass")
    with pytest.raises(Refused, match="too_many_attempts"):
        service.change_password(house, caller, account_id, present=PASSWORD, password="a river behind glass")


def test_an_account_keeps_what_its_owner_chose(house, caller):
    account_id = an_account(house)

    service.change_account(house, account_id, name=" First  H. ", language="zh_Hans", zone="Asia/Shanghai")

    with house.engine.connect() as connection:
        kept = queries.account_by_id(connection, account_id)
    assert (kept.name, kept.language, kept.zone) == ("First H.", "zh_Hans", "Asia/Shanghai")


def test_a_role_is_granted_once_recorded_with_its_giver_and_asks_to_sign_in_anew(house, caller):
    account_id = an_account(house)
    cookie = sign_in(house, caller)
    giver = Actor(an_account(house, "admin@example.org", password=None), "admin")

    service.grant_role(house, account_id, "mediator", actor=giver)
    service.grant_role(house, account_id, "mediator", actor=giver)

    assert reader(house, cookie) is None
    assert reader(house, sign_in(house, caller)).roles == {"mediator"}
    with house.engine.connect() as connection:
        last = journal.read_stream(connection, f"account/{account_id}")[-1].entry
    assert (last.type, last.actor, last.role, last.reach, last.data) == (
        "role_granted",
        giver.id,
        "admin",
        "staff",
        {"role": "mediator"},
    )
    assert facts(house, account_id).count("role_granted") == 1


def test_a_role_is_granted_to_nobody_who_is_not_there(house):
    with pytest.raises(Missing):
        service.grant_role(house, "0" * 32, "admin")


def test_a_closed_account_keeps_nothing_personal_and_frees_its_address(house, caller):
    account_id = an_account(house)
    cookie = sign_in(house, caller)

    service.close_account(house, account_id)

    assert reader(house, cookie) is None
    with house.engine.connect() as connection:
        row = connection.execute(select(account)).one()
    assert "holder" not in str(row).lower()
    assert an_account(house) != account_id


def test_no_entry_of_an_account_holds_anything_personal(house, caller):
    account_id = an_account(house)
    service.sign_out_everywhere(house, account_id)
    token = link_for(house, "reset", account_id=account_id)
    service.reset_password(house, caller, token, password="a river behind glass")

    with house.engine.connect() as connection:
        entries = journal.read_stream(connection, f"account/{account_id}")

    assert all(not stored.entry.commit for stored in entries)
    assert "holder" not in str(entries).lower()


def test_one_address_has_one_account_even_when_two_are_opened_at_once(house):
    start = Barrier(4)

    def attempt(_):
        start.wait()
        try:
            return write_unit(
                house.engine,
                lambda connection: service.open_account(
                    connection, house, email=EMAIL, name="Holder", at=house.clock()
                ),
            )
        except Refused:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert len([one for one in pool.map(attempt, range(4)) if one]) == 1
