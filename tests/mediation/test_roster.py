"""The roster: admitting, changing and ending mediators, by the service and by the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odr.cli import main
from odr.database import writing
from odr.house import House
from odr.kernel import Refused
from odr.log.journal import read_stream
from odr.log.verify import verify_log
from odr.mediation import queries
from odr.mediation.queries import YEAR
from odr.mediation.rules import REQUIRED_CREDENTIALS
from odr.mediation.service import Admission, admit_mediator, end_mediator
from odr.people.queries import account_by_email, person_by_cookie
from odr.people.service import start_session
from tests.builders import a_dispute
from tests.mediation.roster import a_mediator, an_account

SHOWN = ["credential_added"] * len(REQUIRED_CREDENTIALS)


def one(house: House, mediator_id: str) -> queries.Mediator:
    with house.engine.connect() as connection:
        return queries.mediator_by_id(connection, mediator_id)


def facts(house: House, mediator_id: str) -> list[str]:
    with house.engine.connect() as connection:
        return [stored.entry.type for stored in read_stream(connection, f"mediator/{mediator_id}")]


def person(house: House, email: str):
    """Whoever signs in with this address now."""
    with writing(house.engine) as connection:
        account = account_by_email(connection, email)
        cookie = start_session(connection, account.id, "", house.clock(), factor_at=house.clock())
        return person_by_cookie(connection, cookie, house.clock())


def test_admitting_opens_an_account_and_grants_the_role_with_the_seat(house):
    mediator_id = admit_mediator(house, "first@mediators.example", "First", Admission(languages=("en",)))

    who = person(house, "first@mediators.example")

    assert (who.roles, who.mediator_id) == ({"mediator"}, mediator_id)
    assert facts(house, mediator_id) == ["mediator_admitted"]


def test_admitting_uses_the_account_there_is(house):
    account = an_account(house, "known@mediators.example", "Known")

    mediator_id = admit_mediator(house, "Known@Mediators.example", "", Admission(languages=("en",)))

    assert one(house, mediator_id).account_id == account
    assert one(house, mediator_id).name == "Known"


def test_nobody_else_has_a_seat(house):
    an_account(house, "buyer@example.org", "Buyer")

    assert person(house, "buyer@example.org").mediator_id is None


def test_admitting_again_changes_the_entry_and_keeps_the_name_in_the_log(house, clock):
    before = a_mediator(house, mandate_years=5)
    clock.advance(days=1)

    after = a_mediator(house, languages=("de",), fields=("defective",), capacity=3)

    assert after == before
    changed = one(house, after)
    assert (changed.languages, changed.fields, changed.capacity) == (("de",), ("defective",), 3)
    assert facts(house, after) == ["mediator_admitted", *SHOWN, "mediator_changed"]


def test_a_change_never_shortens_a_mandate(house, clock):
    mediator_id = a_mediator(house, mandate_years=9)
    ends = one(house, mediator_id).mandate_until
    clock.advance(days=1)

    a_mediator(house, mandate_years=3)
    assert one(house, mediator_id).mandate_until == ends
    a_mediator(house)
    assert one(house, mediator_id).mandate_until == ends
    a_mediator(house, mandate_years=12)
    assert one(house, mediator_id).mandate_until == clock.at + 12 * YEAR


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"languages": ()}, "languages_missing"),
        ({"mandate_years": 2}, "mandate_too_short"),
        ({"capacity": 0}, "capacity_too_small"),
        ({"email": "nowhere"}, "email_malformed"),
        ({"interests": ("broken @ address",)}, "email_malformed"),
    ],
)
def test_what_does_not_make_an_entry_is_refused_and_leaves_nothing(house, changes, code):
    with pytest.raises(Refused, match=code):
        a_mediator(house, **changes)

    with house.engine.connect() as connection:
        assert queries.whole_roster(connection) == []
        assert account_by_email(connection, "first@mediators.example") is None


def test_interests_are_sealed_beside_the_entry_and_sellers_named_by_their_stable_ids(house):
    mediator_id = a_mediator(house, interests=("Shop.example", "owner@mail.example"))

    known = one(house, mediator_id)
    assert known.interest_domains == ("shop.example",)
    assert len(known.interest_sellers) == 1
    with house.engine.connect() as connection:
        stored, *_shown = read_stream(connection, f"mediator/{mediator_id}")
        assert verify_log(connection, house).findings == []
    assert b"shop.example" not in json.dumps(stored.entry.data).encode()
    assert stored.entry.data["interest_sellers"] == list(known.interest_sellers)


def test_ending_a_mandate_without_disputes_takes_the_role(house):
    mediator_id = a_mediator(house)

    assert end_mediator(house, mediator_id) == 0

    assert person(house, "first@mediators.example").roles == frozenset()
    assert facts(house, mediator_id) == ["mediator_admitted", *SHOWN, "mediator_ended"]
    with pytest.raises(Refused, match="mandate_over"):
        end_mediator(house, mediator_id)


def test_who_sits_in_a_dispute_keeps_the_desk_until_it_is_closed_at_once(house):
    mediator_id = a_mediator(house)
    a_dispute(house).in_mediation(mediator_id)

    assert end_mediator(house, mediator_id) == 1
    assert person(house, "first@mediators.example").mediator_id == mediator_id

    assert end_mediator(house, mediator_id, at_once=True) == 1
    assert person(house, "first@mediators.example").mediator_id is None


def test_who_was_ended_can_be_admitted_anew(house, clock):
    mediator_id = a_mediator(house)
    end_mediator(house, mediator_id)
    clock.advance(days=10)

    assert a_mediator(house) == mediator_id

    assert one(house, mediator_id).has_mandate(clock.at)
    assert facts(house, mediator_id)[-1] == "mediator_admitted"
    assert person(house, "first@mediators.example").mediator_id == mediator_id


# -- the command --------------------------------------------------------------------------------------------------


def odr(instance: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--instance", str(instance), *words], catch_exceptions=False)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """The folder of a house that has been opened once."""
    instance = tmp_path / "instance"
    assert odr(instance, "worker", "--once").exit_code == 0
    return instance


def test_the_command_admits_lists_and_ends(instance):
    assert "Nobody is on the roster" in odr(instance, "mediator", "list").output
    told = ("--name", "A mediator", "--languages", "en, zh_Hans", "--fields", "defective,late", "--country", "nl")

    admitted = odr(instance, "mediator", "admit", "m@mediators.example", *told, "--interests", "shop.example")

    assert admitted.exit_code == 0, admitted.output
    (listed,) = json.loads(odr(instance, "mediator", "list", "--json").stdout)
    assert (listed["languages"], listed["fields"], listed["country"]) == (
        ["en", "zh_Hans"],
        ["defective", "late"],
        "NL",
    )
    assert listed["interest_domains"] == ["shop.example"]
    assert listed["id"] in admitted.output
    ended = odr(instance, "mediator", "end", "m@mediators.example")
    assert ended.exit_code == 0
    assert "over until" in odr(instance, "mediator", "list").output
    assert odr(instance, "verify").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("admit", "m@mediators.example", "--languages", "en"), "has no account yet"),
        (("admit", "nowhere", "--name", "X", "--languages", "en"), "not an address as people write one"),
        (("admit", "m@m.example", "--name", "X", "--languages", ","), "at least one language"),
        (("admit", "m@m.example", "--name", "X", "--languages", "en", "--mandate-years", "1"), "3 years at least"),
        (("admit", "m@m.example", "--name", "X", "--languages", "en", "--fields", "cars"), "No rules know cars"),
        (("admit", "m@m.example", "--name", "X", "--languages", "en", "--capacity", "0"), "at least one dispute"),
        (("end", "nobody@m.example"), "Nobody with the address"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(instance, words, told):
    answer = odr(instance, "mediator", *words)

    assert answer.exit_code in (1, 3)
    assert told in answer.output
    assert "Traceback" not in answer.output
    assert json.loads(odr(instance, "mediator", "list", "--json").stdout) == []


def test_the_command_does_not_open_a_house_by_mistake(tmp_path):
    answer = odr(tmp_path / "nowhere", "mediator", "list")

    assert answer.exit_code == 2
    assert not (tmp_path / "nowhere" / "odr.sqlite").exists()
