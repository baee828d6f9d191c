"""The parts of pages: what each says in its states, and that a party's words stay words."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import render_template_string
from wtforms import Form, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from odr.kernel import Money, instant

pytestmark = pytest.mark.one_database

NOW = instant(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
DAY = 86_400_000
HOSTILE = "<script>go()</script>\u202e"
DOCKET_ROW = {"version": 1, "at": NOW, "role": "buyer", "actor": "The buyer", "sentence": "Said.", "words": HOSTILE}


@pytest.fixture
def part(app):
    """Answers what a macro puts out: part("turn", "turn(holder, act)", holder=…, act=…)."""

    def render(file: str, call: str, **given: object) -> str:
        name = call.split("(")[0]
        return render_template_string(f'{{% from "parts/{file}.html" import {name} %}}{{{{ {call} }}}}', **given)

    with app.test_request_context("/", headers={"Cookie": "zone=Europe/Berlin"}):
        yield render


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_turn_banner_says_who_what_until_when_and_what_otherwise(part):
    shown = text_of(
        part(
            "turn",
            "turn('you', 'Answer the claim.', due, 'It is decided on the papers.')",
            due=NOW + 3 * DAY,
        )
    )

    assert shown == (
        "It is your turn Answer the claim. 3 days left until 5 March 2026, 10:00 Berlin time (09:00 UTC) "
        "It is decided on the papers."
    )


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ("buyer", "It is the buyer’s turn"),
        ("seller", "It is the seller’s turn"),
        ("both", "It is the turn of both sides"),
        ("mediator", "It is the mediator’s turn"),
        ("registrar", "It is the registrar’s turn"),
        ("nobody", "Nobody has to act"),
    ],
)
def test_who_waits_is_told_for_whom(part, holder, words):
    assert words in part("turn", "turn(holder, 'Something.')", holder=holder)


def test_a_clock_that_stands_still_shows_no_time_left(part):
    shown = part("turn", "turn('seller', 'The seller answers.', due, '', 'The notice came back.')", due=NOW + DAY)

    assert "The clock stands still" in shown and "left" not in text_of(shown)


@pytest.mark.parametrize("present", ["filed", "reply", "evidence", "negotiation", "mediation", "decision", "done"])
def test_the_procedure_line_marks_one_present_step(part, present):
    shown = part("line", "line(present)", present=present)

    assert shown.count('aria-current="step"') == 1
    assert shown.count("<li") == 7


def test_a_side_road_is_told_in_words(part):
    shown = text_of(part("line", "line('decision', 'The seller did not answer.', ['reply'])"))

    assert "The seller did not answer." in shown and "Reply (passed over)" in shown


def test_amounts_in_the_table_keep_their_currency_and_are_never_added_across(part):
    columns = [{"title": "Claim", "who": "The buyer", "at": NOW, "state": "", "note": ""}]
    rows = [{"remedy": "Refund", "cells": [Money(132055, "BRL")]}, {"remedy": "Costs", "cells": [Money(1500, "USD")]}]
    totals = [{"currency": "BRL", "cells": [Money(132055, "BRL")]}, {"currency": "USD", "cells": [Money(1500, "USD")]}]

    shown = text_of(part("money", "items('Money', columns, rows, totals)", columns=columns, rows=rows, totals=totals))

    assert shown.count("1,320.55 BRL") == 2 and shown.count("15.00 USD") == 2
    assert "Together in BRL" in shown and "Together in USD" in shown


@pytest.mark.parametrize(
    ("file", "call", "given"),
    [
        (
            "docket",
            "docket(rows)",
            {"rows": [DOCKET_ROW]},
        ),
        (
            "evidence",
            "evidence(rows)",
            {
                "rows": [
                    {
                        "number": 1, "title": HOSTILE, "shows": HOSTILE, "role": "seller", "actor": "The seller",
                        "received": NOW, "kind": "PDF", "size": 10, "digest": "ab" * 32, "href": None,
                    }
                ]
            },
        ),
        ("summary", "summary(rows)", {"rows": [{"key": "Seller", "value": HOSTILE}]}),
    ],
)  # fmt: skip
def test_a_partys_words_stay_words(part, file, call, given):
    shown = part(file, call, **given)

    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_the_seal_says_how_far_the_proof_is(part):
    assert "Entry 1,204, sealed in checkpoint 310." in part("seal", "seal(1204, 310, '/receipt')")
    assert "waiting for the next checkpoint" in part("seal", "seal(1204)")
    assert "Receipt" in part("seal", "seal(1204, 310, '/receipt')") and "Receipt" not in part("seal", "seal(1204)")


def test_an_act_that_is_a_form_carries_its_token_and_its_key(part):
    rows = [
        {"title": "Say", "consequence": "It is recorded.", "label": "Say it", "action": "/x", "hidden": {"seen": "ab"}}
    ]

    shown = part("acts", "acts(rows)", rows=rows)

    assert 'name="csrf_token"' in shown and 'name="seen" value="ab"' in shown
    assert re.search(r'name="key" value="[0-9a-f]{32}"', shown)


class AForm(Form):
    number = StringField("Order number", [InputRequired("Enter the order number.")], description="In the mail.")
    what = RadioField(
        "What went wrong?",
        [InputRequired("Choose one.")],
        choices=[SelectChoice("a", "Late"), SelectChoice("b", "Broken")],
    )
    story = TextAreaField("What happened?")


def test_each_error_of_a_form_links_to_a_field_that_is_there(part):
    form = AForm()
    form.validate()

    summary = part("form", "error_summary(form)", form=form)
    fields = part("form", "field(form.number)", form=form) + part("form", "field(form.what)", form=form)

    targets = re.findall(r'href="#([^"]+)"', summary)
    assert targets == ["number", "what-0"]
    assert all(f'id="{target}"' in fields for target in targets)


def test_a_field_is_tied_to_its_hint_and_its_error(part):
    form = AForm()
    form.validate()

    shown = part("form", "field(form.number)", form=form)

    described = re.search(r'aria-describedby="([^"]+)"', shown)[1].split()
    assert described == ["number-hint", "number-error"]
    assert all(f'id="{each}"' in shown for each in described)
    assert 'aria-invalid="true"' in shown


def test_a_long_answer_says_how_long_it_may_be(part):
    shown = part("form", "field(form.story, maxlength=4000)", form=AForm())

    assert "Up to 4,000 characters." in shown and 'maxlength="4000"' in shown


def test_a_form_without_errors_shows_no_list_of_them(part):
    assert part("form", "error_summary(form)", form=AForm()).strip() == ""
