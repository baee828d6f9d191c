"""Every refusal has a sentence, every sentence is said somewhere, and every refusal of a rule was seen in a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from odr.administration.cli import STAFF_REFUSALS
from odr.log.cli import AUDITOR_REFUSALS
from odr.mediation.cli import ROSTER_REFUSALS
from odr.web.sentences import REFUSALS

CHECKOUT = Path(__file__).parents[2]
ODR = CHECKOUT / "odr"
FILES = sorted(file for file in ODR.rglob("*.py") if file != ODR / "web" / "sentences.py")
RULES = [file for file in FILES if file.name == "rules.py" and file.parent.name not in ("notices", "people", "replay")]
ACCESS = ODR / "procedure" / "access.py"
REFUSAL_TESTS = sorted((CHECKOUT / "tests" / "procedure").glob("test_*.py"))


def test_every_code_that_can_be_raised_has_a_sentence():
    """On a page, or at the terminal for what is kept there."""
    told = set(REFUSALS) | set(ROSTER_REFUSALS) | set(STAFF_REFUSALS) | set(AUDITOR_REFUSALS)

    assert {code: file for file in FILES for code in raised(file) if code not in told} == {}
    assert codes_of_rules() <= set(REFUSALS)


def test_no_sentence_waits_for_a_refusal_that_nobody_gives():
    said = {constant for file in FILES for constant in strings(tree(file))}

    assert set(REFUSALS) - said == set()


def test_every_refusal_of_a_rule_is_seen_in_a_test_of_the_rules():
    seen = {
        code
        for file in REFUSAL_TESTS
        for node in ast.walk(tree(file))
        if isinstance(node, ast.With) and _is_refused(node)
        for code in strings(node)
    } | {code for file in REFUSAL_TESTS for code in parameters(tree(file))}

    assert codes_of_rules() - seen == set()


def test_every_refusal_brings_what_its_sentence_speaks_of():
    for file in FILES:
        for call in ast.walk(tree(file)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Refused":
                given = {keyword.arg for keyword in call.keywords}
                for code in set(strings(call.args[0])) & set(REFUSALS):
                    assert places(code) <= given, (file.name, code)
    # The table of access gives the phase and nothing else.
    assert {code for code in codes_of_access() if places(code)} == set()


def places(code: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", str(REFUSALS[code])))


def codes_of_rules() -> set[str]:
    """What rules and the table of access can answer: codes raised, codes returned by conditions, codes in tables of
    codes, and the ones that are handed to the shared checks."""
    return codes_of_access() | {code for file in RULES for code in raised(file)}


def codes_of_access() -> set[str]:
    return {
        constant
        for function in ast.walk(tree(ACCESS))
        if isinstance(function, ast.FunctionDef) and function.returns and ast.unparse(function.returns) == "str | None"
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
        for constant in _answers(node.value)
    }


def raised(file: Path) -> Iterator[str]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
            yield from strings(node.args[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require_text":
            yield from (code for argument in node.args[1:] for code in strings(argument))
        elif isinstance(node, ast.FunctionDef) and node.name == "require_text":
            yield from (code for default in node.args.defaults for code in strings(default))
        elif isinstance(node, ast.Assign) and [getattr(name, "id", "") for name in node.targets] == ["GONE"]:
            assert isinstance(node.value, ast.Dict)
            yield from (code for value in node.value.values for code in strings(value))


def parameters(there: ast.AST) -> Iterator[str]:
    """The codes of a test that is told once for many refusals: what is parametrized under the name `code`."""
    for node in ast.walk(there):
        named = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "parametrize"
        if named and "code" in set(strings(node.args[0])):
            yield from strings(node.args[1])


def _answers(value: ast.expr) -> Iterator[str]:
    """The constants that an expression can come to, and not those it compares with."""
    if isinstance(value, ast.IfExp):
        yield from _answers(value.body)
        yield from _answers(value.orelse)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def _is_refused(node: ast.With) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call) and getattr(item.context_expr.func, "id", "") == "refused"
        for item in node.items
    )


def strings(node: ast.AST) -> Iterator[str]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def tree(file: Path) -> ast.AST:
    return ast.parse(file.read_text("utf-8"))
