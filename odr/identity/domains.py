"""Which domains one organisation can own, and the one form in which they are compared."""

from __future__ import annotations

import ipaddress
import re
from functools import cache
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from odr.kernel import Refused

MOST_SIGNS = 253
# Ends of names that are no names of the internet (RFC 6761, RFC 6762, RFC 7686, RFC 9476).
_NO_NAMES = frozenset("alt arpa home internal invalid lan local localhost onion".split())
# Whoever runs these does not speak for those who have a mailbox there.
_MAILBOXES = frozenset(
    "126.com 139.com 163.com aliyun.com aol.com fastmail.com foxmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de"
    " gmx.net googlemail.com hotmail.com icloud.com laposte.net libero.it live.com mail.com mail.ru mailbox.org me.com"
    " msn.com naver.com orange.fr outlook.com posteo.de proton.me protonmail.com qq.com sina.com sohu.com t-online.de"
    " tuta.com tutanota.com web.de wp.pl yahoo.co.jp yahoo.com yandex.com yandex.ru yeah.net zoho.com".split()
)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def domain_key(typed: str) -> str:
    """The ASCII form of a domain that one organisation can own, of whatever was typed: a name, or a page's address.

    Raises Refused("domain_malformed"), Refused("domain_public") for an end of names under which anybody gets one, and
    Refused("domain_of_many") for a house of mailboxes.
    """
    host = host_of(typed)
    if host is None:
        raise Refused("domain_malformed")
    if registrable(host) is None:
        raise Refused("domain_public")
    if is_of_many(host):
        raise Refused("domain_of_many")
    return host


def host_of(typed: str) -> str | None:
    """The name of a host in ASCII (IDNA 2008), small and without "www.", of a name or the address of a page; None where
    there is none."""
    typed = typed.strip()
    # Python drops line ends within an address; a name that holds one is no slip of the pen.
    if not typed.isprintable() or " " in typed:
        return None
    try:
        parts = urlsplit(typed if "//" in typed else f"//{typed}")
        host = idna.encode((parts.hostname or "").rstrip("."), uts46=True).decode().lower().removeprefix("www.")
    except (ValueError, idna.IDNAError):
        return None
    labels = host.split(".")
    sound = len(host) <= MOST_SIGNS and len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    if not sound or parts.scheme not in ("", "http", "https") or labels[-1] in _NO_NAMES or _is_number(host):
        return None
    return host


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True


def registrable(host: str) -> str | None:
    """The part of a name that somebody registered, "shop.co.uk" of "mail.shop.co.uk"; None for what is only an end of
    names, such as "co.uk" or a house of many sites."""
    return _suffixes().privatesuffix(host)


def is_of_many(host: str) -> bool:
    """Whether people who have nothing to do with each other have mailboxes there."""
    return (registrable(host) or host) in _MAILBOXES


def belongs_to(host: str, domain: str) -> bool:
    """Whether a name is this domain or stands below it: whoever holds the domain can give and take it."""
    return host == domain or host.endswith(f".{domain}")


def shown(domain: str) -> str:
    """A domain as people read it. Beside signs beyond ASCII stands the form that cannot be taken for another one."""
    try:
        read = idna.decode(domain)
    except idna.IDNAError:
        return domain
    return domain if read == domain else f"{read} ({domain})"
