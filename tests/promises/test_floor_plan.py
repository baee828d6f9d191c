"""The floor plan: what may lean on what, told from the names of files and folders alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# A file leans on its own floor or below. A new word here is a deliberate act and comes with a line in ADR 2.
FLOORS = {
    "forms routes filters turns acts security language cli worker app config demo replay doctor serve env __main__": 4,
    "service": 3,
    "database house tables queries journal payloads tiles halt integrator signers rotation founding consent records"
    " store outbox mail reports keys verify rebuild limits links sentences calendars media pictures drafts publication"
    " cosigning archive selfcheck auditors domains probes eid": 2,
    "kernel events draw course dispute ruleset rules passages expiry access deadlines chain proof note figures"
    " disclosure receipt offline policy": 1,
}
FLOOR_OF = {word: floor for words, floor in FLOORS.items() for word in words.split()}
GROUND = 1

# A folder, or a file beside the folders, leans on its own line or below. `procedure` and `log` know no other room.
ROOMS = {
    "app cli serve __main__": 6,
    "filing response profile representation evidence negotiation mediation decision compliance casefile erasure"
    " administration worker demo replay doctor verify": 5,
    "disputes readings": 4,
    "people factors identity notices statistics witness": 3,
    "procedure log web house config": 2,
    "kernel database migrations": 1,
}
LINE_OF = {word: line for words, line in ROOMS.items() for word in words.split()}
KNOW_NO_OTHER_ROOM = {"procedure", "log"}
# The verifier for everybody leans on Python alone, and loads what asks the network only when it asks; and a house that
# has no provider of electronic identities does without the package that checks what one says.
MAY_IMPORT_LATE = {"odr.log.offline", "odr.identity.eid"}
NO_ROOMS = {"house", "config"}


def test_the_house_stands_as_drawn():
    assert faults_of(CHECKOUT / "odr") == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("procedure/rules.py", "from flask import g\n", "is pure and leans on flask"),
        ("procedure/rules.py", "from odr.database import Base\n", "leans up on odr.database"),
        ("disputes/queries.py", "from odr.disputes.service import perform\n", "leans up on odr.disputes.service"),
        ("disputes/queries.py", "def rows():\n    from odr.disputes import service\n", "imports inside a function"),
        ("log/journal.py", "from odr.procedure.events import Filed\n", "knows no other room"),
        ("people/queries.py", "from odr.disputes.tables import party\n", "leans up on room disputes"),
        ("web/utils.py", "", "has no floor"),
        ("cellar/rules.py", "", "has no line on the plan"),
        ("web/routes.py", "from odr import app\n", "takes app from the bare package"),
        ("web/routes.py", "from importlib import import_module\n", "imports by name at run time"),
        ("web/__init__.py", "from odr.web.routes import home\n", "is more than a sentence"),
        ("people/tables.py", "from odr.people.keys import key\n", "stand in a circle"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, file, text, fault):
    house = tmp_path / "odr"
    for known in (
        "__init__ app database procedure/rules procedure/events disputes/queries disputes/service disputes/tables"
        " log/journal people/queries people/tables people/keys web/routes"
    ).split():
        _write(house / f"{known}.py", "from odr.people.tables import account\n" if known == "people/keys" else "")
    assert faults_of(house) == []

    _write(house / file, text)

    assert any(fault in found for found in faults_of(house)), faults_of(house)


def faults_of(house: Path) -> list[str]:
    """Every breach of the two plans in the package at `house`, one line each."""
    trees = {
        _module(house, file): ast.parse(file.read_text("utf-8"))
        for file in sorted(house.rglob("*.py"))
        if "versions" not in file.parts
    }
    leans = {module: list(_imports(tree, module, trees)) for module, tree in trees.items()}
    found = []
    for module, tree in trees.items():
        found += _homeless(module) or list(_breaches(module, leans[module]))
        found += _hidden(module, tree)
    return found + _circles(leans)


def _homeless(module: str) -> list[str]:
    room, word = _room(module), _word(module)
    if module == "odr" or word == "":
        return []
    homeless = [] if word in FLOOR_OF else [f"{module}: the file name {word} has no floor"]
    return homeless + ([] if room in LINE_OF else [f"{module}: {room} has no line on the plan"])


def _breaches(module: str, leans: list[str]) -> Iterator[str]:
    word, room = _word(module), _room(module)
    for other in leans:
        if not other.startswith("odr"):
            if FLOOR_OF.get(word) == GROUND and other.split(".")[0] not in sys.stdlib_module_names:
                yield f"{module} is pure and leans on {other}"
        elif other == "odr":
            continue
        elif word == "":
            yield f"{module} is more than a sentence: it leans on {other}"
        elif _word(other) and FLOOR_OF.get(_word(other), 0) > FLOOR_OF[word]:
            yield f"{module} leans up on {other}"
        elif LINE_OF.get(_room(other), 0) > LINE_OF[room]:
            yield f"{module} leans up on room {_room(other)}"
        elif (
            room in KNOW_NO_OTHER_ROOM
            and LINE_OF[room] == LINE_OF.get(_room(other))
            and _room(other) not in {room} | NO_ROOMS
            # The public pages of the log are pages like any other.
            and not (word == "routes" and _room(other) == "web")
        ):
            yield f"{module} knows no other room and leans on {other}"
        elif word == "rules" and _word(other) == "rules" and _room(other) not in {room, "procedure"}:
            yield f"{module} leans on another room's rules: {other}"


def _hidden(module: str, tree: ast.Module) -> Iterator[str]:
    """Imports that would escape the reader: inside functions, under conditions, by name, from the bare package."""
    top = {node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in top and module not in MAY_IMPORT_LATE:
            yield f"{module} imports inside a function or a condition, line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.level:
                yield f"{module} imports relatively, line {node.lineno}"
            if node.module == "odr" and names != {"__version__"}:
                yield f"{module} takes {', '.join(sorted(names))} from the bare package"
            if node.module == "importlib" and "import_module" in names:
                yield f"{module} imports by name at run time"


def _circles(leans: dict[str, list[str]]) -> list[str]:
    try:
        TopologicalSorter(
            {module: [other for other in others if other in leans] for module, others in leans.items()}
        ).prepare()
    except CycleError as circle:
        return [f"these stand in a circle: {' <- '.join(circle.args[1])}"]
    return []


def _imports(tree: ast.Module, module: str, known: dict[str, ast.Module]) -> Iterator[str]:
    """The modules this one leans on, wherever in the file they are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in known)
            if any(name not in known for name in inner):
                yield node.module


def _module(house: Path, file: Path) -> str:
    parts = file.relative_to(house.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _word(module: str) -> str:
    """The file's name; empty for a folder itself (its `__init__`)."""
    parts = module.split(".")
    beside_the_folders = len(parts) == 2 and parts[1] in FLOOR_OF
    return parts[-1] if len(parts) > 2 or beside_the_folders else ""


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
