"""The document of the log format is true: its examples are recomputed, its lists compared with the code."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from odr.casefile import archive as zips
from odr.casefile import records
from odr.kernel import moment
from odr.log import chain, consent, note, offline, policy, proof, receipt, rules, signers
from odr.log.cosigning import verify_with

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs" / "log-format.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "tests" / "samples" / "entry-v1.json"
EXAMPLES: dict[str, str] = dict(re.findall(r"^```(?:json|text) ([a-z-]+)\n(.*?)\n```$", DOCUMENT, re.M | re.S))

SEEDS = ("signing-seed", "second-seed")
MADE = 1_772_442_060_000

RAW = EXAMPLES["entry"].encode()
ENTRY: dict[str, Any] = json.loads(RAW)


def hashes(name: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in EXAMPLES[name].split("\n")]


def lp(part: str | bytes) -> bytes:
    """The length prefix, written here once more from the document."""
    plain = part.encode() if isinstance(part, str) else part
    return len(plain).to_bytes(8, "big") + plain


# -- worked examples ---------------------------------------------------------------------------------------------


def test_canonical_json() -> None:
    given = json.loads(EXAMPLES["canonical-given"])
    raw = EXAMPLES["canonical-bytes"].encode()

    assert chain.canonical(given) == raw
    assert chain.parse(raw) == given


def test_the_entry_and_its_leaf_hash() -> None:
    (leaf,) = hashes("leaf-hash")

    assert chain.encode(chain.check(RAW)) == RAW
    assert chain.leaf_hash(RAW) == hashlib.sha256(b"\x00" + RAW).digest() == leaf
    assert EXAMPLES["entry"] == json.loads(SAMPLE.read_text())["raw"]


def test_the_commitment() -> None:
    given = json.loads(EXAMPLES["commitment-given"])
    salt, payload = bytes.fromhex(given["salt"]), given["payload"].encode()
    message = b"".join(
        (
            lp("odr/commit/v1"),
            lp(ENTRY["log"]),
            lp(ENTRY["stream"]),
            ENTRY["ver"].to_bytes(8, "big"),
            lp(given["name"]),
            lp(payload),
        )
    )

    assert message.hex() == EXAMPLES["commitment-message"]
    assert hmac.digest(salt, message, "sha256").hex() == EXAMPLES["commitment"] == ENTRY["commit"][given["name"]]
    assert chain.opens(chain.check(RAW), given["name"], salt, payload)


def test_the_act() -> None:
    given = json.loads(EXAMPLES["act-given"])
    salt = bytes.fromhex(given["salt"])
    mac = hmac.digest(salt, lp("odr/body/v1") + lp(chain.canonical(given["body"])), "sha256")
    parts = ("odr/act/v1", ENTRY["log"], ENTRY["stream"], ENTRY["actor"], given["key"], salt, mac)

    assert mac == chain.body_mac(salt, given["body"])
    assert mac.hex() == EXAMPLES["body-mac"]
    assert hashlib.sha256(b"".join(map(lp, parts))).hexdigest() == EXAMPLES["act"] == ENTRY["act"]


def test_the_tree() -> None:
    leaves = [chain.leaf_hash(letter.encode()) for letter in "abcde"]
    roots = hashes("tree-roots")

    assert hashes("tree-leaves") == leaves
    assert [proof.root(leaves[:size]) for size in range(6)] == roots
    assert list(proof.roots_at(leaves, range(6))) == roots


def test_the_right_edge() -> None:
    given = json.loads(EXAMPLES["right-edge"])
    leftovers, count = [], given["size"]
    while count:
        leftovers.append(count % proof.TILE_WIDTH)
        count //= proof.TILE_WIDTH

    assert leftovers == given["leftovers"]


def test_the_proofs() -> None:
    leaves, roots = hashes("tree-leaves"), hashes("tree-roots")
    included, grown = json.loads(EXAMPLES["inclusion"]), json.loads(EXAMPLES["consistency"])
    path = [bytes.fromhex(hash_) for hash_ in included["path"]]
    growth = [bytes.fromhex(hash_) for hash_ in grown["path"]]

    assert path == proof.inclusion_proof(leaves, included["index"])
    assert growth == proof.consistency_proof(leaves, grown["old_size"])
    proof.verify_inclusion(leaves[included["index"]], included["index"], included["size"], path, roots[5])
    proof.verify_consistency(grown["old_size"], roots[3], grown["new_size"], roots[5], growth)


def test_the_checkpoint() -> None:
    origin = ENTRY["log"]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES["signing-seed"]))
    public_key = bytes.fromhex(EXAMPLES["public-key"])
    raw = EXAMPLES["checkpoint"].encode() + b"\n"
    text, _, line = raw.rpartition(b"\n\n")
    plain = base64.b64decode(line.split()[-1])

    assert key.public_key().public_bytes_raw() == public_key
    assert note.vkey(origin, public_key) == EXAMPLES["vkey"]
    assert note.read_vkey(EXAMPLES["vkey"]) == (origin, public_key)
    Ed25519PublicKey.from_public_bytes(public_key).verify(plain[4:], text + b"\n")
    checkpoint = note.Checkpoint(origin, 5, hashes("tree-roots")[5])
    assert note.read_checkpoint(text + b"\n") == checkpoint
    key_id = note.key_id(origin, public_key)
    assert note.sign(note.checkpoint_text(checkpoint), origin, key_id, key.sign) == raw


def test_the_opening() -> None:
    given = json.loads(EXAMPLES["opening"])
    spoken = json.loads(EXAMPLES["commitment-given"])

    assert chain.canonical(given) == EXAMPLES["opening"].encode()
    assert given == {**spoken, "stream": ENTRY["stream"], "ver": ENTRY["ver"]}
    assert offline.openings_in(EXAMPLES["opening"].encode()) == {
        (ENTRY["stream"], ENTRY["ver"]): [("message", bytes.fromhex(given["salt"]), given["payload"].encode())]
    }


def test_the_cosignature_and_the_policy() -> None:
    raw = EXAMPLES["checkpoint"].encode() + b"\n"
    text = raw.partition(b"\n\n")[0] + b"\n"
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES["witness-seed"]))
    public, name, at = private.public_key().public_bytes_raw(), "witness.example.org/w1", 1_772_442_060
    key_id = hashlib.sha256(f"{name}\n".encode() + b"\x04" + public).digest()[:4]
    signed = b"cosignature/v1\ntime %d\n" % at + text
    stamped = base64.b64encode(key_id + at.to_bytes(8, "big") + private.sign(signed)).decode()
    line = f"\N{EM DASH} {name} {stamped}\n".encode()

    assert signed == EXAMPLES["cosigned-text"].encode() + b"\n"
    assert line == EXAMPLES["cosignature"].encode() + b"\n"
    assert EXAMPLES["witness-vkey"] == f"{name}+{key_id.hex()}+{base64.b64encode(bytes([4]) + public).decode()}"
    assert note.read_vkey(EXAMPLES["witness-vkey"], note.COSIGNATURE) == (name, public)
    told = policy.read_policy(EXAMPLES["policy"].encode() + b"\n")
    assert policy.judge(raw + line, told, verify_with).met and not policy.judge(raw, told, verify_with).met


def test_the_receipt() -> None:
    origin, raw = ENTRY["log"], EXAMPLES["receipt"].encode() + b"\n"
    leaves = [chain.leaf_hash(held) for held in (b"a", b"b", RAW, b"c")]
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES["signing-seed"]))
    key_id = note.key_id(origin, bytes.fromhex(EXAMPLES["public-key"]))
    checkpoint = note.Checkpoint(origin, 4, proof.root(leaves))
    signed = note.sign(note.checkpoint_text(checkpoint), origin, key_id, key.sign)
    report = offline.Report("receipt")

    offline.verify_receipt(raw, offline.Trust([offline.key_in(EXAMPLES["vkey"])]), {}, report)

    assert receipt.write(receipt.Receipt(RAW, 2, tuple(proof.inclusion_proof(leaves, 2)), signed)) == raw
    assert (report.status, report.seen["idx"], report.seen["size"]) == (offline.SOUND, 2, 4)


def test_who_signs_and_the_history() -> None:
    raws = [line.encode() for line in EXAMPLES["history-entries"].split("\n")]
    leaves, origin = [chain.leaf_hash(raw) for raw in raws], ENTRY["log"]
    first, second = [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES[name])) for name in SEEDS]
    vkeys = [note.vkey(origin, key.public_key().public_bytes_raw()) for key in (first, second)]
    told = {"1": vkeys[:1], "2": vkeys, "3": vkeys[1:]}
    keys = dict(zip(vkeys, (first, second), strict=True))

    def checkpoint(size: int) -> bytes:
        text = note.checkpoint_text(note.Checkpoint(origin, size, proof.root(leaves[:size])))
        signed = [keys[line] for line in told[str(size)]]
        ids = [note.key_id(origin, key.public_key().public_bytes_raw()) for key in signed]
        lines = [note.signature_line(text, origin, *one) for one in zip(ids, [key.sign for key in signed], strict=True)]
        return text + b"\n" + b"".join(lines)

    def shown(index: int, size: int) -> bytes:
        path = tuple(proof.inclusion_proof(leaves[:size], index))
        return receipt.write(receipt.Receipt(raws[index], index, path, checkpoint(size)))

    history = b"".join(shown(*one) for one in ((0, 1), (1, 2), (2, 3), (0, 3), (1, 3), (2, 3)))
    trust, report = offline.Trust([offline.key_in(vkeys[0])]), offline.Report("history")
    trust.learn(history, report)

    assert json.loads(EXAMPLES["signers"]) == told
    assert json.loads(EXAMPLES["history"]) == {"length": len(history), "sha256": hashlib.sha256(history).hexdigest()}
    folded = signers.fold(origin, [(chain.check(raw), place) for place, raw in enumerate(raws)])
    for size, lines in told.items():
        assert [term.vkey for term in folded.at(int(size))] == lines
        assert trust.at(int(size)) == [offline.key_in(line) for line in lines]
    assert report.findings == []


def test_the_erasure() -> None:
    given = json.loads(EXAMPLES["erasure"])
    entries = {one["ver"]: {**one, "commit": dict.fromkeys(one["commit"], chain.GENESIS)} for one in given["entries"]}
    head, found = offline.Stream(), []
    for version, entry in entries.items():
        head.watch(entry, lambda code, **_: found.append(code))
        head.words[version] = (entry["actor"], tuple(entry["commit"]))
    erased = rules.erased_in(entries)

    assert {(version, name): by for version, name, by in given["erased"]} == erased.words == head.erased
    assert (erased.breaches, found) == ([], [])
    # Without the lifting, the order is one under a hold.
    del entries[3]
    assert [breach.code for breach in rules.erased_in(entries).breaches] == ["erasure_under_hold"]


def test_the_parts_of_a_case_file(tmp_path: Path) -> None:
    leaves = [chain.leaf_hash(held) for held in (b"a", b"b", RAW, b"c")]
    hidden = records.Hidden(3, 1, leaves[1], proof.inclusion_proof(leaves, 1))
    shown = EXAMPLES["receipt"].encode() + b"\n"
    members = {
        "index.html": b"<p>",
        "entries/000004.tlog-proof": shown,
        "openings.jsonl": EXAMPLES["opening"].encode() + b"\n",
        "checkpoint": shown.partition(b"\n\n")[2],
    }
    told = [zips.listed(path, [held]) for path, held in members.items()]
    text = records.manifest_text(ENTRY["log"], ENTRY["stream"], 4, "buyer", MADE, told)
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES["signing-seed"]))
    manifest = note.sign(text, ENTRY["log"], note.key_id(ENTRY["log"], key.public_key().public_bytes_raw()), key.sign)
    packed = [zips.Member(one.path, [members[one.path]], one) for one in told]
    raw = b"".join(zips.archive(packed, moment(MADE), lambda _: manifest))
    row, second = raw.index(b"PK\1\2"), raw.index(b"PK\3\4", 4)
    (tmp_path / "case.zip").write_bytes(raw)
    read = offline.Archive(str(tmp_path / "case.zip"))
    trust = offline.Trust([offline.key_in(EXAMPLES["vkey"])])

    assert records.hidden_lines([hidden]) == EXAMPLES["hidden"].encode() + b"\n"
    assert records.withheld_lines([(4, "message")]) == EXAMPLES["withheld"].encode() + b"\n"
    assert manifest == EXAMPLES["manifest"].encode() + b"\n"
    assert raw[:second].hex() == EXAMPLES["archive-member"]
    assert raw[row : raw.index(b"PK\1\2", row + 4)].hex() == EXAMPLES["archive-row"]
    assert raw[-22:].hex() == EXAMPLES["archive-end"]
    assert json.loads(EXAMPLES["archive"]) == {"length": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    assert offline.manifest_in(read, trust.checkpoint_in(members["checkpoint"]), trust).reader == "buyer"
    assert {path: read.read(path, 1_000_000) for path in members} == members


def test_a_log_founded_over_another() -> None:
    raw = EXAMPLES["founded-over"].encode()
    entry, told = chain.check(raw), signers.continuation(raw)
    leaves = [chain.leaf_hash(held) for held in (b"a", b"b", RAW, b"c")]
    second = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLES["second-seed"]))

    assert told == signers.Continuation(
        ENTRY["log"],
        4,
        proof.root(leaves).hex(),
        4,
        EXAMPLES["receipt"].encode().partition(b"\n\n")[2] + b"\n",
        "stolen",
    )
    assert entry.data["key"] == note.vkey(entry.origin, second.public_key().public_bytes_raw())
    assert offline.continued(entry.data) == entry.data["continues"]


def test_the_consents() -> None:
    given = json.loads(EXAMPLES["consented"])
    texts = {name: text.encode() for name, text in given.pop("words").items()}
    payloads = {name: EXAMPLES[name].encode() for name in ("consent-signed", "consent-recorded")}
    signed, recorded = (json.loads(held) for held in payloads.values())
    scalar = re.search(r"whose private scalar is the number\n`([0-9a-f]{64})`", DOCUMENT)
    session = re.search(r"that the house calls `([0-9a-f]{64})`", DOCUMENT)
    assert scalar and session
    private = ec.derive_private_key(int(scalar[1], 16), ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    deed = consent.Deed(**given, words=texts)
    asked = consent.asked_of(deed, text=signed["text"], language="en", nonce=bytes.fromhex(signed["nonce"]))

    assert deed.shown == EXAMPLES["consent-shown"] == signed["shown"] == recorded["shown"]
    assert asked.challenge.hex() == EXAMPLES["consent-challenge"]
    assert [int.from_bytes(consent.from_text(signed["key"][name]), "big") for name in "xy"] == [numbers.x, numbers.y]
    client, told = consent.from_text(signed["client"]), consent.from_text(signed["authenticator"])
    message = told + hashlib.sha256(client).digest()
    again = private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
    assert consent.to_text(again) == signed["signature"]
    entry = {**given, "ver": 9, "commit": dict.fromkeys(["reasons", "consent"], chain.GENESIS)}
    found: list[str] = []
    for payload in payloads.values():
        assert list(consent.faults(deed, payload)) == []
        assert offline.verify_consent(entry, {**texts, "consent": payload}, lambda code, **_: found.append(code))
        assert found == []
    parts = ("odr/session/v1", bytes.fromhex(recorded["nonce"]), session[1])
    assert hashlib.sha256(b"".join(map(lp, parts))).hexdigest() == recorded["session"]
    account, credential = (
        re.search(r"What the stream `(account/\w+)`", DOCUMENT),
        re.search(r"^`(\w{32})` in hex:", DOCUMENT, re.M),
    )
    assert account and credential
    bound = consent.key_commitment(given["log"], account[1], bytes.fromhex(credential[1]), signed["key"])
    assert bound == EXAMPLES["key-commitment"]


def test_the_files() -> None:
    given = json.loads(EXAMPLES["files"])
    tiles = offline.Tiles(offline.Folder(Path()), given["size"])
    last = {level: given["size"] // 256**level // 256 for level in range(3)}
    # At level 1 the tile at the edge has a full one before it.
    wanted = [tiles.path(0, last[0]), tiles.path(1, 0), tiles.path(1, last[1]), tiles.path(2, last[2])]

    assert given["files"] == [*wanted, offline.tile_path("entries", last[0], tiles.width(0, last[0]))]
    for number, name in ((0, "000"), (255, "255"), (1_234_067, "x001/x234/067")):
        assert f"`{name}`" in DOCUMENT
        assert offline.tile_path(0, number, 256) == f"tile/0/{name}"


def test_every_example_is_recomputed_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    assert EXAMPLES
    for name in EXAMPLES:
        assert f'"{name}"' in source, f"the example {name} is not checked"
    assert len(EXAMPLES) == len(re.findall(r"^```(?:json|text)", DOCUMENT, re.M))


# -- lists -------------------------------------------------------------------------------------------------------


def row(key: str) -> str:
    """What the document's table of fields says of a key."""
    (found,) = re.findall(rf"^\| `{key}` \| (.*) \|$", DOCUMENT, re.M)
    return str(found)


