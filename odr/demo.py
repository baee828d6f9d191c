"""The demonstration: accounts named by their roles, and disputes at every step, driven through the doorway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import Connection, func, select, update

from odr.database import write_unit
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.kernel import moment
from odr.notices.tables import outbox
from odr.people.queries import account_by_email
from odr.people.service import grant_role, hash_password, open_account
from odr.replay.cli import Options, run

DOMAIN = "demo.example"
NEW_SELLER = f"new-seller@{DOMAIN}"

FRESH = 60 * 3_600_000
"""How old (ms) a notice may be that is still mailed when the demonstration opens: the invitation is not older."""


class NotADemonstration(Exception):
    """The house has disputes that no demonstration made; they must not get its banner and its open doors."""

    def __init__(self) -> None:
        super().__init__(
            "This house has disputes of its own. Give a demonstration a folder of its own: odr --instance …"
        )


@dataclass(frozen=True, slots=True)
class Guest:
    """An account of the demonstration, named by what it is there for."""

    email: str
    name: str
    country: str
    language: str
    zone: str
    role: str | None = None


GUESTS = (
    Guest(f"buyer@{DOMAIN}", "Buyer", "DE", "en", "Europe/Berlin"),
    Guest(f"seller@{DOMAIN}", "Seller", "CN", "zh_Hans", "Asia/Shanghai"),
    Guest(f"registrar@{DOMAIN}", "Registrar", "NL", "en", "Europe/Amsterdam", "registrar"),
    Guest(f"second-registrar@{DOMAIN}", "Second registrar", "NL", "en", "Europe/Amsterdam", "registrar"),
)


def furnish(house: House) -> str:
    """Open the accounts and fill the house with disputes that end now, unless that was done; answers the password of
    all its accounts, the same at every start. Raises NotADemonstration."""
    password = password_of(house)
    accounts, began = _open_accounts(house, password)
    lines = [json.dumps(line, ensure_ascii=True).encode() for line in disputes(moment(began))]
    if _count_disputes(house) < len(lines):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in papers():
                (Path(folder) / name).write_bytes(content)
            registrars = (accounts[GUESTS[2].email], accounts[GUESTS[3].email])
            result = run(house, lines, Path(folder), Options(accounts=accounts, registrars=registrars))
        if result.malformed or result.refusals:
            raise RuntimeError("\n".join(map(str, [*result.malformed, *result.refusals])))
        _take_as_sent(house, until=began - FRESH)
    return password


def password_of(house: House) -> str:
    """Made from the house's own secret, so that it is nobody else's and need not be kept."""
    drawn = hmac.new(house.settings.secret_key.encode(), b"odr/demo/v1", hashlib.sha256).digest()
    letters = base64.b32encode(drawn).decode().lower()
    return "-".join(letters[place : place + 5] for place in (0, 5, 10))


def _open_accounts(house: House, password: str) -> tuple[dict[str, str], int]:
    """The ids of the accounts by address, and the instant they were opened at, which is the demonstration's today."""
    with house.engine.connect() as connection:
        first = account_by_email(connection, GUESTS[0].email)
        if first is None and connection.scalar(select(func.count()).select_from(dispute_row)):
            raise NotADemonstration
    began = first.created_at if first else house.clock()
    accounts = {guest.email: _open_one(house, guest, password, began) for guest in reversed(GUESTS)}
    return accounts, began


def _open_one(house: House, guest: Guest, password: str, at: int) -> str:
    def unit(connection: Connection) -> str:
        known = account_by_email(connection, guest.email)
        if known:
            return known.id
        return open_account(
            connection,
            house,
            email=guest.email,
            name=guest.name,
            at=at,
            country=guest.country,
            language=guest.language,
            zone=guest.zone,
            password_hash=hash_password(password),
        )

    account_id = write_unit(house.engine, unit)
    if guest.role:
        grant_role(house, account_id, guest.role)
    return account_id


def _take_as_sent(house: House, *, until: int) -> None:
    """Nobody wants the mail of two months at once: what was due before that instant counts as sent when it was due."""
    past = update(outbox).where(outbox.c.sent_at.is_(None), outbox.c.due_at < until).values(sent_at=outbox.c.due_at)
    write_unit(house.engine, lambda connection: connection.execute(past))


def _count_disputes(house: House) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(dispute_row)) or 0


