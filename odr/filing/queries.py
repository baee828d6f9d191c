"""What the registrar's desk reads: the disputes that stand in one phase, and how complete a filing is."""

from __future__ import annotations

from sqlalchemy import Connection, select

from odr.disputes.queries import PAGE, ListRow, Page, listed
from odr.disputes.tables import dispute_row
from odr.kernel import moment
from odr.procedure.rules import read_day


def disputes_in(connection: Connection, phase: str, *, after: str | None = None) -> list[ListRow]:
    """The disputes of a phase, the newest filing first, a page and one more; `after` is the id of the last one seen."""
    query = select(dispute_row).where(dispute_row.c.phase == phase).order_by(dispute_row.c.id.desc()).limit(PAGE + 1)
    if after:
        query = query.where(dispute_row.c.id < after)
    return [listed(row, "registrar") for row in connection.execute(query)]


# A year from the complaint to the seller is the shortest limit the law allows (Directive 2013/11/EU, Art. 5(4)(e)).
LATE_AFTER_DAYS = 365
SHORT_STORY = 80


def completeness(page: Page) -> list[tuple[str, bool]]:
    """What a registrar looks for in every filing, as pairs of a question's name and whether it is in order.

    It decides nothing: it points to what should be read twice, and asks the same of every filing.
    """
    dispute, told = page.dispute, page.filing
    seller, order = told.get("seller", {}), told.get("order", {})
    filed, contacted = dispute.filed_at, read_day(dispute.contacted_on)
    claimed = dispute.claimed.get(dispute.paid.currency) if dispute.paid else None
    return [
        ("order", bool(order.get("reference"))),
        ("seller", bool(seller.get("email"))),
        ("contact", bool(order.get("answer"))),
        ("in_time", (moment(filed).date() - contacted).days <= LATE_AFTER_DAYS),
        ("border", dispute.buyer_country != dispute.seller_country),
        ("claim", claimed is None or dispute.paid is None or claimed.minor <= dispute.paid.minor),
        ("story", len(told.get("narrative", "")) >= SHORT_STORY),
        ("evidence", bool(dispute.evidence)),
    ]
