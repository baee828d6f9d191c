"""The settings of one house, read from the environment and a file; refuses to start a public house unsafely."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from odr.house import HOST, HTTPS_PORT, LANGUAGES, PORT, UNNAMED, Settings
from odr.log.keys import further_files

PREFIX = "ODR_"
CHECKOUT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 32

SECRET_KEYS = ("master_key", "signing_key", "eid_secret")
"""Settings that only the environment gives: a key in a file lies in a file of its own, which nobody else may read."""


class ConfigError(Exception):
    """A setting cannot be read, or is unsafe; the text is one sentence per fault, for the operator."""


def load(environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings out of, weakest first: defaults, the TOML file that ODR_SETTINGS names, ODR_ variables, overrides.

    Raises ConfigError. A house that is not in production gets a secret of its own, kept in its instance folder.
    """
    environ = os.environ if environ is None else environ
    given = _from_file(environ.get("ODR_SETTINGS")) | _from_environment(environ) | dict(overrides or {})
    values = {name: _READ[name](name, value) for name, value in given.items()}
    instance = values.setdefault("instance", _default_instance(values.get("demonstration", False)))
    values.setdefault("public_url", f"http://{values.get('host', HOST)}:{values.get('port', PORT)}")
    values.setdefault("database_url", f"sqlite:///{instance / 'odr.sqlite'}")
    values.setdefault("mail_url", f"folder://{instance / 'mail'}")
    values.setdefault("master_key_file", instance / "keys" / "master.key")
    values.setdefault("signing_key_file", instance / "keys" / "signing.key")
    if "secret_key" not in values:
        values["secret_key"] = "" if values.get("production") else _own_secret(instance / "keys" / "secret.key")
    settings = Settings(**values)
    faults = unsafe(settings) if settings.production else []
    if faults:
        raise ConfigError("\n".join(faults))
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables that make `load` answer these settings again, for the processes that a house starts. Keys are not
    among them: where they are secrets of the environment, those processes inherit them."""
    return {
        PREFIX + field.name.upper(): _written(getattr(settings, field.name))
        for field in fields(settings)
        if field.name not in SECRET_KEYS
    }


def unsafe(settings: Settings) -> list[str]:
    """What must not be so where people's disputes are handled, one sentence each; empty when all is well."""
    faults = []
    if len(settings.secret_key) < SHORTEST_SECRET:
        faults.append(f"ODR_SECRET_KEY must be set to at least {SHORTEST_SECRET} random characters.")
    if not settings.secure:
        faults.append("ODR_PUBLIC_URL must begin with https://, because people send personal papers to it.")
    if settings.demonstration:
        faults.append("ODR_DEMONSTRATION must be off, because a demonstration lets everybody sign in as anybody.")
    if settings.operator_name == UNNAMED:
        faults.append("ODR_OPERATOR_NAME must name who runs this house, because parties have a right to know.")
    if settings.mail_url.startswith("folder:"):
        faults.append("ODR_MAIL_URL must name a mail server, because notices written to a folder reach nobody.")
    if settings.mail_from.endswith("@localhost"):
        faults.append("ODR_MAIL_FROM must be an address at which the operator can be answered.")
    if settings.identity_port != HTTPS_PORT:
        faults.append("ODR_IDENTITY_PORT must be 443: with another one the house asks sites on its own machine.")
    if settings.eid_issuer and not settings.eid_issuer.startswith("https://"):
        faults.append("ODR_EID_ISSUER must begin with https://, or anybody on the way could say who somebody is.")
    secret = (settings.eid_secret_file,) if settings.eid_secret_file else ()
    keys = (settings.master_key_file, settings.signing_key_file, *further_files(settings.signing_key_file))
    for file in (*keys, *secret):
        if readable_by_others(file):
            faults.append(f"The key file {file.name} may be read by other users of this machine: chmod 600 it.")
    return faults


