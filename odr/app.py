"""The composition root: the only file that knows every room, and hands each the same house."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask import Flask
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from werkzeug.middleware.proxy_fix import ProxyFix

from odr.administration.routes import blueprint as administration
from odr.casefile.routes import blueprint as casefile
from odr.compliance.routes import blueprint as compliance
from odr.config import CHECKOUT, ConfigError, load
from odr.database import db, prepare_engine, write_unit
from odr.decision.routes import blueprint as decision
from odr.disputes.routes import blueprint as disputes
from odr.erasure.routes import blueprint as erasure
from odr.evidence.routes import blueprint as evidence
from odr.evidence.store import Store
from odr.factors.routes import blueprint as factors
from odr.filing.routes import blueprint as filing
from odr.house import MEGABYTE, House, Settings
from odr.identity.eid import is_missing
from odr.identity.routes import blueprint as identity
from odr.kernel import Clock, real_clock
from odr.log.journal import found_log, new_origin, origin_of
from odr.log.keys import MASTER_FILE, SIGNING_FILE, Keys, KeysGone, has_keys, keys_at, make_keys
from odr.log.routes import blueprint as log
from odr.mediation.routes import blueprint as mediation
from odr.negotiation.routes import blueprint as negotiation
from odr.people.routes import blueprint as people
from odr.people.security import init_sessions
from odr.procedure.ruleset import rulesets_beside
from odr.profile.routes import blueprint as profile
from odr.readings.routes import blueprint as readings
from odr.readings.security import init_readings
from odr.representation.routes import blueprint as representation
from odr.response.routes import blueprint as response
from odr.statistics.routes import blueprint as statistics
from odr.web.filters import init_filters
from odr.web.language import init_language
from odr.web.routes import blueprint as web
from odr.web.routes import init_errors
from odr.web.security import check_declared, init_security

# Every room that has pages; one line above and one word here open a new one.
ROOMS = (
    web, people, factors, identity, disputes, filing, response, profile, representation, evidence, negotiation,
    mediation, decision, compliance, casefile, erasure, administration, readings, statistics, log,
)  # fmt: skip

PACKAGE = Path(__file__).resolve().parent

# What a form may weigh beside the file it carries.
FORM_LIMIT = MEGABYTE


def create_app(settings: Settings | None = None, clock: Clock = real_clock) -> Flask:
    """The whole application as plain WSGI, for any server. Its database must have its tables (`odr migrate`).

    Raises ConfigError or KeyTrouble with sentences for the operator, and Undeclared when a page does not say who
    may enter.
    """
    settings = settings or load()
    if is_missing(settings):
        raise ConfigError("ODR_EID_ISSUER needs a package that is not there: install odr[eid].")
    app = Flask("odr", template_folder=str(beside("templates")), static_folder=str(beside("static")))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        MAX_CONTENT_LENGTH=settings.upload_limit + FORM_LIMIT,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    db.init_app(app)
    app.extensions["odr"] = open_house(app, settings, clock)
    init_security(app)
    init_language(app)
    init_filters(app)
    init_sessions(app)
    init_errors(app)
    init_readings(app)
    for room in ROOMS:
        app.register_blueprint(room)
    check_declared(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def open_house(app: Flask, settings: Settings, clock: Clock) -> House:
    """The house of this application; its keys and its log's name are made when it is opened for the first time."""
    with app.app_context():
        engine = db.engine
    prepare_engine(engine)
    rulesets = rulesets_beside(settings.rulesets)
    if settings.ruleset not in rulesets.names():
        raise ConfigError(f"ODR_RULESET must be one of {', '.join(rulesets.names())}.")
    keys = open_keys(settings, engine)
    house = House(
        engine=engine,
        settings=settings,
        clock=clock,
        keys=keys,
        files=Store(settings.files, keys),
        rulesets=rulesets,
        origin=new_origin(),
    )
    return replace(house, origin=write_unit(engine, lambda connection: _log_of(connection, house)))


def _log_of(connection: Connection, house: House) -> str:
    """The origin of the log in this database; the first to open the house founds the log under the name drawn."""
    try:
        found = origin_of(connection)
    except (OperationalError, ProgrammingError) as missing:
        raise ConfigError("The database has no tables yet: run `odr migrate`.") from missing
    if found:
        return found
    if connection.dialect.name == "postgresql":
        # Of two machines that open the same new house one founds the log; the other finds it.
        connection.execute(text("LOCK TABLE entry IN EXCLUSIVE MODE"))
        found = origin_of(connection)
    if not found:
        found_log(connection, house)
    return found or house.origin


def open_keys(settings: Settings, engine: Engine) -> Keys:
    """The keys of this house, made on the first start where they lie in their usual places. Raises KeyTrouble."""
    # The log first: whoever founds it at this moment has made the keys before.
    if _has_log(engine) and not has_keys(settings):
        raise KeysGone(settings.master_key_file.parent)
    master, signing = settings.master_key_file, settings.signing_key_file
    usual = master.parent == signing.parent and (master.name, signing.name) == (MASTER_FILE, SIGNING_FILE)
    if usual and not (settings.master_key or settings.signing_key):
        make_keys(master.parent)
    return keys_at(settings)


def _has_log(engine: Engine) -> bool:
    with engine.connect() as connection:
        try:
            return origin_of(connection) is not None
        except (OperationalError, ProgrammingError):
            # No tables yet, which is told where the log is founded.
            return False


def beside(folder: str) -> Path:
    """`templates` or `static`: in a checkout the top-level folder, else the copy that the wheel carries."""
    in_checkout = CHECKOUT / folder
    return in_checkout if (CHECKOUT / "pyproject.toml").exists() and in_checkout.is_dir() else PACKAGE / folder