# -- papers -------------------------------------------------------------------------------------------------------


def papers() -> Iterator[tuple[str, bytes]]:
    """The files that the parties hand in: a drawn parcel, a drawn light, and a chat as text."""
    yield "parcel.png", _drawing((222, 196, 150), (150, 104, 52))
    yield "light.png", _drawing((214, 224, 236), (46, 74, 110))
    chat = [
        "12 May  buyer: The parcel has not come.",
        "13 May  seller: 已经发货，请再等几天。",
        "20 May  buyer: 🙁 Still nothing.",
    ]
    yield "chat.txt", "\n".join(chat).encode()


def _drawing(ground: tuple[int, int, int], ink: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGB", (960, 640), (250, 249, 246))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((180, 140, 780, 540), fill=ground, outline=ink, width=8)
    pen.line((180, 270, 780, 270), fill=ink, width=6)
    pen.rectangle((440, 140, 520, 270), fill=ink)
    for row in range(4):
        pen.line((230, 340 + 40 * row, 560 - 60 * row, 340 + 40 * row), fill=ink, width=10)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


# -- disputes -----------------------------------------------------------------------------------------------------

LIGHTS = "Two bicycle lights were ordered and paid by card. The tracking page has not changed for three weeks."
LAMP_LONG = "\n\n".join(
    (
        "I ordered a standing lamp with three arms, colour brass, for the room in which my mother reads. The page "
        "of the shop showed three photographs and said in two places that the arms move in every direction and "
        "that each of them has a switch of its own. It also said that the lamp comes with a European plug. I "
        "chose it for the separate switches, because she cannot reach a switch at the wall.",
        "The parcel came on the promised day and was not damaged. The lamp in it has three arms that are screwed "
        "tight and do not move at all, and one switch in the cable, half a metre from the plug. The plug is of a "
        "kind that fits no socket in this house. The colour is a dull yellow; I would not complain about that "
        "alone.",
        "I wrote to the shop on the same evening with four photographs. The answer came after six days: the "
        "factory had changed the model, the new one was better, and I was offered a coupon of 10 % for my next "
        "order. I said that I did not want another order but the lamp that I had paid for, or my money. After "
        "that there were two more answers. The first asked for the photographs again. The second said that the "
        "time for returns had passed, which was true by then, but only because the first answer took so long.",
        "I have kept the lamp in its box since. I am willing to send it back if the seller pays for that; the "
        "post office asks 61.40 EUR for a parcel of this size, which is more than a third of the price. An "
        "adapter for the plug would cost me 12 EUR and would not give the arms their joints. A friend who repairs "
        "lamps looked at it and said that the arms cannot be made to move without drilling, and that he would not "
        "do so near the cable.",
        "What I ask for is the price, the cost of sending it to me, and a word of apology, because three times I "
        "was answered as if I had not understood what I had bought. I have listed the dates of all messages in "
        "the attached chat, and the two photographs show the arms and the plug.",
    )
)
CUP_ARABIC = (
    "طلبتُ طقمًا من ستة فناجين قهوة من الخزف هديةً لأختي. وصل الطرد في موعده، لكن فنجانين كانا "
    "مكسورين وصحنًا واحدًا كان مفقودًا. كتبتُ إلى البائع في اليوم نفسه وأرسلتُ له ثلاث صور، "
    "فأجاب بأن شركة الشحن هي المسؤولة. أطلب استرداد ثمن القطع الناقصة."
)
COAT_CHINESE = (
    "我在网上买了一件羊毛大衣，页面写明含羊毛百分之九十。收到后发现标签上写的是百分之三十，其余为聚酯纤维。"
    "颜色也与图片不同。我当天联系了卖家，附上了标签的照片。卖家说是供应商更换了面料，只愿意退还一小部分货款。"
    "我要求退还差价，并承担检测费用。"
)


def disputes(now: datetime) -> list[dict[str, Any]]:
    """The disputes of the demonstration as lines of a replay file; the last act of each is at most `now`."""
    tell = _Teller(now)
    offer, say = tell.offer, tell.say
    return [
        tell.line(
            "waits-for-admission", 1, "wrong_item", "1450.00", "EGP", CUP_ARABIC, buyer=("المشتري", "EG", "ar"),
            remedy="part_refund",
        ),
        tell.line(
            "information-asked", 4, "charged_wrongly", "72990", "CLP", "The card was charged twice for one order.",
            tell.act(2, "registrar", "ask", topics=["order", "first_contact"],
                     text="Please add the order number and the day on which you first wrote to the seller."),
            buyer=("Buyer", "CL", "es"),
        ),
        tell.line(
            "not-admitted", 8, "late", "35.00", "GBP", "The present came two days after the birthday.",
            tell.act(5, "registrar", "refuse", ground="seller_not_contacted",
                     text="Nothing shows that the seller was asked first. File again once you have written to them."),
        ),
        tell.line(
            "refusal-under-review", 11, "guarantee", "640.00", "EUR", "The pump failed within the guarantee.",
            tell.act(7, "registrar", "refuse", ground="late", text="The first complaint seems to be two years old."),
            tell.act(2, "buyer", "review", text="The complaint is of this spring; the year was misread."),
        ),
        tell.line(
            "invitation-sent", 3, "not_delivered", "48.90", "EUR", LIGHTS, tell.act(2, "registrar", "admit"),
            seller=("New seller", "CN", "zh_Hans", NEW_SELLER),
        ),
        tell.line(
            "objection-to-scope", 9, "cancelled", "210.00", "USD", "The course was cancelled and not paid back.",
            *tell.admitted(8),
            tell.act(1, "seller", "reply", choice="object", text="这是线下课程，不是网上购买。"),
        ),
        tell.line(
            "evidence", 12, "not_as_described", "164.00", "EUR", LAMP_LONG,
            *tell.contested(11, 6, "工厂更换了型号，新型号质量更好。"),
            tell.act(4, "buyer", "evidence", file="light.png", about="The arms of the lamp and its plug"),
            tell.act(4, "buyer", "evidence", file="chat.txt", about="All messages with the shop", later=5),
            tell.act(3, "seller", "evidence", file="parcel.png", about="发货时的包装"),
            tell.act(2, "buyer", "evidence_complete"),
            tell.act(1, "seller", "extend", text="需要向工厂索取文件。"),
            items=[{"remedy": "refund"}, {"remedy": "costs", "amount": "18.50"}, {"remedy": "apology"}],
        ),
        tell.line(
            "several-items", 14, "not_as_described", "899.00", "CNY", COAT_CHINESE, *tell.negotiating(13, 9, 6),
            say(5, "seller", "我们愿意承担一部分。"),
            say(5, "buyer", "检测费用是 20 欧元，请一并考虑。", later=9),
            offer(2, "seller", items=[{"amount": "300.00"}, False], text="请看我们的方案。"),
            buyer=("买家", "DE", "zh_Hans"),
            items=[
                {"remedy": "part_refund", "amount": "540.00"},
                {"remedy": "costs", "amount": "20.00", "currency": "EUR"},
            ],
        ),
        tell.line(
            "six-offers", 18, "defective", "640.00", "EUR", "The rug was sold as hand-knotted and is made by machine.",
            *tell.negotiating(17, 12, 9),
            offer(8, "seller", amount="100.00"),
            tell.act(8, "buyer", "reject", later=30),
            offer(7, "buyer", amount="640.00"),
            offer(6, "seller", amount="250.00"),
            offer(5, "buyer", amount="500.00"),
            offer(4, "seller", amount="300.00"),
            say(4, "buyer", "An expert looked at it; his note is with the evidence. 🙏", later=12),
            offer(1, "buyer", amount="450.00", text="This is the last step I can make."),
        ),
        tell.line(
            "without-agreement", 22, "defective", "1149.00", "EUR", "The screen of the laptop went dark after a month.",
            *tell.negotiating(21, 15, 12),
            offer(9, "seller", amount="200.00"),
            tell.act(8, "buyer", "reject"),
            tell.act(4, "buyer", "leave"),
            seller=("Seller", "BE", "fr"),
        ),
        tell.line(
            "silent-seller", 34, "refund_not_paid", "1320.55", "BRL", "The refund was promised and never paid.",
            tell.act(32, "registrar", "admit"),
            tell.act(0, "clock", "advance"),
            buyer=("Buyer", "BR", "pt"),
            seller=("Seller", "US", "en", f"silent-seller@{DOMAIN}"),
        ),
        tell.line(
            "to-be-signed", 16, "incomplete", "75.00", "EUR", "Two of the six chairs are missing.",
            *tell.negotiating(15, 10, 7),
            offer(3, "seller", amount="25.00"),
            tell.act(1, "buyer", "accept"),
            tell.act(1, "seller", "sign", later=90),
        ),
        tell.line(
            "settled", 48, "not_delivered", "48.90", "EUR", LIGHTS,
            *tell.negotiating(47, 44, 43),
            offer(42, "seller", amount="24.45"),
            tell.act(41, "buyer", "reject"),
            offer(40, "seller", amount="48.90"),
            tell.act(39, "buyer", "accept"),
            tell.act(39, "buyer", "sign", later=20),
            tell.act(38, "seller", "sign"),
        ),
        tell.line(
            "accepted-in-full", 30, "wrong_item", "249.99", "USD", "A left-handed guitar was ordered, not this one.",
            *tell.admitted(29),
            tell.act(27, "seller", "reply", choice="accept_all", text="抱歉，我们发错货了。"),
            tell.act(27, "seller", "sign", later=10),
            tell.act(26, "buyer", "sign"),
            items=[{"remedy": "refund"}],
        ),
        tell.line(
            "settled-directly", 26, "other", "89.00", "GBP", "The invoice shows a wrong name.",
            *tell.contested(25, 20, "可以更改。"),
            tell.act(18, "buyer", "settled_directly", text="The seller has sent a new invoice."),
            items=[{"remedy": "other"}],
        ),
        tell.line(
            "withdrawn", 21, "late", "19.90", "EUR", "The book is late.", *tell.admitted(20),
            tell.act(16, "buyer", "withdraw", text="It came this morning."),
        ),
    ]  # fmt: skip


class _Teller:
    """Tells lines and acts by how many days before `now` they were."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def line(
        self, name: str, days: int, category: str, amount: str, currency: str, narrative: str, *acts: dict[str, Any],
        buyer: tuple[str, ...] = ("Buyer", "DE", "en"), seller: tuple[str, ...] = ("Seller", "CN", "zh_Hans"),
        remedy: str = "refund", items: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A dispute filed `days` ago; people are told by name, country, language and, unless it is theirs, address."""
        claim = {"category": category, "amount": amount, "currency": currency, "remedy": remedy, "narrative": narrative}
        return {
            "id": name,
            "strict": True,
            "opened": self._ago(days),
            "buyer": self._person(buyer, GUESTS[0].email),
            "seller": self._person(seller, GUESTS[1].email),
            "claim": {**claim, "order": {"reference": f"DEMO-{days:03}"}, **({"items": items} if items else {})},
            "acts": list(acts),
        }

    def act(self, days: int, by: str, do: str, *, later: int = 0, **fields: Any) -> dict[str, Any]:
        """An act `days` ago, and `later` minutes after that."""
        return {"at": self._ago(days, later), "by": by, "do": do, **fields}

    def offer(self, days: int, by: str, **fields: Any) -> dict[str, Any]:
        return self.act(days, by, "offer", **fields)

    def say(self, days: int, by: str, text: str, later: int = 0) -> dict[str, Any]:
        return self.act(days, by, "message", text=text, later=later)

    def admitted(self, days: int) -> tuple[dict[str, Any], ...]:
        return self.act(days, "registrar", "admit"), self.act(days, "seller", "join", later=300)

    def contested(self, days: int, replied: int, text: str) -> tuple[dict[str, Any], ...]:
        return *self.admitted(days), self.act(replied, "seller", "reply", choice="contest", text=text)

    def negotiating(self, days: int, replied: int, complete: int) -> tuple[dict[str, Any], ...]:
        contested = self.contested(days, replied, "我们已按订单发货，请看说明。")
        completed = (self.act(complete, side, "evidence_complete", later=15) for side in ("buyer", "seller"))
        return *contested, *completed

    def _ago(self, days: int, later: int = 0) -> str:
        # Some hours earlier, so that what came later on the same day is not yet to come.
        then = self._now - timedelta(days=days, hours=6 if days else 0) + timedelta(minutes=later)
        return then.isoformat(timespec="seconds")

    @staticmethod
    def _person(told: tuple[str, ...], email: str) -> dict[str, str]:
        name, country, language, address = (*told, email)[:4]
        return {"name": name, "country": country, "language": language, "email": address}
