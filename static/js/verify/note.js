// Keys, signed notes, checkpoints and cosignatures (sections 9 and 15).
import { base64, demand, emptyLine, hex, join, sha256, signs, textIn, unbase64, utf8 } from "./bytes.js";
import { signatureHolds } from "./ed25519.js";
import { HASH, LARGEST_SIZE } from "./tree.js";

export const LARGEST_NOTE = 131_072;
const MOST_SIGNATURES = 16;
const LOG = 0x01;
const WITNESS = 0x04;
const EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

// The key of a vkey line: {name, id, kind, public, line}.
export async function keyIn(line) {
  const [name, id, ...rest] = line.split("+");
  demand(rest.length > 0 && isKeyName(name), "bad_vkey");
  const plain = unbase64(rest.join("+"), "bad_vkey");
  demand(plain.length === 33 && (plain[0] === LOG || plain[0] === WITNESS), "bad_vkey");
  const named = (await sha256(utf8(`${name}\n`), plain)).subarray(0, 4);
  demand(id === hex(named), "bad_vkey");
  return { name, id, kind: plain[0] === LOG ? "log" : "witness", public: plain.subarray(1), line };
}

function isKeyName(name) {
  return name !== "" && !/[+\p{White_Space}]/u.test(name) && ![...name].some((sign) => sign < " ");
}

// A note taken apart, none of it believed: {raw, text, lines: [{name, id, signature}]}.
export function noteIn(raw, largest = LARGEST_NOTE) {
  demand(raw.length <= largest, "too_long");
  const whole = textIn(raw);
  demand(!/[\u0000-\u0009\u000b-\u001f]/.test(whole), "control_character");
  const place = emptyLine(raw, true);
  demand(place >= 0 && place + 2 < raw.length, "no_signature");
  const below = textIn(raw.subarray(place + 2));
  demand(below.endsWith("\n"), "bad_signature_line");
  const lines = below.slice(0, -1).split("\n");
  demand(lines.length <= MOST_SIGNATURES, "too_many_signatures");
  return { raw, text: raw.subarray(0, place + 1), lines: lines.map(signatureIn) };
}

function signatureIn(line) {
  const parts = line.split(" ");
  demand(parts.length === 3 && parts[0] === "\u2014" && isKeyName(parts[1]), "bad_signature_line");
  const plain = unbase64(parts[2], "bad_signature_line");
  demand(plain.length >= 5, "bad_signature_line");
  return { name: parts[1], id: hex(plain.subarray(0, 4)), signature: plain.subarray(4) };
}

// Which of these keys signed a note: the log's keys, and witnesses with the second at which they did. A key that did
// so falsely spoils the note; lines of strangers are passed over.
export async function signers(note, keys) {
  const found = [];
  for (const line of note.lines) {
    const key = keys.find((each) => each.name === line.name && each.id === line.id);
    if (!key) continue;
    const at = key.kind === "witness" ? await cosigned(note, key, line.signature) : await signed(note, key, line.signature);
    demand(at !== null, "bad_signature");
    const before = found.find((each) => each.key === key);
    if (!before) found.push({ key, at });
    else if (at > before.at) before.at = at;
  }
  return found;
}

async function signed(note, key, signature) {
  return (await holds(key.public, note.text, signature)) ? 0n : null;
}

async function cosigned(note, key, signature) {
  if (signature.length !== 72) return null;
  const at = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (at > LARGEST_SIZE) return null;
  const message = join(utf8(`cosignature/v1\ntime ${at}\n`), note.text);
  return (await holds(key.public, message, signature.subarray(8))) ? at : null;
}

// All receipts of a case file bear the same note: a signature is computed once.
const KNOWN = new Map();
const MOST_KNOWN = 1_000;

function holds(key, message, signature) {
  const name = [key, signature, message].map(signs).join("\n\n");
  if (!KNOWN.has(name)) {
    if (KNOWN.size >= MOST_KNOWN) KNOWN.clear();
    KNOWN.set(name, signatureHolds(key, message, signature));
  }
  return KNOWN.get(name);
}

// What a checkpoint says of its log, whoever signed it: {origin, size, root, note}.
export function checkpointIn(note) {
  const lines = textIn(note.text).split("\n");
  demand(lines.length >= 4 && lines[0] !== "", "bad_checkpoint");
  demand(lines.length === 4, "extension_line");
  demand(/^(?:0|[1-9][0-9]{0,18})$/.test(lines[1]) && BigInt(lines[1]) <= LARGEST_SIZE, "bad_size");
  const root = unbase64(lines[2], "bad_root");
  demand(root.length === HASH && (lines[1] !== "0" || base64(root) === EMPTY_ROOT), "bad_root");
  return { origin: lines[0], size: BigInt(lines[1]), root, note };
}

// How many entries a note's text counts, as far as it says so at all; nothing of it is believed.
export function sizeOf(note) {
  const line = textIn(note.text).split("\n")[1] ?? "";
  return /^(?:0|[1-9][0-9]{0,18})$/.test(line) ? BigInt(line) : 0n;
}
