"""Amounts as people type them, in any country's manner, read exactly or not at all."""

from __future__ import annotations

import re
import unicodedata

from babel import Locale
from babel.numbers import get_currency_symbol, get_decimal_symbol

from odr.kernel import CURRENCIES, Money, Refused, decimals
from odr.web.language import manner

# What separates thousands and nothing else: blanks of every width, the Swiss apostrophe, the Arabic sign.
_THOUSANDS = re.compile(r"[\s'’٬]")
# Signs as Chinese and Arabic keyboards type them. Not all that Unicode calls compatible: 10² is not 102.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN = str.maketrans({"٫": ".", "、": ",", "。": ".", "￥": "¥"}) | _WIDE


def read_amount(text: str, currency: str, locale: Locale | None = None) -> Money:
    """An amount such as "48,90", "48.90", "1.149,00", "1,149.00", "1 149" or full-width digits.

    One separator before exactly three digits is read in the manner of `locale` (the reader's), and only where that
    leaves no doubt. Raises Refused("amount_malformed" | "amount_ambiguous" | "amount_too_precise" |
    "amount_too_large" | "amount_not_positive" | "currency_unknown").
    """
    if currency not in CURRENCIES:
        raise Refused("currency_unknown")
    amount = Money.parse(_plain(_bare(text, currency), currency, locale or manner()), currency)
    if amount.minor <= 0:
        raise Refused("amount_not_positive")
    return amount


def _bare(text: str, currency: str) -> str:
    """Digits and separators alone, in ASCII, whatever keyboard they were typed on."""
    digits = "".join(str(unicodedata.decimal(sign, sign)) for sign in text.translate(_PLAIN)).strip()
    for name in (currency, get_currency_symbol(currency, "en"), get_currency_symbol(currency, manner())):
        digits = digits.removeprefix(name).removesuffix(name).strip()
    # "48,-" says the same as 48.
    return re.sub(r"[.,][-–—]{1,2}$", "", _THOUSANDS.sub("", digits))


def _plain(bare: str, currency: str, locale: Locale) -> str:
    """The same amount with a full stop for the decimals and nothing between the thousands."""
    signs = [sign for sign in bare if sign in ".,"]
    if not signs:
        return bare
    last = signs[-1]
    whole, _, fraction = bare.rpartition(last)
    if len(set(signs)) == 2:
        # Two kinds of separator leave no doubt: the later one is for the decimals, if it stands once.
        if signs.count(last) > 1:
            raise Refused("amount_malformed")
        return f"{_ungrouped(whole)}.{fraction}"
    if len(signs) > 1:
        return _ungrouped(bare)
    if len(fraction) != 3 or not whole.strip("0"):
        return f"{whole or 0}.{fraction}"
    return _doubtful(whole, fraction, last, currency, locale)


def _ungrouped(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}([.,][0-9]{3})+", text, re.ASCII) and not text.isdecimal():
        raise Refused("amount_malformed")
    return re.sub("[.,]", "", text)


def _doubtful(whole: str, fraction: str, separator: str, currency: str, locale: Locale) -> str:
    """ "1,149": a thousand and more, or one and a bit? The reader's manner says, unless the currency denies it."""
    is_decimal = separator == get_decimal_symbol(locale)
    if is_decimal and decimals(currency) == 3:
        return f"{whole}.{fraction}"
    if is_decimal or decimals(currency) == 3 or len(whole) > 3 or whole.startswith("0"):
        raise Refused("amount_ambiguous", plain=f"{whole}{fraction}")
    return whole + fraction
