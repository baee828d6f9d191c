"""An electronic identity by OpenID Connect: the way to the provider, and what the provider says on the way back.

Authorization code flow with PKCE (RFC 7636) and a nonce; the ID token is checked by the provider's published keys
(OpenID Connect Core 1.0, 3.1.3.7). What is beside the subject in it is never read. The package that checks signatures
is an extra: a house without a provider does without it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from odr.house import Settings
from odr.identity.probes import cut, tls_for

PATIENCE = 10.0
"""Seconds that one question to the provider may take."""
LARGEST_ANSWER = 256 * 1024
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key that only the provider has: neither none, nor one that whoever knows our secret could make."""
_PACKAGE = "joserfc"


class Unreachable(Exception):
    """The provider gave no answer that could be used; the text says which, for the operator's log."""


class Unproven(Exception):
    """The provider's answer proves nothing; the text says why, for the operator's log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider says about itself: where people go, where codes are redeemed, and where its keys are."""

    authorization: str
    token: str
    keys: str


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser is sent with, and what has to come back with it."""

    state: str
    nonce: str
    verifier: str


def is_set_up(settings: Settings) -> bool:
    """Whether this house has a provider of electronic identities."""
    return bool(settings.eid_issuer and settings.eid_client_id)


def is_missing(settings: Settings) -> bool:
    """Whether a provider is named and the package is not there that checks what it says."""
    return is_set_up(settings) and find_spec(_PACKAGE) is None


def name_of(settings: Settings) -> str:
    """What people call the provider."""
    return settings.eid_name or urlsplit(settings.eid_issuer).netloc


def discover(settings: Settings) -> Provider:
    """Ask the provider where everything is. Raises Unreachable."""
    issuer = settings.eid_issuer
    said = _json(settings, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise Unreachable("issuer")
    named = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(url, str) and _is_fit(settings, url) for url in named):
        raise Unreachable("endpoints")
    return Provider(*map(str, named))


def way_to(settings: Settings, provider: Provider, errand: Errand) -> str:
    """The address at the provider to which a browser goes with its errand."""
    asked = {
        "response_type": "code",
        "scope": "openid",
        "client_id": settings.eid_client_id,
        "redirect_uri": way_back(settings),
        "state": errand.state,
        "nonce": errand.nonce,
        "code_challenge": _challenge(errand.verifier),
        "code_challenge_method": "S256",
    }
    return f"{provider.authorization}{'&' if '?' in provider.authorization else '?'}{urlencode(asked)}"


def way_back(settings: Settings) -> str:
    """The address of ours that the provider sends people back to; it has to be entered there."""
    return f"{settings.public_url.rstrip('/')}/identity/eid/return"


def redeem(settings: Settings, provider: Provider, errand: Errand, code: str, at: int) -> str:
    """Give the code for the ID token, and answer the subject that the token is about, once all in it holds.

    Raises Unreachable and Unproven.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": way_back(settings),
        "code_verifier": errand.verifier,
    }
    said = _json(settings, provider.token, form)
    token = said.get("id_token")
    if not isinstance(token, str):
        raise Unproven("no token")
    claims = _signed_claims(token, _json(settings, provider.keys))
    return _subject(settings, claims, errand.nonce, at // 1000)


def _signed_claims(token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    # Here and not above, since a house without a provider need not have it.
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    try:
        known = []
        for key in keys.get("keys", []):
            # A kind of key that we do not know must not spoil the others.
            with suppress(JoseError, ValueError, TypeError, KeyError):
                known.append(jwk.import_key(key))
        return jwt.decode(token, jwk.KeySet(known), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as wrong:
        raise Unproven(f"signature: {type(wrong).__name__}") from wrong


def _subject(settings: Settings, claims: Mapping[str, Any], nonce: str, now: int) -> str:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    instants = {name: claims.get(name) for name in ("exp", "iat")}
    subject, held = claims.get("sub"), claims.get("nonce")
    holds = {
        "issuer": claims.get("iss") == settings.eid_issuer,
        "audience": settings.eid_client_id in named,
        "party": (claims.get("azp") or settings.eid_client_id) == settings.eid_client_id
        and (len(named) == 1 or "azp" in claims),
        "instants": all(isinstance(each, int | float) for each in instants.values()),
        "nonce": isinstance(held, str) and hmac.compare_digest(held.encode(), nonce.encode()),
        "subject": isinstance(subject, str) and 0 < len(subject) <= 255,
    }
    faults = [name for name, held in holds.items() if not held]
    if not faults and not (now < instants["exp"] + LEEWAY and instants["iat"] <= now + LEEWAY):  # type: ignore[operator]
        faults = ["time"]
    if faults:
        raise Unproven(", ".join(faults))
    return str(subject)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def secret_of(settings: Settings) -> str:
    """The secret by which the provider knows this house; empty where it has none, and only PKCE protects the code."""
    if settings.eid_secret_file:
        return settings.eid_secret_file.read_text("utf-8").strip()
    return settings.eid_secret


def _is_fit(settings: Settings, url: str) -> bool:
    address = urlsplit(url)
    # As the issuer itself: https, or http in a house that is not a real one.
    return bool(address.hostname) and address.scheme in ("https", urlsplit(settings.eid_issuer).scheme)


def _json(settings: Settings, url: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """The object that the provider answers. No redirect is followed. Raises Unreachable."""
    address = urlsplit(url)
    headers = {"Accept": "application/json", "User-Agent": "Evenhand"}
    body = None
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        if secret := secret_of(settings):
            # RFC 6749, 2.3.1: both are encoded as in a form first.
            pair = f"{quote(settings.eid_client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form = {**form, "client_id": settings.eid_client_id}
        body = urlencode(form)
    connection = _connection(settings, address.scheme, address.hostname or "", address.port)
    end = threading.Timer(PATIENCE, cut, [connection])
    end.daemon = True
    end.start()
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        connection.request("GET" if body is None else "POST", target, body, headers)
        answer = connection.getresponse()
        raw = answer.read(LARGEST_ANSWER + 1)
        if answer.status != 200 or len(raw) > LARGEST_ANSWER:
            raise Unreachable(f"status {answer.status}")
        said = json.loads(raw)
    except (OSError, HTTPException, ValueError, RecursionError) as trouble:
        raise Unreachable(type(trouble).__name__) from trouble
    finally:
        end.cancel()
        connection.close()
    if not isinstance(said, dict):
        raise Unreachable("no object")
    return said


def _connection(settings: Settings, scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=PATIENCE, context=tls_for(settings))
    return HTTPConnection(host, port, timeout=PATIENCE)
