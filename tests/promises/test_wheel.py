"""The wheel carries the whole house: installed alone, far from the checkout, it shows its home page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# Asked of a house that knows only the wheel: where its parts lie, and what the home page answers.
ASK = """
import odr
from odr.cli import new_or_old_app
from odr.config import load
settings = load()
app = new_or_old_app(settings)
client = app.test_client()
home, sheet = client.get("/"), client.get("/static/css/base.css")
chinese = client.get("/", headers={"Accept-Language": "zh-CN"})
print(odr.__file__, app.template_folder, app.static_folder, sep="\\n")
verifier = client.get("/log/verifier")
print(verifier.status_code, b"def verify_receipt(" in verifier.data)
print(home.status_code, sheet.status_code, chinese.status_code, 'lang="zh-Hans"' in chinese.text)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build needs of the checkout, so that building leaves nothing behind in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("odr", "templates", "static", "docs"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", ".gitignore"):
        shutil.copy(CHECKOUT / name, source / name)
    return source


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as hatchling builds it, without the network."""
    built = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    return next(built.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_templates_static_files_rulesets_migrations_and_compiled_catalogues(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}

    assert {"odr/templates/layout.html", "odr/static/css/base.css", "odr/migrations/script.py.mako"} <= names
    assert "odr/procedure/rulesets/default-1.toml" in names
    assert "odr/translations/zh_Hans/LC_MESSAGES/messages.mo" in names
    assert {top for top in tops if not top.endswith(".dist-info")} == {"odr"}


@pytest.mark.slow
def test_a_house_installed_from_the_wheel_alone_shows_its_home_page(wheel, tmp_path):
    # The libraries are those of this environment, so that nothing is fetched; the house itself is the wheel's.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").glob("*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    away = tmp_path / "away"
    away.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ODR_", "PYTHON"))}

    asked = subprocess.run(
        [str(python), "-c", ASK], cwd=away, env=clean | {"ODR_INSTANCE": str(away / "instance")},
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    package, templates, static, verifier, answers = asked.stdout.splitlines()
    assert Path(package).parent == site / "odr"
    assert (templates, static) == (str(site / "odr" / "templates"), str(site / "odr" / "static"))
    assert verifier == "200 True"
    assert answers == "200 200 200 True"


@pytest.mark.slow
def test_an_editable_install_takes_everything_from_the_checkout_and_copies_nothing(source, tmp_path):
    subprocess.run(
        [sys.executable, "-c", f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip

    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()

    assert [name for name in names if ".dist-info/" not in name and not name.endswith(".pth")] == []