def readable_by_others(file: Path) -> bool:
    """Whether group or others may touch this file; a file that is not there is nobody's."""
    return file.exists() and bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _from_file(name: str | None) -> dict[str, Any]:
    if not name:
        return {}
    try:
        given = tomllib.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as failure:
        raise ConfigError(f"The settings file that ODR_SETTINGS names cannot be read: {failure}.") from failure
    unknown = sorted(set(given) - set(_READ) | set(given) & set(SECRET_KEYS))
    if unknown:
        raise ConfigError(f"The settings file has settings that do not exist: {', '.join(unknown)}.")
    return given


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[PREFIX + name.upper()] for name in _READ if environ.get(PREFIX + name.upper())}


def _default_instance(demonstration: bool) -> Path:
    """Beside the code in a checkout; in the working folder when installed from a wheel. A demonstration has a folder of
    its own, so that no real house is ever opened on invented disputes, nor shown as a demonstration."""
    folder = (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / "instance"
    return folder / "demonstration" if demonstration else folder


def _own_secret(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text("ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as new:
        secret = secrets.token_urlsafe(48)
        new.write(secret)
    return secret


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _text(_name: str, value: Any) -> str:
    return str(value).strip()


def _database(_name: str, value: Any) -> str:
    # Hosts hand out addresses without a driver; the house speaks to PostgreSQL through psycopg 3.
    return re.sub("^postgres(ql)?://", "postgresql+psycopg://", str(value).strip())


def _number(name: str, value: Any) -> int:
    try:
        number = int(value)
    except ValueError as failure:
        raise ConfigError(f"{PREFIX}{name.upper()} must be a whole number.") from failure
    if number < 0:
        raise ConfigError(f"{PREFIX}{name.upper()} must not be negative.")
    return number


def _switch(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
    try:
        return known[str(value).strip().lower()]
    except KeyError as failure:
        raise ConfigError(f"{PREFIX}{name.upper()} must be yes or no.") from failure


def _path(_name: str, value: Any) -> Path:
    return Path(value).expanduser().resolve()


def _web_address(name: str, value: Any) -> str:
    address = urlsplit(str(value).strip().rstrip("/"))
    if address.scheme not in {"http", "https"} or not address.netloc or address.query or address.fragment:
        raise ConfigError(f"{PREFIX}{name.upper()} must be a web address such as https://disputes.example.org.")
    return address.geturl()


def _issuer(name: str, value: Any) -> str:
    # As it is written: a slash at its end is part of a provider's name.
    _web_address(name, value)
    return str(value).strip()


def _server(name: str, value: Any) -> str:
    try:
        address = urlsplit(f"//{str(value).strip()}")
        ipaddress.ip_address(address.hostname or "")
        sound = address.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(f"{PREFIX}{name.upper()} must be an address such as 192.0.2.53 or [2001:db8::53]:5353.")
    return str(value).strip()


def _country(name: str, value: Any) -> str:
    if not re.fullmatch(r"[A-Z]{2}", str(value)):
        raise ConfigError(f"{PREFIX}{name.upper()} must be a country code of two capital letters, such as NL.")
    return str(value)


def _languages(name: str, value: Any) -> tuple[str, ...]:
    listed = tuple(part.strip() for part in (value.split(",") if isinstance(value, str) else value))
    if not listed or not set(listed) <= set(LANGUAGES):
        raise ConfigError(f"{PREFIX}{name.upper()} may list only these languages: {', '.join(LANGUAGES)}.")
    return listed


_READ: dict[str, Callable[[str, Any], Any]] = {
    "instance": _path,
    "database_url": _database,
    "secret_key": _text,
    "public_url": _web_address,
    "operator_name": _text,
    "operator_contact": _text,
    "operator_funding": _text,
    "operator_listing": _text,
    "country": _country,
    "ruleset": _text,
    "production": _switch,
    "demonstration": _switch,
    "mail_url": _text,
    "mail_from": _text,
    "mail_reports": _path,
    "upload_limit": _number,
    "master_key_file": _path,
    "signing_key_file": _path,
    "master_key": _text,
    "signing_key": _text,
    "policy": _path,
    "witness_http": _switch,
    "dns_server": _server,
    "identity_port": _number,
    "identity_ca": _path,
    "eid_issuer": _issuer,
    "eid_client_id": _text,
    "eid_secret": _text,
    "eid_secret_file": _path,
    "eid_name": _text,
    "languages": _languages,
    "trusted_proxies": _number,
    "host": _text,
    "port": _number,
}
