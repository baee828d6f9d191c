"""Second factors as they are added, proven, used up and taken away, on both databases."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from odr.database import write_unit
from odr.factors import keys, queries, rules, service
from odr.house import House
from odr.kernel import SYSTEM, Missing, Refused
from odr.log.journal import read_stream
from odr.notices.tables import outbox
from odr.people.service import close_account, sign_out_everywhere, sweep
from odr.people.tables import ceremony, factor, recovery_code
from tests.factors.authenticator import Authenticator, code_at
from tests.factors.conftest import CALLER, HOST, ORIGIN, Holder
from tests.people.conftest import PASSWORD


@pytest.fixture
def holder(house: House) -> Holder:
    return Holder(house)


def facts(holder: Holder) -> list[str]:
    with holder.house.engine.connect() as connection:
        return [one.entry.type for one in read_stream(connection, f"account/{holder.account_id}")]


def mails(house: House) -> list[str]:
    with house.engine.connect() as connection:
        rows = connection.execute(select(outbox.c.params).where(outbox.c.template == "factor_changed"))
        return [row.params["what"] for row in rows]


def rows(house: House, table) -> list:
    with house.engine.connect() as connection:
        return connection.execute(select(table)).all()


def refused(code: str):
    return pytest.raises(Refused, match=code)


# -- an app that makes codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_the_codes_are_those_of_the_standard(seconds, code):
    """RFC 6238, appendix B, cut to six digits."""
    secret = base64.b32encode(b"12345678901234567890")

    assert code_at(secret.decode(), seconds * 1000) == code
    assert service._step_of(secret, code, seconds * 1000) == seconds // 30


def test_an_app_is_added_and_told(house, holder):
    secret, codes = holder.add_app()

    assert len(base64.b32decode(secret.replace(" ", ""))) == 20
    assert len(set(codes)) == rules.CODES == 10
    assert holder.person.has_factor and not holder.person.is_half_way and holder.person.proof_is_fresh(house.clock())
    assert facts(holder)[-1] == "factor_added" and mails(house) == ["factor_added"]


def test_nothing_is_added_without_the_right_code(house, holder):
    service.begin_app(house, CALLER, holder.person, password=PASSWORD)
    secret = service.app_setup(house, holder.person).secret
    wrong = f"{(int(code_at(secret, house.clock())) + 1) % 1_000_000:06}"

    with refused("factor_code_wrong"):
        service.confirm_app(house, CALLER, holder.person, code=wrong, name="")

    assert not holder.person.has_factor


def test_who_finds_a_browser_open_adds_no_factor(house, holder):
    with refused("password_wrong"):
        service.begin_app(house, CALLER, holder.person, password="a guess of somebody's")
    with refused("password_wrong"):
        service.begin_passkey(house, CALLER, holder.person)

    assert rows(house, ceremony) == []


def test_without_a_password_the_address_confirms(house):
    invited = Holder(house, "invited@example.org", password=None)

    with refused("address_differs"):
        service.begin_app(house, CALLER, invited.person, email="other@example.org")
    service.begin_app(house, CALLER, invited.person, email="Invited@example.org")

    assert service.app_setup(house, invited.person).secret


def test_a_setup_lasts_a_quarter_of_an_hour_in_its_own_session(house, holder, clock):
    service.begin_app(house, CALLER, holder.person, password=PASSWORD)
    secret = service.app_setup(house, holder.person).secret
    other = holder.person_with(holder.another_session())

    with pytest.raises(Missing):
        service.app_setup(house, other)
    clock.advance(minutes=15)
    with pytest.raises(Missing):
        service.app_setup(house, holder.person)
    with refused("factor_setup_over"):
        service.confirm_app(house, CALLER, holder.person, code=code_at(secret, clock.at), name="")


def test_a_code_is_taken_from_half_a_minute_around(house, holder, clock):
    secret, _ = holder.add_app()
    for offset, taken in ((-90, False), (-60, False), (-30, True), (0, True), (30, True), (60, False)):
        clock.advance(minutes=20)
        holder.sign_in_anew()
        code = code_at(secret, clock.at + offset * 1000)
        if taken:
            holder.prove(code)
            assert not holder.person.is_half_way
        else:
            with refused("factor_code_wrong"):
                holder.prove(code)


def test_a_code_is_taken_once(house, holder, clock):
    secret, _ = holder.add_app()
    with refused("factor_code_wrong"):
        holder.prove(code_at(secret, clock.at))  # the one that added it

    clock.advance(minutes=1)
    code, earlier = code_at(secret, clock.at), code_at(secret, clock.at - 30_000)
    holder.prove(code)

    for used in (code, earlier):
        holder.sign_in_anew()
        with refused("factor_code_wrong"):
            holder.prove(used)


def test_of_two_who_send_one_code_at_once_one_is_let_in(house, holder, clock):
    secret, _ = holder.add_app()
    clock.advance(minutes=1)
    people = [holder.person_with(holder.another_session()) for _ in range(4)]
    code, let_in, start = code_at(secret, clock.at), [], threading.Barrier(4)

    def try_it(person) -> None:
        start.wait(10)
        try:
            let_in.append(service.prove_code(house, CALLER, person, code=code))
        except Refused:
            pass

    threads = [threading.Thread(target=try_it, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(let_in) == 1


def test_wrong_codes_are_counted_for_the_account_whatever_the_browser(house, holder, clock):
    secret, codes = holder.add_app()
    tried = 0
    for guess in range(60):
        holder.sign_in_anew()
        try:
            service.prove_code(house, CALLER, holder.person, code=f"{guess:06}")
        except Refused as no:
            tried += no.code == "factor_code_wrong"
        clock.advance(seconds=59)

    assert tried <= 10
    with refused("too_many_attempts"):
        holder.prove(codes[0])
    clock.advance(hours=2)
    holder.sign_in_anew()
    holder.prove(code_at(secret, clock.at))
    assert not holder.person.is_half_way


def test_a_day_of_guessing_is_thirty_guesses(house, holder, clock):
    holder.add_app()
    tried = 0
    for _ in range(23 * 4):
        clock.advance(minutes=15)
        holder.sign_in_anew()
        try:
            holder.prove("abcd-efgh-ijkl-mnop")
        except Refused as no:
            tried += no.code == "factor_code_wrong"

    assert tried == 30


def test_the_secret_of_an_app_lies_sealed(house, holder):
    secret, codes = holder.add_app()
    raw = secret.replace(" ", "").encode()

    told = b"".join(
        part if isinstance(part, bytes) else str(part).encode()
        for table in (factor, recovery_code, ceremony)
        for row in rows(house, table)
        for part in row
    )
    assert raw not in told and base64.b32decode(raw) not in told
    assert not any(code.encode() in told or code.replace("-", "").encode() in told for code in codes)


# -- recovery codes ---------------------------------------------------------------------------------------------


def test_a_recovery_code_opens_once_however_it_is_typed(house, holder, clock):
    _, codes = holder.add_app()
    holder.sign_in_anew()
    holder.prove(f" {codes[3].upper().replace('-', ' ')} ")

    assert not holder.person.is_half_way
    assert facts(holder)[-1] == "recovery_code_used" and mails(house)[-1] == "recovery_code_used"
    holder.sign_in_anew()
    with refused("factor_code_wrong"):
        holder.prove(codes[3])
    with house.engine.connect() as connection:
        assert queries.codes_left(connection, holder.account_id) == 9


def test_a_recovery_code_opens_its_own_account_only(house, holder):
    _, codes = holder.add_app()
    other = Holder(house, "other@example.org")
    other.add_app()
    other.sign_in_anew()

    with refused("factor_code_wrong"):
        other.prove(codes[0])


def test_new_recovery_codes_end_the_old_ones(house, holder):
    _, old = holder.add_app()
    new = service.renew_codes(house, holder.person)
    holder.sign_in_anew()

    with refused("factor_code_wrong"):
        holder.prove(old[0])
    holder.prove(new[0])
    assert set(old).isdisjoint(new)


# -- a passkey --------------------------------------------------------------------------------------------------


def test_a_passkey_is_added_and_proves(house, holder):
    key = holder.add_passkey()
    holder.sign_in_anew()
    assert holder.person.is_half_way

    answer = key.prove(service.begin_proof(house, holder.person))
    holder.cookie = service.prove_passkey(house, holder.person, answer=answer)

    assert not holder.person.is_half_way and facts(holder)[-1] == "factor_added"


def test_an_answer_is_good_for_one_challenge_once(house, holder, clock):
    key = holder.add_passkey()
    holder.sign_in_anew()
    person = holder.person
    first = key.prove(service.begin_proof(house, person))
    second = key.prove(service.begin_proof(house, person))

    with refused("passkey_wrong"):
        service.prove_passkey(house, person, answer=first)
    with refused("passkey_wrong"):
        service.prove_passkey(house, person, answer=second)  # the challenge went with the wrong answer
    late = key.prove(service.begin_proof(house, person))
    clock.advance(minutes=5)
    with refused("passkey_wrong"):
        service.prove_passkey(house, person, answer=late)


def test_a_challenge_of_one_session_serves_no_other(house, holder):
    key = holder.add_passkey()
    mine, other = (holder.person_with(holder.another_session()) for _ in range(2))
    answer = key.prove(service.begin_proof(house, mine))
    service.begin_proof(house, other)

    with refused("passkey_wrong"):
        service.prove_passkey(house, other, answer=answer)


@pytest.mark.parametrize(
    ("origin", "host"),
    [("https://disputes.example.net", HOST), (ORIGIN, "example.net"), ("http://disputes.example.org", HOST)],
)
def test_what_was_signed_for_another_page_is_refused(house, holder, origin, host):
    key = holder.add_passkey()
    key.origin, key.host = origin, host
    holder.sign_in_anew()

    with refused("passkey_wrong"):
        service.prove_passkey(house, holder.person, answer=key.prove(service.begin_proof(house, holder.person)))


def test_a_passkey_made_for_another_page_is_refused(house, holder):
    service.begin_passkey(house, CALLER, holder.person, password=PASSWORD)
    wanted = service.passkey_to_make(house, holder.person)

    with refused("passkey_wrong"):
        service.add_passkey(house, holder.person, answer=Authenticator(f"{ORIGIN}.evil", HOST).make(wanted), name="")
    with refused("factor_setup_over"):
        service.add_passkey(house, holder.person, answer=Authenticator(ORIGIN, HOST).make(wanted), name="")


def test_a_copied_passkey_is_found_by_its_count(house, holder):
    key = holder.add_passkey()
    holder.sign_in_anew()
    key.count = 7
    holder.cookie = service.prove_passkey(
        house, holder.person, answer=key.prove(service.begin_proof(house, holder.person))
    )

    key.count = 6
    with refused("passkey_wrong"):
        service.prove_passkey(house, holder.person, answer=key.prove(service.begin_proof(house, holder.person)))


def test_a_passkey_that_counts_nothing_proves_as_often_as_asked(house, holder):
    key = holder.add_passkey(counts=False)
    for _ in range(3):
        holder.sign_in_anew()
        answer = key.prove(service.begin_proof(house, holder.person))
        holder.cookie = service.prove_passkey(house, holder.person, answer=answer)

    assert not holder.person.is_half_way


def test_staff_prove_by_a_key_that_knows_its_owner(house, holder):
    mediator = Holder(house, "mediator@example.org", role="mediator")

    with refused("passkey_wrong"):
        mediator.add_passkey(verifies=False)
    key = mediator.add_passkey()
    holder.add_passkey(verifies=False)

    mediator.sign_in_anew()
    key.flags &= ~0x04
    with refused("passkey_wrong"):
        service.prove_passkey(house, mediator.person, answer=key.prove(service.begin_proof(house, mediator.person)))


def test_anothers_passkey_proves_nothing(house, holder):
    key = holder.add_passkey()
    other = Holder(house, "other@example.org")
    other.add_passkey()
    other.sign_in_anew()

    with refused("passkey_wrong"):
        service.prove_passkey(house, other.person, answer=key.prove(service.begin_proof(house, other.person)))


def test_a_passkey_belongs_to_one_account(house, holder):
    key = holder.add_passkey()
    other = Holder(house, "other@example.org")
    service.begin_passkey(house, CALLER, other.person, password=PASSWORD)

    with refused("passkey_wrong"):
        service.add_passkey(house, other.person, answer=key.make(service.passkey_to_make(house, other.person)), name="")


def hostile() -> list[str]:
    whole = json.loads(Authenticator(ORIGIN, HOST).make(json.dumps({"challenge": "AAAA"})))
    proof = json.loads(Authenticator(ORIGIN, HOST).prove(json.dumps({"challenge": "AAAA"})))
    found = ["", "{", "null", "[]", '"x"', "7", "{}", "[" * 9_000, "x" * 30_000]
    for answer in (whole, proof):
        for name in answer:
            found += [json.dumps({**answer, name: value}) for value in (None, 7, "", [], {}, "é", "%%%", "a")]
        for name in answer["response"]:
            for value in (None, 7, "", [], "é", "%%%", "a", "oWNmbXQ", "/////", "A" * 15_000):
                found.append(json.dumps({**answer, "response": {**answer["response"], name: value}}))
    return found


def test_whatever_a_browser_answers_is_taken_or_refused(house, holder):
    key = holder.add_passkey()
    with house.engine.connect() as connection:
        (own,) = queries.passkeys_of(connection, holder.account_id)
    proof = json.loads(key.prove(json.dumps({"challenge": "AAAA"})))

    for answer in hostile():
        with pytest.raises(keys.Unproven):
            keys.made(house.settings, answer, bytes(3), False)
        with pytest.raises(keys.Unproven):
            keys.proven(house.settings, [own], answer, bytes(3), False)
        if answer.startswith('{"'):
            named = json.dumps({**json.loads(answer), "id": proof["id"], "rawId": proof["rawId"]})
            with pytest.raises(keys.Unproven):
                keys.proven(house.settings, [own], named, bytes(3), False)


def test_a_house_without_a_name_offers_no_passkeys(house, settings):
    for address, offered in (
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("http://localhost:8000", True),
        ("http://disputes.example.org", False),
        ("https://disputes.example.org", True),
    ):
        assert keys.possible(replace(settings, public_url=address)) == offered


# -- what it does to sessions -----------------------------------------------------------------------------------


def test_whoever_has_a_factor_is_half_way_after_the_password(house, holder):
    assert not holder.person.is_half_way

    holder.add_app()
    holder.sign_in_anew()

    assert holder.person.is_half_way


def test_staff_are_half_way_from_the_beginning(house):
    for role in ("registrar", "mediator", "regulator", "admin"):
        assert Holder(house, f"{role}@example.org", role=role).person.is_half_way


def test_old_cookies_end_when_a_factor_comes_or_goes(house, holder, clock):
    stolen, elsewhere = holder.cookie, holder.another_session()

    holder.add_app()
    assert holder.person_with(stolen) is None and holder.person_with(elsewhere) is None

    stolen, elsewhere = holder.cookie, holder.another_session()
    (one,) = rows(house, factor)
    holder.cookie = service.remove(house, holder.person, one.id)
    assert holder.person_with(stolen) is None and holder.person_with(elsewhere) is None
    assert holder.person is not None and not holder.person.has_factor


def test_a_copy_of_a_cookie_gains_nothing_from_the_owners_proof(house, holder, clock):
    secret, _ = holder.add_app()
    clock.advance(minutes=6)
    stolen = holder.cookie
    assert not holder.person.proof_is_fresh(clock.at)

    holder.prove(code_at(secret, clock.at))

    assert holder.person_with(stolen) is None
    assert holder.person.proof_is_fresh(clock.at)
    clock.advance(minutes=5)
    assert not holder.person.proof_is_fresh(clock.at)


def test_proving_again_and_again_makes_no_session_longer(house, holder, clock):
    secret, _ = holder.add_app()
    for _ in range(36):
        clock.advance(minutes=19, seconds=50)
        holder.prove(code_at(secret, clock.at))
    clock.advance(minutes=8)

    assert holder.person_with(holder.cookie) is None


def test_a_session_that_was_ended_cannot_be_proven(house, holder, clock):
    secret, _ = holder.add_app()
    holder.sign_in_anew()
    person = holder.person
    clock.advance(minutes=1)
    sign_out_everywhere(house, holder.account_id)

    with pytest.raises(Missing):
        service.prove_code(house, CALLER, person, code=code_at(secret, clock.at))


def test_a_thief_of_the_password_adds_no_factor_beside_the_owners(house, holder):
    thief = holder.person_with(holder.another_session())
    service.begin_app(house, CALLER, thief, password=PASSWORD)
    secret = service.app_setup(house, thief).secret
    mediator = Holder(house, "mediator@example.org", role="mediator")
    early = mediator.person_with(mediator.another_session())
    service.begin_app(house, CALLER, early, password=PASSWORD)
    staffs = service.app_setup(house, early).secret

    holder.add_app()
    mediator.add_app()

    with pytest.raises(Missing):  # of a party the session has ended
        service.confirm_app(house, CALLER, thief, code=code_at(secret, house.clock()), name="")
    with pytest.raises(Missing):
        service.confirm_app(house, CALLER, early, code=code_at(staffs, house.clock()), name="")
    assert len(rows(house, factor)) == 2


# -- taking away ------------------------------------------------------------------------------------------------


def test_staff_cannot_be_without(house):
    mediator = Holder(house, "mediator@example.org", role="mediator")
    mediator.add_app()
    (one,) = rows(house, factor)

    with refused("factor_last"):
        service.remove(house, mediator.person, one.id)


def test_the_recovery_codes_go_with_the_last_factor(house, holder):
    holder.add_app()
    holder.add_passkey()
    first, second = rows(house, factor)

    holder.cookie = service.remove(house, holder.person, first.id)
    assert len(rows(house, recovery_code)) == 10
    holder.cookie = service.remove(house, holder.person, second.id)
    assert rows(house, recovery_code) == []


def test_nobody_removes_anothers_factor(house, holder):
    holder.add_app()
    (one,) = rows(house, factor)
    other = Holder(house, "other@example.org")

    with pytest.raises(Missing):
        service.remove(house, other.person, one.id)


def test_a_reset_leaves_no_factor_no_code_and_no_session_and_says_who_agreed(house):
    mediator = Holder(house, "mediator@example.org", role="mediator")
    mediator.add_app()
    mediator.add_passkey()
    cookie = mediator.cookie

    def unit(connection) -> int:
        given = {"actor": SYSTEM, "agreed": {"ground": "lost"}}
        return service.reset_within(connection, house, mediator.account_id, house.clock(), **given)

    assert write_unit(house.engine, unit) == 2

    assert mediator.person_with(cookie) is None and rows(house, factor) == rows(house, recovery_code) == []
    with house.engine.connect() as connection:
        last = read_stream(connection, f"account/{mediator.account_id}")[-1].entry
    assert (last.type, last.actor) == ("factors_reset", "system")
    assert dict(last.data) == {"count": 2, "ground": "lost", "sessions_ended": 1}
    assert mails(house)[-1] == "factors_reset"
    mediator.sign_in_anew()
    mediator.add_app()


def test_nobody_has_more_than_ten(house, holder):
    for _ in range(rules.MOST_FACTORS):
        holder.add_passkey()

    with refused("too_many_factors"):
        holder.add_passkey()


def test_a_closed_account_leaves_nothing_of_its_factors(house, holder):
    holder.add_app()
    holder.add_passkey()

    close_account(house, holder.account_id)

    assert rows(house, factor) == rows(house, recovery_code) == []


def test_what_waited_too_long_is_swept_away(house, holder, clock):
    service.begin_app(house, CALLER, holder.person, password=PASSWORD)
    clock.advance(hours=2)

    sweep(house)

    assert rows(house, ceremony) == []
