"""The public figures, edition by edition, the regulator's desk, and what this house says about itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, make_response, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from odr.kernel import Missing
from odr.log.auditors import auditors
from odr.log.queries import log_state
from odr.statistics.filters import Shown, alarms
from odr.statistics.queries import edition_before, edition_numbered, editions, latest_edition, overdue_counts
from odr.statistics.records import Edition, as_csv
from odr.web.language import language, zone
from odr.web.routes import RULE_WORDS
from odr.web.security import current_house, requires

blueprint = Blueprint("statistics", __name__)

FOUR_WEEKS = 28 * 86_400_000

# An edition never changes, so that whoever has it need not ask again.
KEEP = "public, max-age=31536000, immutable"


@blueprint.get("/figures")
@requires("site:read")
def overview() -> str:
    with current_house().engine.connect() as connection:
        latest = latest_edition(connection)
    return _page(latest, newest=True)


@blueprint.get("/figures/editions")
@requires("site:read")
def listing() -> str:
    with current_house().engine.connect() as connection:
        return render_template("statistics/listing.html", editions=editions(connection))


@blueprint.get("/figures/<int(max=999999):number>")
@requires("site:read")
def edition(number: int) -> str:
    return _page(_edition(number), newest=False)


@blueprint.get("/figures/<int(max=999999):number>.json")
@requires("site:read")
def as_json(number: int) -> Response:
    """The very bytes whose digest was published."""
    one = _edition(number)
    return _file(one.body, "application/json", f"figures-{number}.json", one.digest)


@blueprint.get("/figures/<int(max=999999):number>.csv")
@requires("site:read")
def as_table(number: int) -> Response:
    one = _edition(number)
    return _file(as_csv(one), "text/csv", f"figures-{number}.csv", f"{one.digest}-csv")


@blueprint.get("/desk/regulator")
@requires("desk:regulator")
def desk() -> str:
    """What a regulator watches: sums only, and nothing to act on."""
    house = current_house()
    with house.engine.connect() as connection:
        listed = editions(connection)
        latest = latest_edition(connection)
        earlier = edition_before(connection, latest.head.cut_at - FOUR_WEEKS) if latest else None
        reading = auditors(connection)
        found = alarms(overdue_counts(connection), log_state(connection, house), latest, earlier, house.clock())
    return render_template("statistics/desk.html", editions=listed, alarms=found, auditors=reading, now=house.clock())


@blueprint.get("/about")
@requires("site:read")
def about() -> str:
    """What the law wants every such house to say of itself (Directive 2013/11/EU, Art. 7(1))."""
    with current_house().engine.connect() as connection:
        latest = latest_edition(connection)
    shown = Shown(latest) if latest else None
    return render_template(
        "web/about.html",
        rules=current_house().ruleset,
        words=RULE_WORDS,
        shown=shown,
        length=shown.length if shown else None,
    )


# What an edition says never changes, so that it is put out once for each language and zone.
_articles: dict[tuple[str, bool, str, str], Markup] = {}
MOST_ARTICLES = 64


def _page(edition: Edition | None, *, newest: bool) -> str:
    article = _article(edition, newest) if edition else None
    number = edition.head.number if edition else 0
    return render_template("statistics/overview.html", article=article, number=number, newest=newest)


def _article(edition: Edition, newest: bool) -> Markup:
    key = (edition.digest, newest, language().code, zone().key)
    article = _articles.get(key)
    if article is None:
        words = render_template("statistics/article.html", shown=Shown(edition), newest=newest)
        article = Markup(words)  # noqa: S704 - a template of ours put it out, and escaped what it was given
        while len(_articles) >= MOST_ARTICLES:
            _articles.pop(next(iter(_articles)), None)
        _articles[key] = article
    return article


def _edition(number: int) -> Edition:
    with current_house().engine.connect() as connection:
        found = edition_numbered(connection, number)
    if found is None:
        raise Missing(str(number))
    return found


def _file(body: bytes, mimetype: str, name: str, digest: str) -> Any:
    answer = make_response(body, HTTPStatus.OK)
    answer.mimetype = mimetype
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = KEEP
    answer.set_etag(digest)
    return answer.make_conditional(request)
