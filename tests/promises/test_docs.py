"""Documents that a test can check are checked: settings, commands and links."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from odr.cli import main
from odr.house import Settings

CHECKOUT = Path(__file__).parents[2]
OPERATING = (CHECKOUT / "docs" / "operating.md").read_text("utf-8")
PAGES = [CHECKOUT / "README.md", CHECKOUT / "instance" / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


def test_every_setting_is_explained_and_every_explained_setting_exists():
    explained = set(re.findall(r"`ODR_([A-Z_]+)`", OPERATING)) - {"SETTINGS", ""}

    assert explained == {field.name.upper() for field in fields(Settings)}


def test_every_command_is_explained_and_every_explained_command_exists():
    explained = set(re.findall(r"^\| `odr ([a-z]+)` \|", OPERATING, re.MULTILINE))

    assert explained == {name for name, command in main.commands.items() if not command.hidden}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path):
    missing = [
        target
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert missing == []
