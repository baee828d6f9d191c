"""A house of its own for a timed run, on the disk that the run is about, and thrown away after it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from odr.app import create_app
from odr.database import Base, open_engine
from odr.house import House, Settings
from odr.kernel import real_clock

HERE = Path(__file__).parent


@contextmanager
def a_house(database_url: str | None = None) -> Iterator[tuple[Flask, House]]:
    """An application and its house, on SQLite beside this file unless a database is named."""
    folder = Path(tempfile.mkdtemp(prefix="house-", dir=HERE))
    app = None
    try:
        settings = settings_in(folder, database_url or f"sqlite:///{folder / 'odr.sqlite'}")
        make_tables(settings.database_url)
        app = create_app(settings, real_clock)
        yield app, app.extensions["odr"]
    finally:
        if app is not None:
            app.extensions["odr"].engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def settings_in(folder: Path, database_url: str) -> Settings:
    return Settings(
        instance=folder,
        database_url=database_url,
        secret_key="a secret of a timed run, long enough to pass",
        mail_url=f"folder://{folder / 'mail'}",
        master_key_file=folder / "keys" / "master.key",
        signing_key_file=folder / "keys" / "signing.key",
    )


def make_tables(url: str) -> None:
    engine = open_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
