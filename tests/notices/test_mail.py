"""Mail: every notice reads whole in each language, hides nobody's tricks, and leaves once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from odr.house import House
from odr.notices.mail import DOORS, Press, Recipient, make_link
from odr.notices.outbox import Letter

MAY = 1_778_846_400_000  # 15 May 2026, 12:00 UTC
NUMBER = "7K3M-Q9TZ-5"
EUR, JPY = {"minor": 114900, "currency": "EUR"}, {"minor": 7200, "currency": "JPY"}

TIME = {"number": NUMBER, "phase": "awaiting_response", "due": MAY, "holder": "seller", "step": "reply"}

LETTERS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "verify_email": (None, {"language": "en"}),
    "email_known": (None, {}),
    "reset_password": (None, {}),
    "sign_in_link": (None, {}),
    "password_changed": (None, {}),
    "filing_received": ("buyer", {**TIME, "phase": "screening", "holder": "registrar", "amounts": [EUR]}),
    "information_asked": ("buyer", {**TIME, "step": "information", "holder": "buyer", "topics": ["order", "claim"]}),
    "filing_refused": ("buyer", {**TIME, "step": "review", "holder": "buyer", "ground": "seller_not_contacted"}),
    "filing_admitted": ("buyer", TIME),
    "invitation": (
        "seller",
        {
            **TIME,
            "category": "not_delivered",
            "remedies": ["refund", "costs"],
            "amounts": [EUR, JPY],
            "buyer_country": "DE",
            "ordered_on": "2026-03-27",
            "last_call_days": 3,
        },
    ),
    "reply_received": ("buyer", {**TIME, "choice": "contest", "holder": "both"}),
    "your_turn": ("seller", {**TIME, "step": "negotiation", "phase": "negotiation", "holder": "both"}),
    "deadline_near": ("seller", {**TIME, "step": "last_call"}),
    "dispute_moved": ("buyer", {**TIME, "phase": "default_track", "due": None, "holder": None, "step": None}),
    "offer_received": ("buyer", {"number": NUMBER, "from": "seller", "amounts": [EUR], "expires": MAY}),
    "offer_accepted": ("seller", {"number": NUMBER, "by": "buyer", "amounts": []}),
    "settlement_to_sign": (
        "buyer",
        {**TIME, "step": "sign", "holder": "both", "phase": "settled", "amounts": [EUR], "perform_by": MAY + 1},
    ),
    "dispute_closed": (
        "seller",
        {"number": NUMBER, "code": "settled_negotiation", "compliance": "due", "amounts": [EUR], "perform_by": MAY},
    ),
    "news": ("buyer", {**TIME, "about": "extension_asked", "facts": {"side": "seller"}, "holder": "both"}),
}


def letter(template: str, **changes: Any) -> Letter:
    side, params = LETTERS[template]
    values: dict[str, Any] = {
        "id": 7,
        "key": f"test/{template}",
        "template": template,
        "account_id": None if side else "a" * 32,
        "email_sealed": None,
        "dispute_id": "d" * 32 if side else None,
        "side": side,
        "params": params,
        "created_at": MAY,
        "due_at": MAY,
        "attempts": 1,
        "leased_until": MAY,
        "lease_owner": "w" * 32,
    }
    return Letter(**values | changes)


def recipient(language: str = "en", zone: str = "Europe/Paris", email: str = "lin@example.org") -> Recipient:
    return Recipient(email, language, zone)
