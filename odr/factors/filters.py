"""What pages show of second factors."""

from __future__ import annotations

import segno
from markupsafe import Markup


def picture(address: str) -> Markup:
    """The address as a square that a telephone's camera reads, dark on light in every theme."""
    drawn = segno.make(address, error="m", micro=False)
    # The library writes numbers and its own words only; nothing of the address stands in it.
    return Markup(drawn.svg_inline(scale=4, border=4, dark="#000", light="#fff"))  # noqa: S704
