"""The `odr` command: each part explains itself, and none invents a house where there is none."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click import Option
from click.testing import CliRunner, Result

from odr.cli import main
from odr.log.offline import main as verify_from_outside


def odr(instance: Path, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["--instance", str(instance), *words], env=environment, catch_exceptions=False)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """The folder of a house that has been opened once."""
    instance = tmp_path / "instance"
    assert odr(instance, "worker", "--once").exit_code == 0
    return instance


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself_and_its_options(command, tmp_path):
    told = odr(tmp_path, command, "--help").output

    parts = main.commands[command].params
    options = [part for part in parts if isinstance(part, Option) and not part.hidden]
    assert len(main.commands[command].help.split()) > 12
    assert all(option.help for option in options)
    assert "Usage:" in told


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_folder_named_by_mistake_is_not_called_sound(command, tmp_path):
    looked = odr(tmp_path / "nowhere", command)

    assert looked.exit_code == 2
    assert "There is no house" in looked.output
    assert not (tmp_path / "nowhere" / "odr.sqlite").exists()


def test_a_house_just_opened_is_sound(instance):
    verified = odr(instance, "verify", "--json")

    assert verified.exit_code == 0
    assert json.loads(verified.stdout)["findings"] == []
    assert odr(instance, "rebuild", "--check").exit_code == 0


def test_verify_ends_with_code_one_when_an_entry_was_changed_behind_the_houses_back(instance):
    with sqlite3.connect(instance / "odr.sqlite") as database:
        database.execute("DROP TRIGGER entry_no_update")
        database.execute("UPDATE entry SET raw = CAST(replace(raw, 'log', 'lag') AS BLOB)")

    verified = odr(instance, "verify")

    assert verified.exit_code == 1
    assert "entry" in verified.output


def test_a_misspelt_command_is_told_from_a_finding(instance):
    assert odr(instance, "verify", "--nonsense").exit_code == 3
    assert odr(instance, "verily").exit_code == 3


def test_another_houses_key_means_that_nothing_can_be_told(instance, tmp_path):
    (instance / "keys" / "master.key").unlink()

    verified = odr(instance, "verify")

    assert verified.exit_code == 2
    assert "master.key" in verified.output


def test_an_unsafe_public_house_does_not_open_and_says_why_without_a_trace(tmp_path):
    opened = odr(tmp_path, "serve", ODR_PRODUCTION="yes")

    assert opened.exit_code == 2
    assert "ODR_SECRET_KEY" in opened.output
    assert "Traceback" not in opened.output


def test_the_doctor_finds_a_new_house_well_and_names_what_is_needed_before_the_public_comes(instance):
    examined = odr(instance, "doctor")

    assert examined.exit_code == 0
    assert "BAD" not in examined.output
    assert "ODR_PUBLIC_URL" in examined.output


def test_the_doctor_finds_a_key_that_others_may_read(instance):
    (instance / "keys" / "master.key").chmod(0o644)

    examined = odr(instance, "doctor")

    assert examined.exit_code == 1
    assert "BAD" in examined.output


def test_migrating_twice_says_that_there_is_nothing_to_do(tmp_path):
    first = odr(tmp_path, "migrate").output
    second = odr(tmp_path, "migrate").output

    assert "was migrated" in first
    assert "already up to date" in second


def test_the_log_is_handed_out_to_whoever_verifies_it_from_outside(instance, tmp_path, capsys):
    folder = tmp_path / "for the auditor"

    told = odr(instance, "log", "publish", str(folder))
    refused = odr(instance, "log", "publish", str(instance))
    unwritable = odr(instance, "log", "publish", "/proc/somewhere")

    assert (told.exit_code, refused.exit_code, unwritable.exit_code) == (0, 2, 2)
    assert "cannot be written" in unwritable.output
    assert "Name a folder of its own" in refused.output
    # Entries say what every side did, so the folder is not for other users of the machine.
    assert folder.stat().st_mode & 0o077 == 0
    assert verify_from_outside(["log", str(folder), "--key", told.output.split()[-1]]) == 0
    assert "SOUND" in capsys.readouterr().out


def test_the_operator_trusts_people_with_desks_and_takes_them_back(instance):
    odr(instance, "migrate")
    assert "Nobody has a desk here" in odr(instance, "staff", "list").output
    assert "--name" in odr(instance, "staff", "admit", "registrar", "desk@example.org").output

    admitted = odr(instance, "staff", "admit", "registrar", "desk@example.org", "--name", "Registrar")

    assert admitted.exit_code == 0
    assert "registrar  desk@example.org" in odr(instance, "staff", "list").output
    assert odr(instance, "staff", "end", "regulator", "desk@example.org").exit_code == 1
    assert odr(instance, "staff", "end", "registrar", "desk@example.org").exit_code == 0
    assert "Nobody has a desk here" in odr(instance, "staff", "list").output
    assert odr(instance, "staff", "admit", "king", "desk@example.org").exit_code == 3


def test_the_operator_keeps_somebody_out_and_lets_them_in_again(instance):
    odr(instance, "staff", "admit", "admin", "desk@example.org", "--name", "Administrator")
    odr(instance, "staff", "admit", "regulator", "other@example.org", "--name", "Regulator")
    assert "no second step  never here" in odr(instance, "staff", "list").output

    done = odr(instance, "account", "suspend", "other@example.org", "--ground", "misuse")
    assert (done.exit_code, "other@example.org" in done.output) == (0, True)
    assert "suspended" in odr(instance, "staff", "list").output
    assert "suspended already" in odr(instance, "account", "suspend", "other@example.org", "--ground", "misuse").output
    assert odr(instance, "account", "suspend", "nobody@example.org", "--ground", "misuse").exit_code == 1
    assert odr(instance, "account", "suspend", "other@example.org", "--ground", "dislike").exit_code == 3
    assert odr(instance, "account", "restore", "other@example.org").exit_code == 0
    assert "not suspended" in odr(instance, "account", "restore", "other@example.org").output
    for last in (
        odr(instance, "account", "suspend", "desk@example.org", "--ground", "misuse"),
        odr(instance, "staff", "end", "admin", "desk@example.org"),
    ):
        assert last.exit_code == 1 and "Nobody else could administer then." in last.output
    assert "has no other desk" in odr(instance, "staff", "admit", "registrar", "desk@example.org").output


def test_the_operator_resets_the_second_steps_of_somebody(instance):
    odr(instance, "migrate")
    odr(instance, "staff", "admit", "registrar", "desk@example.org", "--name", "Registrar")

    done = odr(instance, "staff", "reset-factors", "desk@example.org")
    unknown = odr(instance, "staff", "reset-factors", "nobody@example.org")
    malformed = odr(instance, "staff", "reset-factors", "nobody")

    assert done.exit_code == 0 and "there were 0" in done.output
    assert unknown.exit_code == 1 and "Nobody here has the address" in unknown.output
    assert malformed.exit_code == 1 and "@" in malformed.output
