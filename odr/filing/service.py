"""From the first word to the filed dispute: keep a draft step by step, and file it once."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from sqlalchemy import Connection, insert, select

from odr.database import write_unit
from odr.disputes.service import perform
from odr.disputes.tables import dispute_row, party, seller
from odr.filing import drafts
from odr.filing.drafts import Draft
from odr.filing.rules import Filing, file_dispute
from odr.house import House
from odr.kernel import Actor, Missing, Money, Refused, new_id, new_number, new_pseudonym
from odr.log.journal import Stored
from odr.people.queries import Account
from odr.people.rules import email_key
from odr.people.service import HOUR, spend
from odr.procedure.events import ClaimItem

MOST_AN_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that a buyer told in the steps, in its proper shape. Days are "2026-03-27", countries ISO 3166 alpha-2."""

    category: str
    bought: str
    reference: str
    ordered_on: str
    paid: Money
    country: str
    seller_name: str
    seller_email: str
    seller_site: str
    seller_country: str
    seller_language: str
    contacted_on: str
    channel: str
    answer: str
    items: tuple[ClaimItem, ...]
    narrative: str


def begin_draft(house: House, owner: Account, answers: drafts.Answers) -> str:
    """Open a new draft and answer its id. Raises Refused("too_many_drafts")."""
    new = Draft(
        id=new_id(),
        account_id=owner.id,
        number=new_number(),
        pseudonym=new_pseudonym(),
        saved_at=house.clock(),
        answers=answers,
    )
    write_unit(house.engine, lambda connection: drafts.add_draft(connection, house, new))
    return new.id


def keep_answer(
    house: House, account_id: str, draft_id: str, step: str, typed: Mapping[str, str], *, given: bool
) -> Draft:
    """Keep what was typed in one step, right or wrong; `given` when the person went on from it, so that what is wrong
    with it may be said. Raises Missing."""

    def unit(connection: Connection) -> Draft:
        before = drafts.open_draft(connection, house, account_id, draft_id, lock=True)
        after = replace(
            before,
            saved_at=house.clock(),
            answers={**before.answers, step: dict(typed)},
            given=before.given | {step} if given else before.given - {step},
        )
        drafts.save_draft(connection, house, after)
        return after

    return write_unit(house.engine, unit)


def copy_answer(
    house: House, account_id: str, draft_id: str, step: str, typed: Mapping[str, str], *, seen: int
) -> bool:
    """Keep what is just being typed in a page that saw the draft as of `seen`; answers whether it was kept.

    A copy that arrives after the page itself was sent must not put older words in the place of newer ones.
    """

    def unit(connection: Connection) -> bool:
        before = drafts.open_draft(connection, house, account_id, draft_id, lock=True)
        if before.saved_at != seen:
            return False
        drafts.save_draft(connection, house, replace(before, answers={**before.answers, step: dict(typed)}))
        return True

    return write_unit(house.engine, unit)


def drop_draft(house: House, account_id: str, draft_id: str) -> None:
    """Forget a draft for good."""
    write_unit(house.engine, lambda connection: drafts.drop_draft(connection, account_id, draft_id))


def file_draft(house: House, owner: Account, filed: Draft, told: Told) -> str:
    """File what a draft holds, as the dispute of the draft's id, and forget the draft; answers the dispute's number.

    Sent twice, even from two windows at once, it ends in one dispute. Raises Refused.
    """
    _spend(house, owner)
    if told.seller_email and email_key(told.seller_email) == owner.email:
        raise Refused("seller_is_buyer")
    seller_id = write_unit(house.engine, lambda connection: seller_of(connection, house, told))
    filing = _filing(filed, owner, told, seller_id)

    def alongside(connection: Connection, stored: list[Stored]) -> None:
        sides = (("buyer", filed.pseudonym, owner.id), ("seller", seller_id, None))
        connection.execute(
            insert(party),
            [
                {"dispute_id": filed.id, "side": side, "actor_id": actor_id, "account_id": account_id}
                for side, actor_id, account_id in sides
            ],
        )
        drafts.drop_draft(connection, owner.id, filed.id)

    try:
        perform(
            house,
            file_dispute,
            filed.id,
            Actor(filed.pseudonym, "buyer"),
            key=f"file/{filed.id}",
            alongside=alongside,
            filing=filing,
            ruleset=house.ruleset,
        )
    except Refused:
        # The other window was first: the person has what they wanted.
        number = filed_number(house, owner.id, filed.id)
        if number is None:
            raise
        return number
    return filing.number


