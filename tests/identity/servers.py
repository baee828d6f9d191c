"""Name servers and web sites for tests: real ones on this machine, that answer, refuse and dawdle as a test says."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Names:
    """A name server that knows what a test wrote into `records`: texts or addresses by name and kind. It says nothing
    while `is_ill`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.asked: list[str] = []
        self.is_ill = False

    def write(self, name: str, kind: str, *values: str) -> None:
        self.records[name, kind] = [f'"{value}"' if kind == "TXT" else value for value in values]

    def forget(self, name: str, kind: str) -> None:
        self.records.pop((name, kind), None)

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        [question] = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name
        self.asked.append(f"{name} {kind}")
        if self.is_ill:
            return None
        said = dns.message.make_response(query)
        said.flags |= dns.flags.RA
        found = self.records.get((name, kind))
        if found:
            said.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, found))
        elif not any(known == name for known, _kind in self.records):
            said.set_rcode(dns.rcode.NXDOMAIN)
        return said.to_wire()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address under which it is asked, for `Settings.dns_server`."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            port = server.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
            thread.start()
            try:
                yield f"127.0.0.1:{port}"
            finally:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                    last.sendto(b"", ("127.0.0.1", port))
                thread.join(10)

    def _serve(self, server: socket.socket) -> None:
        while True:
            wire, asker = server.recvfrom(4096)
            if not wire:
                return
            said = self.answer(wire)
            if said is not None:
                server.sendto(said, asker)


class Site:
    """A web site over https for some hosts. `says` is what it does with a request; `file` answers a text."""

    def __init__(self, folder: Path, *hosts: str) -> None:
        self.asked: list[str] = []
        self.says: Callable[[Any], None] = self.file("")
        self.authority, self._chain = certificates(folder, hosts)
        self.released = threading.Event()

    @staticmethod
    def file(text: str, status: int = 200, **headers: str) -> Callable[[Any], None]:
        def say(request: Any) -> None:
            raw = text.encode()
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(raw)))
            request.end_headers()
            request.wfile.write(raw)

        return say

    def dawdle(self, request: Any) -> None:
        """Begin an answer, and go on only when the test is over."""
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"e")
        request.wfile.flush()
        self.released.wait(60)

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The port at which it answers."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(f"{self.headers['Host']} {self.path}")
                site.says(self)

            def log_message(self, *_told: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()
            thread.join(10)


def certificates(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """An authority of its own and a certificate by it for these hosts: the files of the one, and of the other with its
    key."""
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, key: Any, issuer: str, signer: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(signer, hashes.SHA256())

    root_key, site_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate(
        "Tests",
        root_key,
        "Tests",
        root_key,
        x509.BasicConstraints(ca=True, path_length=0),
        x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()),
    )
    site = certificate(
        "Site",
        site_key,
        "Tests",
        root_key,
        x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
    )
    authority, chain = folder / "authority.pem", folder / "site.pem"
    pem = serialization.Encoding.PEM
    authority.write_bytes(root.public_bytes(pem))
    private = site_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(site.public_bytes(pem) + private)
    return authority, chain
