"""Photographs of every kind of page, at two widths, in both themes and every language, with contact sheets."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import threading
from importlib import import_module
from itertools import product
from pathlib import Path

from flask import Flask
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from odr.app import create_app
from odr.database import Base, open_engine
from odr.house import Settings
from odr.kernel import real_clock
from odr.people.security import cookie_name
from odr.web.language import LANGUAGES
from tests.browser.readers import Kind, all_kinds, furnish
from tests.conftest import FrozenClock

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "pictures"
WIDTHS = (360, 1280)
THEMES = ("light", "dark")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
)  # fmt: skip

# A contact sheet: pictures side by side, long ones cut, each with its name above it.
THUMBS = {360: 300, 1280: 640}
ACROSS = 3000
TALLEST = 1400
GAP = 20
CAPTION = 20


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("No pictures: there is no Chromium on this machine.", file=sys.stderr)
        return 1
    only = re.compile(sys.argv[1]) if len(sys.argv) > 1 else None
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        app = demonstration(Path(folder))
        kinds = [kind for kind in all_kinds(app, furnish(app)) if only is None or only.search(str(kind))]
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
            for language, width, theme in product(LANGUAGES, WIDTHS, THEMES):
                taken = photograph(
                    app, browser, f"http://127.0.0.1:{server.server_port}", kinds, language, width, theme
                )
                contact_sheet(taken, FOLDER / f"sheet-{language}-{width}-{theme}.png", THUMBS[width])
            browser.close()
        server.shutdown()
        app.extensions["odr"].engine.dispose()
    print(f"{len(kinds)} kinds of page are in {FOLDER.name}/")
    return 0


def demonstration(folder: Path) -> Flask:
    """An empty house of its own that says on every page that it is a demonstration."""
    for file in sorted((CHECKOUT / "odr").glob("*/tables.py")):
        import_module(f"odr.{file.parent.name}.tables")
    settings = Settings(
        instance=folder,
        database_url=f"sqlite:///{folder / 'odr.sqlite'}",
        secret_key="a secret for pictures only, never used elsewhere",
        mail_url=f"folder://{folder / 'mail'}",
        master_key_file=folder / "keys" / "master.key",
        signing_key_file=folder / "keys" / "signing.key",
        demonstration=True,
    )
    engine = open_engine(settings.database_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return create_app(settings, FrozenClock(real_clock()))


def photograph(
    app: Flask, browser: Browser, address: str, kinds: list[Kind], language: str, width: int, theme: str
) -> list[Path]:
    """One picture of each kind of page, in full length; answers the files."""
    with app.test_request_context():
        session = cookie_name("odr")
    taken = []
    for reader in dict.fromkeys(kind.reader for kind in kinds):
        context = browser.new_context(
            base_url=address, viewport={"width": width, "height": 800}, color_scheme=theme, timezone_id="Europe/Berlin"
        )
        cookies = {"lang": language, "zone": "Europe/Berlin"} | ({session: reader.cookie} if reader.cookie else {})
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = context.new_page()
        for kind in (each for each in kinds if each.reader == reader):
            page.goto(kind.path)
            # Small pictures wait until they come into view; a photograph has everything in view.
            page.evaluate(
                "document.querySelectorAll('img[loading]').forEach((each) => each.removeAttribute('loading'))"
            )
            page.wait_for_load_state("networkidle")
            file = FOLDER / f"{kind}-{language}-{width}-{theme}.png"
            page.screenshot(path=file, full_page=True)
            taken.append(file)
        context.close()
    return taken


def contact_sheet(files: list[Path], sheet: Path, thumb: int) -> None:
    """All pictures of one language, width and theme on one, each `thumb` pixels wide, to be judged together."""
    columns = max(1, ACROSS // (thumb + GAP))
    rows = [[_small(file, thumb) for file in files[start : start + columns]] for start in range(0, len(files), columns)]
    heights = [max(small.height for _name, small in row) + CAPTION + GAP for row in rows]
    canvas = Image.new("RGB", (columns * (thumb + GAP) + GAP, sum(heights) + GAP), "#77716a")
    pen = ImageDraw.Draw(canvas)
    y = GAP
    for row, height in zip(rows, heights, strict=True):
        for place, (name, small) in enumerate(row):
            x = GAP + place * (thumb + GAP)
            pen.text((x, y), name, fill="white")
            canvas.paste(small, (x, y + CAPTION))
        y += height
    canvas.save(sheet)


def _small(file: Path, thumb: int) -> tuple[str, Image.Image]:
    with Image.open(file) as picture:
        small = picture.convert("RGB").resize((thumb, max(1, picture.height * thumb // picture.width)))
    return file.stem.rsplit("-", 3)[0], small.crop((0, 0, thumb, min(small.height, TALLEST)))


class _Silent(WSGIRequestHandler):
    """A request handler that does not tell the terminal about each file."""

    def log(self, type: str, message: str, *args: object) -> None:
        return


if __name__ == "__main__":
    raise SystemExit(main())
