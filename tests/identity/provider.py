"""A small provider of electronic identities (OpenID Connect) on this machine, honest until a test says otherwise."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "evenhand tests", "a secret: of/the tests"


class Provider:
    """Signs in whoever a test says. `changes` go into the claims of the next token, None takes one out; `signed_by` and
    `header` say how it is signed; `says` replaces what it says about itself."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.key = jwk.ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
        self.signed_by: Any = self.key
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "1"}
        self.changes: dict[str, Any] = {}
        self.says: dict[str, Any] = {}
        self.token: str | None = None
        self.issuer = ""
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def sign_in(self, way: str, subject: str) -> dict[str, str]:
        """What a browser brings back that was sent this way and signed in as `subject`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(way).query, strict_parsing=True).items()}
        assert way.startswith(f"{self.issuer}/authorize?")
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and asked["scope"] == "openid"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "subject": subject}
        return {"state": asked["state"], "code": code}

    def about_itself(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.says,
        }

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or pair != "evenhand%20tests:a%20secret%3A%20of%2Fthe%20tests"
        ):
            return 400, {"error": "invalid_grant"}
        now = self.clock() // 1000
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": asked["subject"],
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            # What a provider tells without being asked is not read.
            "name": "Somebody",
            **self.changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.token or jwt.encode(self.header, claims, self.signed_by, algorithms=["ES256", "HS256", "RS256"])
        return 200, {"id_token": token, "access_token": "unused", "token_type": "Bearer"}

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The issuer, for `Settings.eid_issuer`."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                if self.path == "/keys":
                    strange = {"kty": "XYZ", "kid": "0"}
                    self._say(200, {"keys": [strange, provider.key.as_dict(private=False)]})
                else:
                    self._say(200, provider.about_itself())

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(raw).items()}
                self._say(*provider.redeem(form, self.headers.get("Authorization", "")))

            def _say(self, status: int, what: dict[str, Any]) -> None:
                body = json.dumps(what).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_told: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.issuer = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self.issuer
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)