def _spend(house: House, owner: Account) -> None:
    """Count the filing: more in an hour than a person can write are a machine's."""
    spend(house, house.clock(), ("account", owner.id, "file", MOST_AN_HOUR, HOUR))


def filed_number(house: House, account_id: str, draft_id: str) -> str | None:
    """The number of the dispute that a draft of this account became, None as long as it has not."""
    if not re.fullmatch(r"[0-9a-f]{32}", draft_id):
        return None
    query = (
        select(dispute_row.c.number)
        .join(party, party.c.dispute_id == dispute_row.c.id)
        .where(dispute_row.c.id == draft_id, party.c.side == "buyer", party.c.account_id == account_id)
    )
    with house.engine.connect() as connection:
        return connection.scalar(query)


class Filed(Exception):
    """The draft that was asked for has become a dispute; `number` is the dispute's."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number


def read_draft(house: House, account_id: str, draft_id: str) -> Draft:
    """A draft of this account. Raises Filed when it has become a dispute, Missing when there is none."""
    try:
        with house.engine.connect() as connection:
            return drafts.open_draft(connection, house, account_id, draft_id)
    except Missing:
        number = filed_number(house, account_id, draft_id)
        if number is None:
            raise
        raise Filed(number) from None


def seller_of(connection: Connection, house: House, told: Told) -> str:
    """The stable id under which entries name this seller, given to it now if it is met for the first time."""
    return seller_at(connection, address_key(house.settings.secret_key, told.seller_email, told.seller_site))


def seller_at(connection: Connection, key: bytes) -> str:
    """The same by the keyed digest of the seller's address."""
    known: str | None = connection.scalar(select(seller.c.id).where(seller.c.address_key == key))
    if known:
        return known
    fresh = new_pseudonym()
    connection.execute(insert(seller).values(id=fresh, address_key=key))
    return fresh


def address_key(secret: str, email: str, site: str) -> bytes:
    """The keyed digest by which a seller is found again: 32 bytes that only this house can tie to an address.

    Without an e-mail address the page counts with its path: all shops of a marketplace share its domain, and to take
    one of them for another would be worse than to meet the same one under two ids.
    """
    name = f"email\n{email_key(email)}" if email else f"site\n{site_key(site)}"
    key = hashlib.sha256(b"odr/seller/v1\n" + secret.encode()).digest()
    return hmac.new(key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def site_key(site: str) -> str:
    """The one form in which an address on the web is compared: host and path. Raises Refused("site_malformed")."""
    try:
        parts = urlsplit(site.strip() if "//" in site else f"//{site.strip()}")
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().removeprefix("www.")
    except ValueError as malformed:
        raise Refused("site_malformed") from malformed
    if parts.scheme not in ("", "http", "https") or "." not in host or any(sign.isspace() for sign in host):
        raise Refused("site_malformed")
    return f"{host}{parts.path.rstrip('/')}"


def _filing(filed: Draft, owner: Account, told: Told, seller_id: str) -> Filing:
    return Filing(
        number=filed.number,
        seller=seller_id,
        buyer_country=told.country,
        seller_country=told.seller_country,
        buyer_language=owner.language,
        seller_language=told.seller_language,
        category=told.category,
        items=told.items,
        paid=told.paid,
        ordered_on=told.ordered_on,
        contacted_on=told.contacted_on,
        texts={
            "narrative": told.narrative,
            "order": _object(bought=told.bought, reference=told.reference, channel=told.channel, answer=told.answer),
            "buyer": _object(name=owner.name, email=owner.email, country=told.country),
            "seller": _object(
                name=told.seller_name, email=told.seller_email, site=told.seller_site, country=told.seller_country
            ),
        },
    )


def _object(**parts: str) -> str:
    return json.dumps(parts, ensure_ascii=False)
