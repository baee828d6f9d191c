"""Pages keep the strict content policy, say their language and direction, and lay out for either direction."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TEMPLATES = sorted((CHECKOUT / "templates").rglob("*.html"))
SHEETS = sorted((CHECKOUT / "static").rglob("*.css"))
SCRIPTS = sorted((CHECKOUT / "static").rglob("*.js"))

UNESCAPED = re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\s+false|\bMarkup\(")
# Names of a side of the screen; a right-to-left page would come out the wrong way round.
SIDES_OF_THE_SCREEN = re.compile(
    r"(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)|border-(?:top|bottom)-(?:left|right)-radius"
    r"|(?:text-align|float|clear|caption-side)\s*:\s*(?:left|right)\b|(?<![\w-])(?:left|right)\s*:)"
)
ELSEWHERE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)


def named(files: list[Path]) -> list[object]:
    return [pytest.param(file, id=file.relative_to(CHECKOUT).as_posix()) for file in files]


@pytest.mark.parametrize("template", named(TEMPLATES))
def test_a_template_holds_no_script_no_style_and_nothing_unescaped(template):
    faults = faults_of(template.read_text("utf-8"))

    # Programs that show mail know no style sheets; there the attribute is the only way.
    in_mail = template.parent.name == "mail"
    assert [fault for fault in faults if not (in_mail and fault.startswith("attribute style"))] == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<script>go()</script>", "script written in the page"),
        ("<script src='https://cdn.example/x.js'></script>", "comes from elsewhere"),
        ("<style>p{}</style>", "style written in the page"),
        ("<p style='color:red'>", "attribute style"),
        ("<p onclick='go()'>", "attribute onclick"),
        ("<a href='javascript:go()'>", "script in an address"),
        ("{{ words|safe }}", "unescaped"),
        ("<html><body>", "root without lang and dir"),
        ("<form method='post'><input></form>", "form without its token"),
    ],
)
def test_a_planted_fault_of_a_template_is_found(html, fault):
    assert any(fault in found for found in faults_of(html))


@pytest.mark.parametrize("sheet", named(SHEETS))
def test_a_style_sheet_names_no_side_of_the_screen_and_shouts_nothing_down(sheet):
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.DOTALL)

    assert SIDES_OF_THE_SCREEN.findall(text) == []
    assert "!important" not in text
    assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", text)


@pytest.mark.parametrize("script", named(SCRIPTS))
def test_a_script_builds_no_page_out_of_strings(script):
    text = script.read_text("utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"['\"](?:https?:)?//", text)


def test_code_hands_no_template_unescaped_words():
    lines = [
        f"{file.relative_to(CHECKOUT)}: {line.strip()}"
        for file in sorted((CHECKOUT / "odr").rglob("*.py"))
        for line in file.read_text("utf-8").splitlines()
        # Markup(…).format(…) and Markup.join escape what they are given; Markup of anything but a literal does not.
        if re.search(r"\bMarkup\((?!\s*(?:\)|[rb]?[\"']))", line) and "noqa: S704" not in line
    ]

    assert lines == []


def faults_of(html: str) -> list[str]:
    """Every breach of the content policy in a template, one line each."""
    reader = _Reader()
    if UNESCAPED.search(html):
        reader.faults.append("something is put out unescaped")
    # Jinja's own signs would confuse a reader of HTML; what they put out is escaped or comes from other templates.
    reader.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "x", html, flags=re.S), flags=re.S))
    for form in re.findall(r"<form\b.*?</form>", html, re.S):
        posts = re.search(r"""method=["']?post""", form, re.IGNORECASE)
        if posts and not re.search(r"csrf|hidden_tag|form_start|tokens?\(", form):
            reader.faults.append("a form without its token")
    return reader.faults


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag if tag in {"script", "style"} else self.inside
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"attribute {name} on {tag}")
            if (value or "").strip().lower().startswith("javascript:"):
                self.faults.append(f"script in an address on {tag}")
        source = given.get("src") or (given.get("href") if tag == "link" else None)
        if source and ELSEWHERE.match(source) and tag in {"script", "link", "img", "iframe", "source"}:
            self.faults.append(f"{tag} comes from elsewhere")
        if tag == "html" and not {"lang", "dir"} <= set(given):
            self.faults.append("root without lang and dir")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside and data.strip():
            self.faults.append(f"{self.inside} written in the page")
