"""Passkeys (WebAuthn): what a browser is asked to make or to sign, and checking what it answers."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import decode_credential_public_key, options_to_json, parse_authentication_credential_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedOKPPublicKey, DecodedRSAPublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from odr.factors.queries import Passkey
from odr.house import Settings
from odr.log.consent import ALGORITHMS, to_text

CHALLENGE_SIZE = 32
LONGEST_ANSWER = 20_000
_WAITS = 5 * 60_000


# What the library stumbles over in an answer that is not shaped like one: it comes from outside, no fault of ours.
_MALFORMED = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error)


class Unproven(Exception):
    """What a browser answered is not what was asked for, or was not signed by the key it names."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is kept of a passkey just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public key of a passkey as everybody can read it: its algorithm (COSE) and the key as a JWK."""

    alg: int
    key: dict[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What a browser and its passkey said when they signed, byte for byte."""

    authenticator: bytes
    client: bytes
    signature: bytes


def possible(settings: Settings) -> bool:
    """Whether browsers make passkeys for this house: they want a name, no bare number, and https but on localhost."""
    host = _host(settings)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return settings.secure or host == "localhost"
    return False


def to_make(
    settings: Settings, account_id: str, email: str, name: str, others: Sequence[Passkey], challenge: bytes, staff: bool
) -> str:
    """What a browser needs to make a passkey, as JSON. Whose maker is not asked for: a house without a list of trusted
    makers learns nothing from it that it could use, and the browser would warn about it."""
    return options_to_json(
        webauthn.generate_registration_options(
            rp_id=_host(settings),
            rp_name=settings.operator_name,
            user_id=bytes.fromhex(account_id),
            user_name=email,
            user_display_name=name,
            challenge=challenge,
            timeout=_WAITS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=_verification(staff)
            ),
            exclude_credentials=_described(others),
            # What is signed with it, others must be able to verify.
            supported_pub_key_algs=[COSEAlgorithmIdentifier(alg) for alg in ALGORITHMS],
        )
    )


def made(settings: Settings, answer: str, challenge: bytes, staff: bool) -> NewKey:
    """The passkey that a browser made. Raises Unproven."""
    try:
        found = webauthn.verify_registration_response(
            credential=_short(answer),
            expected_challenge=challenge,
            expected_rp_id=_host(settings),
            expected_origin=_origin(settings),
            require_user_verification=staff,
        )
    except _MALFORMED as wrong:
        raise Unproven from wrong
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count, found.aaguid)


def to_prove(settings: Settings, keys: Sequence[Passkey], challenge: bytes, staff: bool) -> str:
    """What a browser needs to sign with one of these passkeys, as JSON."""
    return options_to_json(
        webauthn.generate_authentication_options(
            rp_id=_host(settings),
            challenge=challenge,
            timeout=_WAITS,
            allow_credentials=_described(keys),
            user_verification=_verification(staff),
        )
    )


def proven(
    settings: Settings, keys: Sequence[Passkey], answer: str, challenge: bytes, staff: bool
) -> tuple[Passkey, int]:
    """The passkey that signed, and how often it says to have been used by now. A count that does not grow is a copied
    key, unless it counts nothing at all. Raises Unproven."""
    try:
        given = parse_authentication_credential_json(_short(answer))
        used = next((key for key in keys if key.credential_id == given.raw_id), None)
        if used is None:
            raise Unproven
        found = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_host(settings),
            expected_origin=_origin(settings),
            credential_public_key=used.public_key,
            credential_current_sign_count=used.sign_count,
            require_user_verification=staff,
        )
    except _MALFORMED as wrong:
        raise Unproven from wrong
    return used, found.new_sign_count


def said_in(answer: str) -> Said:
    """What was said in an answer that was proven. Raises Unproven."""
    try:
        response = parse_authentication_credential_json(_short(answer)).response
    except _MALFORMED as wrong:
        raise Unproven from wrong
    return Said(response.authenticator_data, response.client_data_json, response.signature)


def public_key(raw: bytes) -> PublicKey:
    """The public key of a passkey out of what its authenticator says of it. Raises Unproven for one of another kind."""
    try:
        found = decode_credential_public_key(raw)
    except _MALFORMED as wrong:
        raise Unproven from wrong
    if isinstance(found, DecodedEC2PublicKey):
        key = {"crv": "P-256", "kty": "EC", "x": to_text(found.x), "y": to_text(found.y)}
    elif isinstance(found, DecodedOKPPublicKey):
        key = {"crv": "Ed25519", "kty": "OKP", "x": to_text(found.x)}
    elif isinstance(found, DecodedRSAPublicKey):
        key = {"e": to_text(found.e), "kty": "RSA", "n": to_text(found.n)}
    else:
        raise Unproven
    return PublicKey(int(found.alg), key)


def _short(answer: str) -> str:
    if len(answer) > LONGEST_ANSWER:
        raise Unproven
    return answer


def _verification(staff: bool) -> UserVerificationRequirement:
    # A party's older stick that knows no finger and no PIN is still better than the password alone.
    return UserVerificationRequirement.REQUIRED if staff else UserVerificationRequirement.PREFERRED


def _described(keys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=key.credential_id) for key in keys]


def _host(settings: Settings) -> str:
    return urlsplit(settings.public_url).hostname or ""


def _origin(settings: Settings) -> str:
    parts = urlsplit(settings.public_url)
    return f"{parts.scheme}://{parts.netloc}"
