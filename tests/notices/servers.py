"""Mail servers for tests: real ones on this machine, that take, refuse, hang up or dawdle as a test tells them."""

from __future__ import annotations

import email
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache
from typing import Any

from aiosmtpd.controller import Controller


class Peer:
    """A mail server's manners: what it answers to each recipient and to a message, and what it took."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.rcpt, self.data = "250 OK", "250 OK"
        self.refused: dict[str, str] = {}
        self.taken: list[bytes] = []
        self.hangs_up = False
        self.on_message: Callable[[], None] = lambda: None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.refused.get(address, self.rcpt)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.on_message()
        if self.data.startswith("250"):
            self.taken.append(envelope.content)
        if self.hangs_up:
            server.transport.abort()
        return self.data

    @property
    def messages(self) -> list[EmailMessage]:
        return [_parsed(raw) for raw in self.taken]

    def mail_to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if message["To"] == address]

    @contextmanager
    def serving(self, **options: Any) -> Iterator[Peer]:
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()


@lru_cache(maxsize=4_096)
def _parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=SMTP)


def a_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
