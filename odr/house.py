"""What every act is handed: the settings, the clock, the keys, the files and the database of one running house."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from odr.kernel import Clock
from odr.log.keys import Keys
from odr.procedure.ruleset import Ruleset, Rulesets

MEGABYTE = 1_000_000

HOST = "127.0.0.1"
PORT = 8000
HTTPS_PORT = 443

LANGUAGES = ("en", "zh_Hans")
"""The languages the interface speaks; the first is the one sentences are written in."""
UNNAMED = "Evenhand"
"""The operator's name as long as nobody has set it: the product's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one house is set up. Read from the environment by `odr.config`; sizes are bytes."""

    instance: Path
    database_url: str
    secret_key: str
    public_url: str = f"http://{HOST}:{PORT}"
    operator_name: str = UNNAMED
    operator_contact: str = ""
    operator_funding: str = ""
    operator_listing: str = ""
    country: str = "NL"
    ruleset: str = "default-1"
    production: bool = False
    demonstration: bool = False
    mail_url: str
    mail_from: str = "evenhand@localhost"
    mail_reports: Path | None = None
    upload_limit: int = 25 * MEGABYTE
    master_key_file: Path
    signing_key_file: Path
    # Secrets of the environment, which no process hands on in writing; keys in files are the usual way.
    master_key: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)
    policy: Path | None = None
    witness_http: bool = False
    # Whom the house asks for proofs of identity, and who makes electronic ones (ADR 31).
    dns_server: str = ""
    identity_port: int = HTTPS_PORT
    identity_ca: Path | None = None
    eid_issuer: str = ""
    eid_client_id: str = ""
    eid_secret: str = field(default="", repr=False)
    eid_secret_file: Path | None = None
    eid_name: str = ""
    languages: tuple[str, ...] = LANGUAGES
    trusted_proxies: int = 0
    host: str = HOST
    port: int = PORT

    @property
    def secure(self) -> bool:
        """Whether people reach the house over https, so that cookies may say Secure."""
        return self.public_url.startswith("https://")

    @property
    def staff_prove(self) -> bool:
        """Whether the staff must have a second factor: everywhere but in a demonstration, whose doors stand open."""
        return not self.demonstration

    @property
    def files(self) -> Path:
        """The folder that holds the sealed files of the disputes."""
        return self.instance / "files"

    @property
    def rulesets(self) -> Path:
        """The folder of rulesets that disputes of this house are pinned to beside the shipped ones."""
        return self.instance / "rulesets"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One running house. Services take it as their first argument, so that no act reaches for anything ambient.

    `origin` names this log for ever ("evenhand/<32 hex>"); `clock` answers milliseconds since 1970 UTC; `clock_kind` is
    what entries say about it: "real", "simulated" (replays) or "bulk".
    """

    engine: Engine
    settings: Settings
    clock: Clock
    keys: Keys
    # The store of files belongs to the room of evidence, which stands above; services know its verbs.
    files: Any
    rulesets: Rulesets
    origin: str
    clock_kind: str = "real"

    @property
    def ruleset(self) -> Ruleset:
        """The rules that new disputes are filed under and pinned to."""
        return self.rulesets.named(self.settings.ruleset)
