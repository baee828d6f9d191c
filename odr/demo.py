"""The demonstration: accounts named by their roles, and disputes at every step, driven through the doorway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import Connection, func, select, update

from odr.database import write_unit
from odr.disputes.rebuild import counted_as_of
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.kernel import moment
from odr.mediation.queries import mediator_of
from odr.mediation.service import Admission, add_credential, admit_mediator
from odr.notices.tables import outbox
from odr.people.queries import account_by_email
from odr.people.service import grant_role, hash_password, open_account
from odr.replay.cli import Options, run
from odr.statistics.queries import latest_edition
from odr.statistics.service import cut

DOMAIN = "demo.example"
NEW_SELLER = f"new-seller@{DOMAIN}"

DAY_MS = 86_400_000
ON_THE_ROSTER = 400 * DAY_MS
"""How long before the demonstration's today (ms) its mediators were admitted."""

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
    Guest(f"mediator@{DOMAIN}", "Mediator", "FI", "en", "Europe/Helsinki", "mediator"),
    Guest(f"second-mediator@{DOMAIN}", "Second mediator", "SG", "en", "Asia/Singapore", "mediator"),
    Guest(f"regulator@{DOMAIN}", "Regulator", "IE", "en", "Europe/Dublin", "regulator"),
    Guest(f"administrator@{DOMAIN}", "Administrator", "PT", "en", "Europe/Lisbon", "admin"),
    Guest(f"second-administrator@{DOMAIN}", "Second administrator", "PT", "en", "Europe/Lisbon", "admin"),
)
# What the roster says of them, in their order.
ROSTER = (
    Admission(
        languages=("en", "de", "fr", "zh_Hans"),
        country="FI",
        training="Consumer law at university, and 120 hours of training in mediation. Ten years of work in a guild.",
        interests=("harbour-goods.example",),
    ),
    Admission(
        languages=("en", "es", "pt", "ar", "zh_Hans"),
        country="SG",
        training="A judge's assistant for six years; 200 hours of training in mediation between firms and customers.",
    ),
)


# What each of them showed: of what, and who issued it.
SHOWN = {
    "mediation": "Institute for mediation, demonstration",
    "consumer_law": "University of the demonstration, faculty of law",
}
SHOWN_FOR = timedelta(3 * 365)


def furnish(house: House) -> str:
    """Open the accounts, fill the house with disputes that end now and cut an edition of its figures, unless that was
    done; answers the password of all its accounts, the same at every start. Raises NotADemonstration."""
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
    with house.engine.connect() as connection:
        published = latest_edition(connection)
    if published is None:
        cut(house, counted_as_of)
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
    mediators = [guest for guest in GUESTS if guest.role == "mediator"]
    for guest, admission in zip(mediators, ROSTER, strict=True):
        _admit(house, guest, accounts[guest.email], admission, began - ON_THE_ROSTER)
    return accounts, began


