"""Asking a domain for what it shows: a record of the DNS, or a file on its site. Nothing of the answer but whether the
line was there leaves this file.

The name comes from a stranger, so the house could be made to knock at doors of its own network (SSRF). Only names with
public addresses are asked, each looked up once and spoken to at that very address, over https and at one port; no
redirect is followed, and silence, length and time are bounded.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

from odr.house import HTTPS_PORT, Settings
from odr.identity.rules import DNS, FILE, RECORD, line_of

PATIENCE = 5.0
"""Seconds that one question to the DNS, or a site with all that it says, may take."""
LARGEST_FILE = 4 * 1024
MOST_RECORDS = 50

FOUND, ABSENT, UNREACHABLE = "found", "absent", "unreachable"
"""What asking comes to: the line is there, the domain answered without it, or it gave no answer at all."""

# What Python's registry of special addresses does not call private: ways round to version 4 (RFC 6052, 8215, 3056,
# 4380), shared space of providers (RFC 6598), and what was reserved for trials.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "5f00::/16", "fec0::/10",
    )
)  # fmt: skip


def ask(settings: Settings, method: str, domain: str, token: str) -> str:
    """Whether this domain shows the line for this token, by the given way: one of the three words above."""
    return by_dns(settings, domain, token) if method == DNS else by_web(settings, domain, token)


def by_dns(settings: Settings, domain: str, token: str) -> str:
    """Whether a TXT record beside the domain holds the line."""
    try:
        records = texts_at(settings, RECORD + domain)
    except dns.exception.DNSException:
        return UNREACHABLE
    return FOUND if line_of(token) in records[:MOST_RECORDS] else ABSENT


def by_web(settings: Settings, domain: str, token: str) -> str:
    """Whether one line of the file on the domain's own site is the line."""
    try:
        addresses = public_addresses(settings, domain)
    except dns.resolver.NXDOMAIN:
        # A name that is gone is no site that is silent: whoever ran it runs it no more.
        return ABSENT
    except dns.exception.DNSException:
        return UNREACHABLE
    for address in addresses:
        try:
            text = _file_at(settings, domain, address)
        except (OSError, HTTPException, ValueError):
            continue
        lines = [line.strip() for line in text.decode("utf-8-sig", "replace").splitlines()] if text else []
        return FOUND if line_of(token) in lines else ABSENT
    return UNREACHABLE


def texts_at(settings: Settings, name: str) -> list[str]:
    """The texts (TXT) that stand at a name of the DNS, none where there is no such name. Raises DNSException."""
    try:
        answer = _resolver(settings).resolve(name, RdataType.TXT, search=False, lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]


def public_addresses(settings: Settings, host: str) -> list[str]:
    """The addresses to ask, one of each version, if all that the name has are public: a name with one that is not leads
    into somebody's network. Raises DNSException, as NXDOMAIN where there is no such name."""
    found: list[list[str]] = []
    for kind in (RdataType.A, RdataType.AAAA):
        with suppress(dns.resolver.NoAnswer):
            answer = _resolver(settings).resolve(host, kind, search=False, lifetime=PATIENCE)
            found.append([record.address for record in answer])
    if not all(is_public(address, settings) for addresses in found for address in addresses):
        return []
    # One of each kind: nobody waits for a long list of houses that say nothing.
    return [addresses[0] for addresses in found if addresses]


def is_public(address: str, settings: Settings) -> bool:
    """Whether an address is one of the internet's. A house that looks at another port than that of https is one of the
    tests, whose sites lie on this machine."""
    parsed = ipaddress.ip_address(address)
    if settings.identity_port != HTTPS_PORT and parsed.is_loopback:
        return True
    if isinstance(parsed, ipaddress.IPv6Address) and (parsed.ipv4_mapped or parsed.sixtofour or parsed.teredo):
        return False
    inner = any(parsed.version == network.version and parsed in network for network in _NOT_PUBLIC)
    return parsed.is_global and not parsed.is_multicast and not inner


def _resolver(settings: Settings) -> dns.resolver.Resolver:
    if not settings.dns_server:
        return dns.resolver.Resolver()
    resolver, server = dns.resolver.Resolver(configure=False), urlsplit(f"//{settings.dns_server}")
    resolver.nameservers, resolver.port = [server.hostname or ""], server.port or 53
    return resolver


class _Pinned(HTTPSConnection):
    """A connection to the address that was looked at, whatever the DNS says meanwhile."""

    def __init__(self, host: str, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=PATIENCE, context=context)
        self._address, self._tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = plain
        # Kept before the handshake, so that `cut` reaches it while that dawdles.
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def _file_at(settings: Settings, host: str, address: str) -> bytes:
    """The file, empty where the site has none or one that is too long. Raises OSError and HTTPException."""
    connection = _Pinned(host, address, settings.identity_port, tls_for(settings))
    # Silence ends it by itself; this ends it with a site that sends a byte now and then.
    end = threading.Timer(PATIENCE, cut, [connection])
    end.daemon = True
    end.start()
    try:
        connection.request("GET", FILE, headers={"User-Agent": "Evenhand", "Accept": "text/plain"})
        answer = connection.getresponse()
        said = answer.read(LARGEST_FILE + 1) if answer.status == 200 else b""
        return said if len(said) <= LARGEST_FILE else b""
    finally:
        end.cancel()
        connection.close()


def tls_for(settings: Settings) -> ssl.SSLContext:
    """How the house checks the certificates of others: by the machine's own list, or by the file that is set."""
    return ssl.create_default_context(cafile=str(settings.identity_ca) if settings.identity_ca else None)


def cut(connection: HTTPConnection) -> None:
    """End a connection from another thread, whatever it waits for."""
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
