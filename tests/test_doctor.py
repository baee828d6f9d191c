"""The doctor on notices, keys and staff: what waits, what came back, and who could be anybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from odr.administration.service import ask_reset
from odr.app import create_app
from odr.config import load
from odr.doctor import Finding, examine
from odr.house import House, Settings
from odr.log.keys import make_signing_key
from odr.serve import prepare
from tests.administration.conftest import Somebody

pytestmark = pytest.mark.one_database


@pytest.fixture
def own_house(tmp_path: Path) -> Settings:
    return load({"ODR_INSTANCE": str(tmp_path / "house")})


def said(settings: Settings, words: str) -> Finding:
    (finding,) = [each for each in examine(settings) if words in each.sentence]
    return finding


def test_where_mail_leaves_and_nothing_is_read_of_what_comes_back_the_doctor_says_so(own_house: Settings) -> None:
    leaving = replace(own_house, mail_url="smtp://127.0.0.1:1")

    assert said(own_house, "No delivery reports are read").ok
    assert not said(leaving, "ODR_MAIL_REPORTS").ok


def test_a_key_that_others_may_read_or_that_signs_nothing_is_named(own_house: Settings) -> None:
    prepare(own_house)
    house: House = create_app(own_house).extensions["odr"]
    assert said(own_house, "Every key that signs the log is at hand").ok
    path, _ = make_signing_key(own_house.signing_key_file, house.origin)

    idle = said(own_house, path.name[8:16])
    path.chmod(0o644)

    assert not idle.ok and not idle.grave
    assert said(own_house, "can be opened by other users").grave
    house.engine.dispose()


def test_a_folder_of_reports_must_be_a_maildir(own_house: Settings, tmp_path: Path) -> None:
    nowhere = said(replace(own_house, mail_reports=tmp_path / "nowhere"), "is no maildir")
    (tmp_path / "reports" / "new").mkdir(parents=True)

    assert not nowhere.ok and nowhere.grave
    assert said(replace(own_house, mail_reports=tmp_path / "reports"), "are read from their maildir").ok


def test_messages_that_are_no_reports_wait_for_a_person(own_house: Settings, tmp_path: Path) -> None:
    for part in ("new", "unknown"):
        (tmp_path / "reports" / part).mkdir(parents=True)
    (tmp_path / "reports" / "unknown" / "1.answer").write_text("I am away.")

    assert not said(replace(own_house, mail_reports=tmp_path / "reports"), "a person should look").ok


def test_staff_who_could_be_anybody_and_resets_that_wait_are_named(own_house: Settings) -> None:
    prepare(own_house)
    house: House = create_app(own_house).extensions["odr"]
    first, second = Somebody(house, "First", "admin").with_factor(), Somebody(house, "Second", "admin")
    clerk = Somebody(house, "Clerk", "registrar").with_factor()

    alone = said(own_house, "Fewer than two administrators")
    assert not alone.ok and not alone.grave
    assert not said(own_house, "no second step of signing in yet: 1 of 3").ok
    assert said(own_house, "No reset waits").ok

    second.with_factor()
    ask_reset(house, first.actor, clerk.id, "stolen")

    assert said(own_house, "Administrators who can agree on a reset: 2").ok
    assert said(own_house, "no second step of signing in yet: 0 of 3").ok
    assert not said(own_house, "Resets that wait for a second administrator: 1").ok
    house.engine.dispose()
