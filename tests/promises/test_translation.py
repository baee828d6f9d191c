"""Every sentence that people read can be translated, and is; none is glued from pieces in a template."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

CHECKOUT = Path(__file__).parents[2]
TEMPLATES = sorted((CHECKOUT / "templates").rglob("*.html")) + sorted((CHECKOUT / "templates").rglob("*.txt"))
CATALOGUES = sorted((CHECKOUT / "odr" / "translations").glob("*/LC_MESSAGES/messages.po"))
READ_ALOUD = {"title", "alt", "aria-label", "placeholder", "aria-description", "label", "summary"}
# Elements whose words are not prose: code and samples, and whatever says translate="no" (names of the product).
NO_PROSE = {"code", "pre", "kbd", "samp", "script", "style"}
VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr", "source", "path", "use", "circle", "rect", "line"}


def read(catalogue: Path) -> Catalog:
    with catalogue.open("rb") as file:
        return read_po(file, locale=catalogue.parts[-3])


def sentences(catalog: Catalog) -> dict[object, Message]:
    return {(message.context, message.id): message for message in catalog if message.id}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every sentence marked in code and templates, gathered anew with the settings in pyproject.toml."""
    file = tmp_path_factory.mktemp("sentences") / "messages.pot"
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml", "-k", "lazy_gettext",
         "-k", "lazy_ngettext:1,2", "-o", str(file), "."],
        cwd=CHECKOUT, check=True,
    )  # fmt: skip
    with file.open("rb") as pot:
        return read_po(pot)


def test_there_is_a_catalogue_for_every_language_but_the_one_sentences_are_written_in():
    assert [catalogue.parts[-3] for catalogue in CATALOGUES] == ["zh_Hans"]


@pytest.mark.parametrize("catalogue", [pytest.param(file, id=file.parts[-3]) for file in CATALOGUES])
def test_a_catalogue_holds_exactly_the_sentences_of_the_house(catalogue, extracted):
    missing = sorted(map(str, sentences(extracted).keys() - sentences(read(catalogue)).keys()))
    left_over = sorted(map(str, sentences(read(catalogue)).keys() - sentences(extracted).keys()))

    assert missing == [], "run `make catalogues` and translate what is new"
    assert left_over == [], "run `make catalogues`"


@pytest.mark.parametrize("catalogue", [pytest.param(file, id=file.parts[-3]) for file in CATALOGUES])
def test_every_sentence_is_translated_and_none_is_a_guess(catalogue):
    messages = sentences(read(catalogue)).values()

    assert [message.id for message in messages if not _full(message.string)] == []
    assert [message.id for message in messages if message.fuzzy] == []


@pytest.mark.parametrize("catalogue", [pytest.param(file, id=file.parts[-3]) for file in CATALOGUES])
def test_a_translation_fills_the_same_places_as_its_sentence(catalogue):
    faults = [
        message.id
        for message in sentences(read(catalogue)).values()
        for words in _all(message.string)
        if _places(words) - _places(" ".join(_all(message.id))) or (not message.pluralizable and _lost(message, words))
    ]

    assert faults == []


@pytest.mark.parametrize(
    "template", [pytest.param(file, id=file.relative_to(CHECKOUT).as_posix()) for file in TEMPLATES]
)
def test_a_template_says_nothing_that_cannot_be_translated(template):
    assert untranslatable(template.read_text("utf-8"), html=template.suffix == ".html") == []


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>Hello you</p>", ["Hello you"]),
        ("<p>{{ _('Hello') }} again</p>", ["again"]),
        ("<img alt='A cat'>", ["A cat"]),
        ("<p>{% trans %}Hello{% endtrans %}</p>", []),
        ("<p translate='no'>Evenhand</p><code>odr serve</code>", []),
        ("{# a remark #}<p>{{ count }} · {{ date }}</p>", []),
    ],
)
def test_untranslatable_words_are_found(html, words):
    assert untranslatable(html) == words


def test_labels_and_messages_in_code_can_be_translated():
    assert [fault for file in sorted((CHECKOUT / "odr").rglob("*.py")) for fault in _bare_labels(file)] == []


def untranslatable(template: str, *, html: bool = True) -> list[str]:
    """The words of a template that no catalogue can reach: plain text, and attributes that are read aloud."""
    text = re.sub(r"\{#.*?#\}", "", template, flags=re.S)
    text = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", text, flags=re.S)
    # An element whose name is put out is an element all the same.
    text = re.sub(r"(</?)\{\{.*?\}\}", r"\1x", text, flags=re.S)
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.S)
    if not html:
        return [line.strip() for line in text.splitlines() if _prose(line)]
    reader = _Reader()
    reader.feed(text)
    return reader.words


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (self.silent or tag in NO_PROSE or given.get("translate") == "no") and tag not in VOID:
            self.silent.append(tag)
        self.words += [
            value.strip() for name, value in attrs if name in READ_ALOUD and _prose(value or "") and not self.silent
        ]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silent:
            del self.silent[self.silent.index(tag) :]

    def handle_data(self, data: str) -> None:
        if _prose(data) and not self.silent:
            self.words.append(" ".join(data.split()))


def _prose(text: str) -> bool:
    # The product's name is the same in every language.
    return bool(re.search(r"[^\W\d_]{2,}", text.replace("Evenhand", "")))


def _bare_labels(file: Path) -> list[str]:
    """Labels of form fields, descriptions and flashed messages that are plain strings."""
    faults = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        spoken = [keyword.value for keyword in node.keywords if keyword.arg in {"label", "description", "message"}]
        if name.endswith("Field") or name == "flash":
            spoken += node.args[:1]
            faults += [
                f"{file.relative_to(CHECKOUT)}:{words.lineno} {words.value!r}"
                for words in spoken
                if isinstance(words, ast.Constant) and isinstance(words.value, str) and _prose(words.value)
            ]
    return faults


def _full(string: object) -> bool:
    return all(words.strip() for words in _all(string))


def _all(string: object) -> list[str]:
    return [str(part) for part in string] if isinstance(string, tuple | list) else [str(string)]


def _places(words: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)[sd]", words))


def _lost(message: Message, words: str) -> set[str]:
    return _places(str(message.id)) - _places(words) if words else set()