def _admit(house: House, guest: Guest, account_id: str, admission: Admission, at: int) -> None:
    """Put a guest on the roster as of that instant, with what they showed, once."""
    with house.engine.connect() as connection:
        known = mediator_of(connection, account_id)
    if known and known.credentials:
        return
    then = replace(house, clock=lambda: at, clock_kind="simulated")
    # Known already where an earlier release opened the demonstration, which asked for no evidence.
    named = known.id if known else admit_mediator(then, guest.email, guest.name, admission, account_id=account_id)
    for kind, issuer in SHOWN.items():
        paper = hashlib.sha256(f"{guest.name}: {kind}, {issuer}".encode()).hexdigest()
        until = (moment(at) + SHOWN_FOR).date()
        add_credential(then, named, kind=kind, issuer=issuer, document=paper, until=until)


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
    # A mediator's role comes with the place on the roster.
    if guest.role and guest.role != "mediator":
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
            "silent-seller", 29, "refund_not_paid", "1320.55", "BRL", "The refund was promised and never paid.",
            tell.act(27, "registrar", "admit"),
            tell.act(0, "clock", "advance"),
            buyer=("Buyer", "BR", "pt"),
            seller=("Seller", "US", "en", f"silent-seller@{DOMAIN}"),
        ),
        tell.line(
            "address-wanted", 6, "not_delivered", "59.00", "EUR", "The shoes were paid and never sent.",
            tell.act(5, "registrar", "admit"),
            tell.act(3, "clock", "notice_returned"),
            seller=("Lost seller", "IT", "it", f"lost-seller@{DOMAIN}"),
        ),
        tell.line(
            "time-stands-still", 19, "charged_wrongly", "310.00", "EUR", "One night was booked and three were charged.",
            *tell.contested(18, 12, "银行正在核查这笔款项。"),
            tell.act(5, "seller", "suspend", text="银行的核查还需要两周。"),
            tell.act(4, "buyer", "suspend"),
        ),
        tell.line(
            "to-be-signed", 16, "incomplete", "75.00", "EUR", "Two of the six chairs are missing.",
            *tell.negotiating(15, 10, 7),
            offer(3, "seller", amount="25.00"),
            tell.act(1, "buyer", "accept"),
            tell.act(1, "seller", "sign", later=90),
        ),
        tell.line(
            "mediator-drawn", 18, "defective", "1149.00", "EUR", "The screen of the laptop went dark after a month.",
            *tell.negotiating(17, 12, 8),
            offer(6, "seller", amount="200.00"),
            tell.act(5, "buyer", "reject"),
            tell.act(1, "buyer", "leave"),
            seller=("Seller", "BE", "fr"),
        ),
        tell.line(
            "mediator-appointed", 20, "wrong_item", "88.00", "EUR", "A coffee grinder for another voltage was sent.",
            *tell.negotiating(19, 14, 9), *tell.appointed(2, 1),
        ),
        tell.line(
            "mediation", 28, "not_as_described", "420.00", "EUR", "The bicycle is a year older than the page said.",
            *tell.negotiating(27, 22, 18),
            offer(15, "seller", amount="90.00"),
            *tell.mediating(11, 10, 8),
            say(7, "mediator", "I have read the file. What would a fair price for a bicycle of that year have been?"),
            say(6, "buyer", "Shops sell that year for about 250 EUR."),
            tell.act(6, "mediator", "request_evidence", side="seller", days=5, text="The maker's bill.", later=9),
            tell.act(4, "seller", "evidence", file="parcel.png", about="车架号与出厂标签"),
            tell.act(3, "mediator", "propose", amount="150.00", text="Half of what both sides are apart."),
            tell.act(2, "buyer", "accept_proposal"),
        ),
        tell.line(
            "mediator-challenged", 39, "guarantee", "275.00", "EUR", "The oven was repaired twice and still fails.",
            *tell.negotiating(38, 33, 28), *tell.mediating(20, 19, 17), *tell.closed(10, 8),
            tell.act(1, "seller", "challenge", ground="delay", text="调解员七天没有回复。"),
        ),
        tell.line(
            "final-words", 33, "incomplete", "132.00", "EUR", "Two parts of the shelf are missing.",
            *tell.negotiating(32, 27, 22), *tell.mediating(15, 14, 12),
            tell.act(3, "mediator", "close_mediation"),
            tell.act(2, "buyer", "final_words", text="The two parts are listed on page 3 of the manual."),
        ),
        tell.line(
            "to-be-decided", 38, "defective", "560.00", "EUR", "The coffee machine leaks since the first day.",
            *tell.contested(37, 32, "漏水是因为使用不当。"),
            tell.act(31, "buyer", "evidence", file="light.png", about="Where it leaks"),
            *tell.complete(27), *tell.mediating(19, 18, 16), *tell.closed(9, 7),
        ),
        tell.line(
            "decided", 44, "not_as_described", "240.00", "EUR", "The carpet is smaller than the page said.",
            *tell.negotiating(43, 38, 33), *tell.mediating(25, 24, 22), *tell.closed(15, 13),
            tell.decision(4, "partly", "120.00"),
        ),
        tell.line(
            "decided-without-seller", 80, "not_delivered", "74.90", "EUR", "A clock was paid and never sent.",
            tell.act(78, "registrar", "admit"),
            # Days of rest move the ends of times by a few days; these lie where they cannot matter.
            tell.act(51, "buyer", "evidence", file="chat.txt", about="All that was written"),
            tell.act(50, "buyer", "evidence_complete"),
            tell.act(49, "mediator", "accept_appointment"),
            tell.act(48, "buyer", "waive"),
            tell.decision(27, "for_buyer"),
            tell.act(20, "buyer", "accept_decision"),
            seller=("Seller", "GB", "en", f"second-silent-seller@{DOMAIN}"),
        ),
        tell.line(
            "decision-accepted", 50, "late", "95.00", "EUR", "The costume came the day after the party.",
            *tell.decided_by_both(49, 6, "partly", "60.00"),
        ),
        tell.line(
            "said-to-be-done", 62, "defective", "180.00", "EUR", "The radio receives nothing.",
            *tell.decided_by_both(61, 18, "for_buyer"),
            tell.act(4, "seller", "performed", text="已于四天前转账。"),
        ),
        tell.line(
            "not-carried-out", 72, "wrong_item", "66.00", "EUR", "A left shoe came twice.",
            *tell.decided_by_both(71, 28, "for_buyer"),
            tell.act(16, "seller", "performed", text="已退款。"),
            tell.act(9, "buyer", "not_honoured", text="Nothing has arrived in my account."),
        ),
        tell.line(
            "proof-to-check", 80, "cancelled", "399.00", "EUR", "The trip was cancelled and not paid back.",
            *tell.decided_by_both(79, 36, "for_buyer"),
            tell.act(26, "seller", "performed", text="已退款。"),
            tell.act(20, "buyer", "not_honoured", text="My bank shows nothing."),
            tell.act(9, "seller", "performed", text="已再次转账，附上凭证。"),
            tell.act(8, "seller", "evidence", file="parcel.png", about="转账凭证"),
            tell.act(3, "buyer", "not_honoured", text="Still nothing."),
        ),
        tell.line(
            "decision-rejected", 70, "other", "150.00", "EUR", "The wedding pictures are blurred.",
            *tell.negotiating(69, 64, 59), *tell.mediating(51, 50, 48), *tell.closed(41, 39),
            tell.decision(30, "for_seller"),
            tell.act(25, "buyer", "reject_decision"),
        ),
        tell.line(
            "settled-in-mediation", 64, "not_as_described", "510.00", "EUR", "The ring is plated, not gold.",
            *tell.negotiating(63, 58, 53), *tell.mediating(45, 44, 42),
            tell.act(38, "mediator", "propose", amount="300.00", text="What a plated ring of that kind costs less."),
            tell.act(37, "buyer", "accept_proposal"),
            tell.act(36, "seller", "accept_proposal"),
            tell.act(36, "seller", "sign", later=20),
            tell.act(35, "buyer", "sign"),
            tell.act(30, "seller", "performed", text="已按约定退款。"),
            tell.act(28, "buyer", "confirm"),
            tell.act(28, "buyer", "rate", score=5, later=4),
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

    def act(self, days: int, by: str, do: str, /, *, later: int = 0, **fields: Any) -> dict[str, Any]:
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
        return *self.contested(days, replied, "我们已按订单发货，请看说明。"), *self.complete(complete)

    def complete(self, days: int) -> tuple[dict[str, Any], ...]:
        return self._both(days, "evidence_complete", later=15)

    def appointed(self, left: int, accepted: int) -> tuple[dict[str, Any], ...]:
        """The buyer leaves, somebody is drawn and accepts."""
        words = "I have decided such disputes for years, and know neither side."
        accept = self.act(accepted, "mediator", "accept_appointment", text=words)
        return self.act(left, "buyer", "leave"), accept

    def mediating(self, left: int, accepted: int, waived: int) -> tuple[dict[str, Any], ...]:
        """And neither side objects."""
        return *self.appointed(left, accepted), *self._both(waived, "waive", later=10)

    def closed(self, ended: int, words: int) -> tuple[dict[str, Any], ...]:
        """The mediation ends without an agreement, and both sides have said their final words."""
        return self.act(ended, "mediator", "close_mediation"), *self._both(words, "final_words", later=25)

    def decision(self, days: int, outcome: str, amount: str | None = None) -> dict[str, Any]:
        reasons = "What the page promised is part of the contract, and whoever sells answers for what it says."
        found = "Both sides agree on what was ordered and on what came."
        if outcome == "for_seller":
            reasons = "Nothing in the file shows that what was promised was not given."
        told: dict[str, Any] = {"amount": amount} if amount else {}
        findings = [{"text": found, "cites": [0]}]
        return self.act(
            days, "mediator", "decide", outcome=outcome, basis="contract", reasons=reasons, findings=findings, **told
        )

    def decided_by_both(
        self, days: int, decided: int, outcome: str, amount: str | None = None
    ) -> tuple[dict[str, Any], ...]:
        """A dispute admitted `days` ago, decided, and its decision accepted by both sides two days later."""
        return (
            *self.negotiating(days, days - 5, days - 10),
            *self.mediating(days - 18, days - 19, days - 21),
            *self.closed(days - 28, days - 30),
            self.decision(decided, outcome, amount),
            *self._both(decided - 2, "accept_decision", later=35),
        )

    def _both(self, days: int, do: str, later: int) -> tuple[dict[str, Any], ...]:
        return tuple(self.act(days, side, do, later=later) for side in ("buyer", "seller"))

    def _ago(self, days: int, later: int = 0) -> str:
        # Some hours earlier, so that what came later on the same day is not yet to come.
        then = self._now - timedelta(days=days, hours=6 if days else 0) + timedelta(minutes=later)
        return then.isoformat(timespec="seconds")

    @staticmethod
    def _person(told: tuple[str, ...], email: str) -> dict[str, str]:
        name, country, language, address = (*told, email)[:4]
        return {"name": name, "country": country, "language": language, "email": address}
