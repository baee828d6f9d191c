"""Settings: where they come from, and what a public house refuses to start with."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from odr.config import _READ, ConfigError, as_environment, load
from odr.house import Settings


def a_public_house(tmp_path: Path, **changes: str) -> dict[str, str]:
    safe = {
        "ODR_PRODUCTION": "yes",
        "ODR_INSTANCE": str(tmp_path),
        "ODR_SECRET_KEY": "x" * 40,
        "ODR_PUBLIC_URL": "https://disputes.example.org",
        "ODR_OPERATOR_NAME": "Harbour Disputes Trust",
        "ODR_MAIL_URL": "smtp://mail.example.org:587",
        "ODR_MAIL_FROM": "desk@disputes.example.org",
    }
    return safe | changes


def test_a_house_without_any_setting_stays_in_its_instance_folder_and_keeps_its_secret(tmp_path):
    first = load({"ODR_INSTANCE": str(tmp_path)})
    second = load({"ODR_INSTANCE": str(tmp_path)})

    assert first == second
    assert first.host == "127.0.0.1"
    assert first.database_url == f"sqlite:///{tmp_path / 'odr.sqlite'}"
    assert len(first.secret_key) >= 32
    assert (tmp_path / "keys" / "secret.key").stat().st_mode & 0o077 == 0


def test_a_file_is_weaker_than_a_variable_and_a_variable_weaker_than_the_command_line(tmp_path):
    file = tmp_path / "house.toml"
    file.write_text('port = 1\nhost = "127.0.0.2"\nupload_limit = 5\nlanguages = ["en"]\n')

    settings = load(
        {"ODR_SETTINGS": str(file), "ODR_INSTANCE": str(tmp_path), "ODR_PORT": "2", "ODR_HOST": "127.0.0.3"},
        {"port": 3},
    )

    assert (settings.upload_limit, settings.host, settings.port) == (5, "127.0.0.3", 3)
    assert settings.languages == ("en",)


def test_a_misspelt_setting_in_the_file_is_named(tmp_path):
    file = tmp_path / "house.toml"
    file.write_text('operatorname = "X"\n')

    with pytest.raises(ConfigError, match="operatorname"):
        load({"ODR_SETTINGS": str(file), "ODR_INSTANCE": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ODR_PORT", "eighty"),
        ("ODR_PORT", "-1"),
        ("ODR_PRODUCTION", "perhaps"),
        ("ODR_PUBLIC_URL", "disputes.example.org"),
        ("ODR_LANGUAGES", "en,tlh"),
        ("ODR_DNS_SERVER", "names.example.org"),
        ("ODR_DNS_SERVER", "2001:db8::53"),
        ("ODR_EID_ISSUER", "id.example.org"),
        ("ODR_SETTINGS", "/nowhere/house.toml"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_name(tmp_path, name, value):
    with pytest.raises(ConfigError, match=name):
        load({"ODR_INSTANCE": str(tmp_path), name: value})


def test_a_public_house_starts_with_safe_settings(tmp_path):
    settings = load(a_public_house(tmp_path))

    assert settings.production
    assert settings.secure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ODR_SECRET_KEY", ""),
        ("ODR_SECRET_KEY", "short"),
        ("ODR_PUBLIC_URL", "http://disputes.example.org"),
        ("ODR_DEMONSTRATION", "yes"),
        ("ODR_OPERATOR_NAME", ""),
        ("ODR_OPERATOR_NAME", "Evenhand"),
        ("ODR_MAIL_URL", "folder:///tmp/mail"),
        ("ODR_MAIL_FROM", ""),
        ("ODR_IDENTITY_PORT", "8443"),
        ("ODR_EID_ISSUER", "http://id.example.org"),
    ],
)
def test_a_public_house_refuses_to_start_unsafely_and_says_which_setting(tmp_path, name, value):
    with pytest.raises(ConfigError, match=name):
        load(a_public_house(tmp_path, **{name: value}))


def test_a_public_house_refuses_keys_that_others_may_read(tmp_path):
    key = tmp_path / "master.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o640)

    with pytest.raises(ConfigError, match=r"master\.key"):
        load(a_public_house(tmp_path, ODR_MASTER_KEY_FILE=str(key)))


def test_the_processes_of_one_house_read_the_same_settings(tmp_path):
    settings = load({"ODR_INSTANCE": str(tmp_path)}, {"demonstration": True, "port": 8123, "operator_name": "Ein Büro"})

    assert load(as_environment(settings)) == settings


def test_every_setting_can_be_set():
    assert set(_READ) == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_server_is_spoken_to_through_the_one_driver_there_is(tmp_path, scheme):
    settings = load({"ODR_INSTANCE": str(tmp_path), "ODR_DATABASE_URL": f"{scheme}://house@127.0.0.1/odr"})

    assert settings.database_url == "postgresql+psycopg://house@127.0.0.1/odr"
