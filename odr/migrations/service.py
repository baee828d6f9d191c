"""Bring a database to the tables of this release, in one transaction, and say whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from odr.database import writing

FOLDER = Path(__file__).resolve().parent


def migrate(engine: Engine) -> bool:
    """Run the migrations that this database lacks, all or none. Answers whether there were any."""
    with writing(engine) as connection:
        if _is_current(connection):
            return False
        command.upgrade(_config(connection), "head")
        return True


def is_current(engine: Engine) -> bool:
    """Whether this database has exactly the tables of this release."""
    with engine.connect() as connection:
        return _is_current(connection)


def draft(engine: Engine, words: str) -> Path:
    """Write a migration from this database to the tables in the code, for a person to finish. Answers its file.

    The revision's name counts up, so that a listing of the folder reads in order.
    """
    with writing(engine) as connection:
        number = len(list(FOLDER.glob("versions/[0-9]*.py"))) + 1
        config = _config(connection)
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        command.revision(config, message=words, autogenerate=True, rev_id=f"{number:04}")
    return next(FOLDER.glob(f"versions/{number:04}_*.py"))


def _is_current(connection: Connection) -> bool:
    heads = ScriptDirectory(str(FOLDER)).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
