"""`odr export`: the operator writes the case file of one reader, whole or not at all."""

from __future__ import annotations

import json
import re
import stat
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odr.app import create_app
from odr.cli import main
from odr.config import load
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_number, new_pseudonym
from odr.log.halt import Halt, stop
from odr.log.journal import read_stream
from odr.log.offline import main as verify_from_outside
from odr.readings.records import stream_beside
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import members

pytestmark = pytest.mark.slow


def odr(instance: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--instance", str(instance), *words], catch_exceptions=False)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """The folder of a house that has been opened once."""
    instance = tmp_path / "instance"
    assert odr(instance, "worker", "--once").exit_code == 0
    return instance


@pytest.fixture
def house(instance: Path) -> House:
    return create_app(load(overrides={"instance": instance})).extensions["odr"]


@pytest.fixture
def dispute(house: House) -> ADispute:
    return a_dispute(house, seller_language="zh_Hans").admitted().contested()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_each_side_has_its_case_file_in_its_own_language_and_it_is_sound(instance, dispute, tmp_path, capsys):
    for side, language in (("buyer", "en"), ("seller", "zh-Hans")):
        file = tmp_path / f"{side}.zip"

        said = odr(instance, "export", dispute.number, "--for", side, "--output", str(file))

        assert said.exit_code == 0, said.output
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert f'<html lang="{language}"' in members(file.read_bytes())["index.html"].decode()
        key = re.search(r"^  (evenhand/.+)$", said.output, re.M)[1]
        assert verify_from_outside(["case", str(file), "--key", key, "--json"]) == 0
        # Sealed first: nothing waits.
        assert json.loads(capsys.readouterr().out)["seen"]["entries"] == [1, 2, 3]
    assert left_in(tmp_path) == ["buyer.zip", "seller.zip"]


def test_taking_the_mediators_is_a_reading_by_the_mediator_and_of_a_side_none(instance, house, dispute, tmp_path):
    dispute.in_mediation()

    for side in ("buyer", "mediator"):
        assert odr(instance, "export", dispute.number, "--for", side, "--output", str(tmp_path / side)).exit_code == 0

    with house.engine.connect() as connection:
        (read,) = [stored.entry for stored in read_stream(connection, stream_beside(dispute.id))]
    assert (read.actor, read.role) == (dispute.mediator.id, "mediator")
    assert read.data == {"permission": "casefile:read", "what": "casefile"}


def test_without_a_name_it_lies_where_one_is_under_its_own(instance, dispute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert odr(instance, "export", dispute.number, "--for", "buyer").exit_code == 0

    assert left_in(tmp_path) == [f"evenhand-{dispute.number}-buyer.zip"]


def test_what_is_not_there_is_said_in_a_sentence(instance, house, dispute, tmp_path):
    new = a_dispute(house)
    file = ("--output", str(tmp_path / "file.zip"))

    for words in (
        (dispute.number, "--for", "mediator"),
        (new.number, "--for", "seller"),
        (new_number(), "--for", "buyer"),
        ("nonsense", "--for", "buyer"),
    ):
        said = odr(instance, "export", *words, *file)
        assert (said.exit_code, said.output.count("\n")) == (2, 1)
        assert said.output.startswith(f"Error: There is no case file of the {words[2]} in a dispute")
    assert odr(instance, "export", dispute.number, "--for", "registrar", *file).exit_code == 3
    assert odr(instance, "export", dispute.number).exit_code == 3
    nowhere = odr(instance, "export", dispute.number, "--for", "buyer", "--output", str(tmp_path / "no" / "file.zip"))
    assert nowhere.exit_code == 2 and "cannot be written" in nowhere.output
    assert left_in(tmp_path) == []


def test_a_house_that_has_stopped_exports_nothing(instance, house, dispute, tmp_path):
    with house.engine.begin() as connection:
        stop(connection, house, Halt("forked", b"note"))

    said = odr(instance, "export", dispute.number, "--for", "buyer", "--output", str(tmp_path / "file.zip"))

    assert said.exit_code == 2 and "signs nothing" in said.output
    assert left_in(tmp_path) == []


def test_damaged_evidence_is_told_and_the_rest_exported(instance, house, dispute, tmp_path):
    given = {"key": new_pseudonym(), "arriving": BytesIO(b"left origin country\n"), "name": "a.txt", "about": ""}
    take_in(house, dispute.id, dispute.buyer, **given)
    [sealed] = [place for place in (house.settings.files / "objects").rglob("*") if place.is_file()]
    sealed.write_bytes(sealed.read_bytes()[:-1])
    file = tmp_path / "file.zip"

    said = odr(instance, "export", dispute.number, "--for", "buyer", "--output", str(file))

    assert said.exit_code == 1
    assert "Evidence that is damaged or gone, and not in it: 1." in said.output
    assert not [name for name in members(file.read_bytes()) if name.startswith("files/")]