def test_the_table_lists_the_fields_of_an_entry_and_their_words() -> None:
    table = DOCUMENT.partition("## 3. The entry")[2].partition("## 4.")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(ENTRY)
    assert set(re.findall(r"`(\w+)`", row("clock"))) == chain.CLOCKS
    assert set(re.findall(r"`(\w+)`", row("role"))) == chain.ROLES
    assert set(re.findall(r"`(\w+)`", row("class"))) == chain.CLASSES


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most {chain.LARGEST_ENTRY:,} bytes" in DOCUMENT
    assert f"At most {chain.DEEPEST} levels" in DOCUMENT
    assert f"more than {note.LARGEST_NOTE:,} bytes" in DOCUMENT
    assert f"1 to {note.MOST_SIGNATURES} signature lines" in DOCUMENT
    assert chain.LARGEST_INTEGER == 2**53 - 1
    assert proof.LARGEST_SIZE == 2**63 - 1


def codes_of(source: str) -> set[str]:
    """The codes a module refuses with: the last word given to whatever raises."""
    raising = {"Malformed", "Misshapen", "Unproven", "Rejected", "_require", "_refuse", "_unbase64"}
    return {
        call.args[-1].value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in raising
        if isinstance(call.args[-1], ast.Constant) and isinstance(call.args[-1].value, str)
    }


