"""The rows about people: accounts, roles, mediators, open sessions, single-use links and counted attempts."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from odr.database import Base

ROLES = ("registrar", "mediator", "regulator", "admin")
PURPOSES = ("verify", "reset", "signin", "invite", "mandate")
FACTORS = ("passkey", "totp")
CEREMONIES = ("app", "passkey", "proof", "sign", "eid")
BEGINNINGS = ("password", "link", "verify", "invite")
"""How a session began: by a password, a mailed link, the confirmation of an address, or an invitation."""
PROVEN_BY = ("passkey", "totp", "recovery")
LEVELS = ("organisation", "eid")
METHODS = ("dns", "web", "oidc")
CREDENTIALS = ("mediation", "consumer_law", "language", "insurance")
RESET_GROUNDS = ("lost", "stolen", "left")
RESET_OUTCOMES = ("done", "refused", "lapsed")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


account = Table(
    "account",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    # Lower case, see `rules.email_key`. Emptied with the name when the account is closed: entries keep only the id.
    Column("email", String(254)),
    Column("verified_at", BigInteger),
    # None for those who come in by mailed links only.
    Column("password_hash", String(200)),
    Column("name", String(120), nullable=False),
    Column("country", String(2)),
    Column("language", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    # Nobody comes in with it until an administrator lifts that.
    Column("suspended_at", BigInteger),
    UniqueConstraint("email"),
)

# Who asked for everything of theirs to be erased; gone with the last of it.
erasure_request = Table(
    "erasure_request",
    Base.metadata,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("asked_at", BigInteger, nullable=False),
)

# What somebody typed who wants an account. It becomes one when the mailed link is answered, and is swept otherwise:
# nobody can occupy an address that is not theirs, and registering does the same work for a known address.
registration = Table(
    "registration",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("password_hash", String(200), nullable=False),
    # SHA-256 of the mark left in the browser that asked, so that this browser need not type the password again.
    Column("mark_hash", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("country", String(2), nullable=False),
    Column("language", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_registration_email", "email", "made_at"),
)

role_grant = Table(
    "role_grant",
    Base.metadata,
    Column("account_id", String(32), ForeignKey("account.id"), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("granted_at", BigInteger, nullable=False),
    # The administrator who gave it; None for the operator at the machine.
    Column("given_by", String(32), ForeignKey("account.id")),
    CheckConstraint(_one_of("role", ROLES), name="role"),
)

mediator = Table(
    "mediator",
    Base.metadata,
    # The stable name that entries give to a mediator. It stays when the account is closed: figures and draws need it.
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("languages", JSON, nullable=False),
    # Claim categories; an empty list means every field.
    Column("fields", JSON, nullable=False),
    Column("country", String(2)),
    # What a mediator declared to be tied to: sellers by their stable ids, and mail domains.
    Column("interest_sellers", JSON, nullable=False),
    Column("interest_domains", JSON, nullable=False),
    Column("training", Text, nullable=False),
    Column("admitted_at", BigInteger, nullable=False),
    Column("mandate_until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("capacity", Integer, nullable=False),
    # Appointments that were let lie count from here on: a change of the roster forgives those before it.
    Column("counted_from", BigInteger, nullable=False),
    # Until when somebody is drawn without the evidence that is asked for since: only whoever served before (ADR 34).
    Column("excused_until", BigInteger),
    UniqueConstraint("account_id"),
    CheckConstraint("capacity > 0", name="capacity"),
)

session = Table(
    "session",
    Base.metadata,
    # SHA-256 of what the cookie carries: who reads the table cannot sign in with it.
    Column("id_hash", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("device", String(80), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    # The last proof of a second factor; None before the first, and for ever where none is asked for.
    Column("factor_at", BigInteger),
    # By what that proof was given, and how the session began: both stand in records of consent.
    Column("factor_kind", String(8)),
    Column("began_by", String(8), nullable=False, server_default="password"),
    CheckConstraint(_one_of("factor_kind", PROVEN_BY), name="factor_kind"),
    CheckConstraint(_one_of("began_by", BEGINNINGS), name="began_by"),
    Index("ix_session_account_id", "account_id", "ended_at"),
)

# What proves who somebody is beside the password: a passkey, or an app that makes codes (TOTP, RFC 6238).
factor = Table(
    "factor",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    # As its owner calls it; empty when they did not say.
    Column("name", String(60), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    # Of an app: the secret, sealed like a draft, and the last step of 30 seconds whose code was taken.
    Column("wrapped_key", LargeBinary),
    Column("sealed", LargeBinary),
    Column("last_step", BigInteger),
    # Of a passkey: what its authenticator says of it, and how often it says to have been used.
    Column("credential_id", LargeBinary),
    Column("public_key", LargeBinary),
    Column("sign_count", BigInteger),
    Column("aaguid", String(36)),
    UniqueConstraint("credential_id"),
    CheckConstraint(_one_of("kind", FACTORS), name="kind"),
    CheckConstraint("(sealed IS NULL) = (kind = 'passkey')", name="secret"),
    CheckConstraint("(credential_id IS NULL) = (kind = 'totp')", name="credential"),
    Index("ix_factor_account_id", "account_id"),
)

recovery_code = Table(
    "recovery_code",
    Base.metadata,
    Column("account_id", String(32), ForeignKey("account.id"), primary_key=True),
    # SHA-256 of the account and 80 random bits: too many to be tried.
    Column("code_hash", String(64), primary_key=True),
    Column("used_at", BigInteger),
)

# A wish that all second factors of somebody be taken away, which a second administrator has to agree with.
factor_reset = Table(
    "factor_reset",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    # The administrator who asks; None for the operator at the machine.
    Column("asked_by", String(32), ForeignKey("account.id")),
    Column("asked_at", BigInteger, nullable=False),
    Column("ground", String(8), nullable=False),
    Column("answered_by", String(32), ForeignKey("account.id")),
    Column("answered_at", BigInteger),
    Column("outcome", String(8)),
    CheckConstraint(_one_of("ground", RESET_GROUNDS), name="ground"),
    CheckConstraint(_one_of("outcome", RESET_OUTCOMES), name="outcome"),
    CheckConstraint("answered_by IS NULL OR asked_by IS NULL OR answered_by <> asked_by", name="two_people"),
    Index("ix_factor_reset_account_id", "account_id", "outcome"),
)

# What was asked of a browser and waits for its answer, such as a passkey's challenge: for one session, once, for
# minutes.
ceremony = Table(
    "ceremony",
    Base.metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("purpose", String(8), primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    CheckConstraint(_one_of("purpose", CEREMONIES), name="purpose"),
    Index("ix_ceremony_made_at", "made_at"),
)

link = Table(
    "link",
    Base.metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(8), nullable=False),
    Column("account_id", String(32)),
    Column("email", String(254)),
    Column("dispute_id", String(32)),
    # As entries of that dispute name whom it is for.
    Column("actor_id", String(32)),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    CheckConstraint(_one_of("purpose", PURPOSES), name="purpose"),
    CheckConstraint("account_id IS NOT NULL OR email IS NOT NULL", name="bound"),
    Index("ix_link_account_id", "account_id", "purpose"),
    Index("ix_link_email", "email", "purpose"),
    Index("ix_link_dispute_id", "dispute_id"),
)

# What stands for who somebody is beyond their address: an organisation by its domain, a person by an electronic
# identity. Begun with a token that the domain has to show; proven once that was seen, or a provider said so.
identity_proof = Table(
    "identity_proof",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("level", String(16), nullable=False),
    Column("method", String(8), nullable=False),
    # Whom or what it names, sealed, and its keyed hash, by which two claims to the same are found.
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("subject_hash", String(64), nullable=False),
    # What the domain has to show; not secret, since it is published there.
    Column("token", String(43)),
    Column("begun_at", BigInteger, nullable=False),
    Column("proven_at", BigInteger),
    Column("checked_at", BigInteger),
    # How often in a row it was not found any more where it once was.
    Column("missed", Integer, nullable=False, server_default="0"),
    Column("until", BigInteger),
    Column("ended_at", BigInteger),
    CheckConstraint(_one_of("level", LEVELS), name="level"),
    CheckConstraint(_one_of("method", METHODS), name="method"),
    Index("ix_identity_proof_account_id", "account_id", "ended_at"),
    Index("ix_identity_proof_subject_hash", "subject_hash", "ended_at"),
)

# What a mediator showed of training and standing, each for a time (procedure.md: admission).
credential = Table(
    "credential",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("mediator_id", String(32), ForeignKey("mediator.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("issuer", String(120), nullable=False),
    # SHA-256 of the document that was looked at; the document itself is not kept.
    Column("document_sha256", LargeBinary),
    Column("added_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("reminded_at", BigInteger),
    CheckConstraint(_one_of("kind", CREDENTIALS), name="kind"),
    Index("ix_credential_mediator_id", "mediator_id", "expires_at"),
)

rate = Table(
    "rate",
    Base.metadata,
    # A keyed hash: neither addresses nor accounts can be read out of it.
    Column("bucket", String(32), primary_key=True),
    Column("action", String(32), primary_key=True),
    Column("opened_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("spent", Integer, nullable=False),
    Index("ix_rate_last_at", "last_at"),
)
