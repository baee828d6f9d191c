"""Witnesses in the process of a test: honest ones whose clock it holds, and peers that answer whatever it says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from odr.house import House
from odr.log.note import vkey
from odr.witness.keys import WitnessKey, make_key
from odr.witness.service import Answer, add_checkpoint
from odr.witness.store import Store


@dataclass
class Peer:
    """Somebody at an address who speaks HTTP. `asked` are the bodies that came in."""

    answer: Callable[[bytes], Answer]
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        peer: Peer = self.server.peer
        body = self.rfile.read(int(self.headers["Content-Length"]))
        peer.asked.append(body)
        answer = peer.answer(body)
        self.send_response(answer.status)
        for name, value in {
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            **peer.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(answer.body)
        except OSError:
            return

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def answering(peer: Peer, port: int = 0) -> Iterator[Peer]:
    """This peer, at an address on this machine, until the end of the block."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        server.daemon_threads = True
        server.peer = peer
        peer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join(30)


@dataclass
class Honest:
    """A real witness that follows the log of a house, by the clock of that house."""

    key: WitnessKey
    store: Store
    peer: Peer

    def line(self, name: str, url: str | None = None) -> str:
        """Its line in a policy."""
        return f"witness {name} {self.key.vkey} {self.peer.url if url is None else url}\n"


def a_witness(house: House, folder: Path, name: str) -> Honest:
    """A witness in a folder of its own; it answers within `answering(it.peer)`."""
    key, store = make_key(folder, f"{name}.example/w"), Store(folder)
    store.follow(vkey(house.origin, house.keys.public_key))
    peer = Peer(lambda body: add_checkpoint(store, key, body, lambda: house.clock() / 1000))
    return Honest(key, store, peer)


def with_policy(house: House, text: str) -> House:
    """The house with a policy of this text."""
    file = house.settings.instance / "policy"
    file.write_text(text, "utf-8")
    return replace(house, settings=replace(house.settings, policy=file))


def log_line(house: House) -> str:
    return f"log {vkey(house.origin, house.keys.public_key)}\n"
