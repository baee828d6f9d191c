"""`odr erase`: what a court orders the operator to destroy."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from odr.app import create_app
from odr.cli import main
from odr.config import load
from odr.erasure import queries, rules
from odr.log.integrator import seal_all
from odr.verify import verify_house
from tests.erasure.conftest import settled

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path):
    """A house that has been opened once, in a folder of its own."""
    assert CliRunner().invoke(main, ["--instance", str(tmp_path), "worker", "--once"]).exit_code == 0
    return create_app(load(overrides={"instance": tmp_path})).extensions["odr"]


@pytest.fixture
def disputed(house):
    return settled(house)


@pytest.fixture
def erase(house):
    instance = ["--instance", str(house.settings.instance)]
    return lambda *words, **given: CliRunner().invoke(main, [*instance, "erase", *words], **given)


def left(house, dispute) -> set[int]:
    with house.engine.connect() as connection:
        return {each.version for each in queries.written_in(connection, dispute.id)}


def test_single_entries_are_destroyed_and_the_house_stays_sound(house, disputed, erase):
    before = left(house, disputed)

    done = erase(disputed.number, "--ground", "court_order", "--entry", "3", "--yes")

    assert done.exit_code == 0, done.output
    assert "entry 3, evidence_added by the buyer: about, file, name" in done.output
    assert left(house, disputed) == before - {3} and list(house.files.objects()) == []
    assert not (house.settings.instance / "to-scrub").exists()
    assert verify_house(house).findings == []


def test_all_words_of_a_side_are_destroyed_after_a_question(house, disputed, erase):
    before = left(house, disputed)
    asked = erase(disputed.number, "--ground", "unlawful", "--side", "seller", input="n\n")
    assert asked.exit_code == 1 and left(house, disputed) == before

    assert erase(disputed.number, "--ground", "unlawful", "--side", "seller", input="y\n").exit_code == 0

    with house.engine.connect() as connection:
        actors = {each.actor for each in queries.written_in(connection, disputed.id)}
    assert disputed.seller.id not in actors and disputed.buyer.id in actors


def test_it_is_refused_in_words(house, disputed, erase):
    assert erase(disputed.number, "--ground", "unlawful").exit_code == 3
    assert erase(disputed.number, "--ground", "boring", "--side", "buyer").exit_code == 3
    assert erase("0000-0000-0", "--ground", "unlawful", "--side", "buyer").exit_code == 2
    nothing = erase(disputed.number, "--ground", "unlawful", "--entry", "900")
    assert nothing.exit_code == 1 and "already erased" in nothing.output
    disputed.act(rules.place_hold, disputed.registrar, ground="authority")
    seal_all(house)

    held = erase(disputed.number, "--ground", "court_order", "--side", "buyer", "--yes")

    assert held.exit_code == 1 and "be kept" in held.output