@pytest.mark.parametrize(
    ("error", "file"),
    [("Malformed", "chain.py"), ("Unproven", "proof.py"), ("Rejected", "note.py"), ("Misshapen", "receipt.py")],
)
def test_the_tables_list_every_code_and_no_other(error: str, file: str) -> None:
    table = DOCUMENT.partition(f"(`{error}`):\n\n")[2].partition("\n\n")[0]
    listed = {code for line in table.split("\n") for code in re.findall(r"`(\w+)`", line.split(" | ")[0])}

    assert listed == codes_of((ROOT / "odr" / "log" / file).read_text(encoding="utf-8"))


def test_the_findings_of_the_verifier_are_listed_with_the_code_it_ends_with() -> None:
    table = DOCUMENT.partition("Its findings:\n\n")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.strip().split("\n")[2:]]
    listed = {code: int(ends) for codes, ends, _ in rows for code in re.findall(r"`(\w+)`", codes)}

    assert listed == {code: weight for code, (weight, _) in offline.SENTENCES.items()}


def test_every_refusal_of_the_verifier_is_a_word_of_this_page() -> None:
    said = re.findall(r'"([a-z0-9_]+)"\)', (ROOT / "odr" / "log" / "offline.py").read_text(encoding="utf-8"))
    refusals = {code for code in said if code.startswith(("bad_", "no_", "not_", "proof_", "too_", "wrong_"))}

    assert len(refusals) > 30
    # A tile or bundle of another length is told by the finding about it; the other two are about words given to it.
    for code in refusals - {"bad_bundle", "bad_name", "bad_salt"}:
        assert f"`{code}`" in DOCUMENT, code
