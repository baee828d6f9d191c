"""`odr witness`: what it says to whoever runs one, and to whoever mistypes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from odr.cli import main
from odr.log.note import COSIGNATURE, read_vkey
from odr.witness.store import LOGS, STATE, Store
from tests.log.books import ORIGIN, vkey


def odr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["witness", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert odr("init", tmp_path / "w", "--name", "witness.example/w1").exit_code == 0
    return tmp_path / "w"


def test_making_one_prints_the_line_by_which_others_trust_it(tmp_path: Path) -> None:
    said = odr("init", tmp_path / "w", "--name", "witness.example/w1")

    assert read_vkey(said.output.strip(), COSIGNATURE)[0] == "witness.example/w1"
    again = odr("init", tmp_path / "w", "--name", "witness.example/w2")
    assert again.exit_code == 1 and "not replaced" in again.output


def test_a_log_is_followed_by_its_key_and_no_more_by_the_same(folder: Path) -> None:
    assert "follows this log" in odr("follow", folder, vkey()).output
    assert "followed this key already" in odr("follow", folder, f" {vkey()}\n").output
    assert list(Store(folder).followed()) == [ORIGIN]

    assert "trusted no more" in odr("follow", folder, vkey(), "--no-more").output
    assert "was not trusted" in odr("follow", folder, vkey(), "--no-more").output
    assert Store(folder).followed() == {}


@pytest.mark.parametrize("line", ["", "evenhand", f"{vkey()}x", "a+12345678+BAAA"])
def test_what_is_no_key_of_a_log_is_not_followed(folder: Path, line: str) -> None:
    said = odr("follow", folder, line)

    assert said.exit_code == 1 and "/log/key" in said.output


@pytest.mark.parametrize("words", [["follow", vkey()], ["serve"]])
def test_where_there_is_no_witness_nothing_is_made(tmp_path: Path, words: list[str]) -> None:
    verb, *rest = words
    said = odr(verb, tmp_path / "nowhere", *rest)

    assert said.exit_code == 1 and "odr witness init" in said.output
    assert not (tmp_path / "nowhere").exists()


def test_a_witness_that_cannot_read_what_it_remembers_does_not_start(folder: Path) -> None:
    odr("follow", folder, vkey())
    store = Store(folder)
    store.remember(ORIGIN, b"rubbish")
    assert len(list((folder / STATE).iterdir())) == 1

    assert "signs nothing until that is mended" in odr("serve", folder, "--port", "0").output
    (folder / LOGS).write_text("rubbish\n")
    assert odr("serve", folder, "--port", "0").exit_code == 1


def test_an_address_that_is_taken_or_not_ours_is_said(folder: Path) -> None:
    said = odr("serve", folder, "--host", "192.0.2.1", "--port", "1")

    assert said.exit_code == 1 and "cannot listen" in said.output
