"""The witness as a server: two addresses, bounded requests, bounded time, and nothing lost however it ends."""

from __future__ import annotations

import logging
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from odr import __version__
from odr.witness.keys import WitnessKey
from odr.witness.rules import LARGEST_REQUEST
from odr.witness.service import Answer, add_checkpoint, described
from odr.witness.store import Store, Unsound

QUIET = 10.0
"""Seconds without a byte after which a connection ends."""
LONGEST = 60.0
"""Seconds after which every connection ends, so that nobody holds one by sending a byte now and then."""
MOST_AT_ONCE = 64
"""Connections at a time; further ones are closed at once."""

journal = logging.getLogger("odr.witness")


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness. Listens from the moment it is made; `serve_forever` answers."""

    daemon_threads = True
    request_queue_size = MOST_AT_ONCE

    def __init__(self, host: str, port: int, store: Store, key: WitnessKey) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.store, self.key = store, key
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it is asked."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Somebody hung up, or something is broken; the kind of it is enough, and who asked is nobody's business.
        journal.warning("a request was not answered", exc_info=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = QUIET
    # Head and body of an answer leave together.
    wbufsize = 65_536
    error_message_format = "%(message)s\n"
    error_content_type = "text/plain; charset=utf-8"
    server: WitnessServer

    def setup(self) -> None:
        super().setup()
        self._end = threading.Timer(LONGEST, self._hang_up)
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def version_string(self) -> str:
        return f"evenhand-witness/{__version__}"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was signed is written by the service, and who asked is nobody's business."""

    def do_GET(self) -> None:
        if self.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        try:
            page = described(self.server.store, self.server.key)
        except Unsound as unsound:
            journal.error("%s", unsound)
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "This witness cannot read what it remembers.")
            return
        self._send(Answer(HTTPStatus.OK, page.encode()))

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            # What was sent is not read, so that the next request would begin in the middle of it.
            self.close_connection = True
            self.send_error(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        body = self._body()
        if body is not None:
            self._send(add_checkpoint(self.server.store, self.server.key, body, time.time))

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED, "Say the length of the request.")
            return None
        if len(length) > 9 or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(answer.body)

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
