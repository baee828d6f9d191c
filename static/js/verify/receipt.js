// One receipt: an entry, its place in the tree and a signed checkpoint (section 10), and the history of a log, which is
// receipts one after the other (section 14).
import { bytes, demand, emptyLine, hex, same, signs, unbase64, Unsound } from "./bytes.js";
import { entryIn, LARGEST_ENTRY, leafHash } from "./entry.js";
import { LARGEST_NOTE } from "./note.js";
import { Report } from "./report.js";
import { Stream } from "./stream.js";
import { HASH, LARGEST_SIZE, plain, proveInclusion } from "./tree.js";

export const HEADER = "c2sp.org/tlog-proof@v1";
// The same as a line, which ends with a line feed and nothing else.
const BEGINS = /(?<=^|\n)c2sp\.org\/tlog-proof@v1(?=\n|$)/g;
export const LARGEST_RECEIPT = 262_144;
const MOST_HASHES = 63;

// The parts of a receipt, none of them believed yet: {entry, index, path, note}.
export function receiptIn(raw) {
  demand(raw.length <= LARGEST_RECEIPT, "too_long");
  const place = emptyLine(raw);
  const lines = signs(place < 0 ? raw : raw.subarray(0, place)).split("\n");
  demand(lines[0] === HEADER, "bad_header");
  demand(lines.length > 1 && lines[1].startsWith("extra "), "no_entry");
  const entry = unbase64(lines[1].slice("extra ".length), "bad_extra");
  demand(entry.length > 0 && entry.length <= LARGEST_ENTRY, "bad_extra");
  const found = /^index (0|[1-9][0-9]{0,18})$/.exec(lines[2] ?? "");
  demand(found && BigInt(found[1]) < LARGEST_SIZE, "bad_index");
  demand(lines.length - 3 <= MOST_HASHES, "too_many_hashes");
  const path = lines.slice(3).map((line) => unbase64(line, "bad_hash_line"));
  demand(path.every((held) => held.length === HASH), "bad_hash_line");
  const note = raw.subarray(place + 2);
  demand(place >= 0 && note.length > 0 && note.length <= LARGEST_NOTE, "no_checkpoint");
  return { entry, index: BigInt(found[1]), path, note };
}

// Everything a receipt claims, said in the report; answers {entry, leaf, index, checkpoint} when all of it is so.
export async function verifyReceipt(raw, keys, report, told = {}) {
  let receipt;
  try {
    receipt = receiptIn(raw);
  } catch (refusal) {
    const code = refused(refusal) === "bad_header" ? "receipt_unknown" : "receipt_malformed";
    report.find(code, { ...told, found: refused(refusal) });
    return null;
  }
  const { index } = receipt;
  const where = { ...told, idx: plain(index) };
  const checkpoint = await verifyCheckpoint(receipt.note, keys, report);
  const entry = readEntry(receipt.entry, where, report);
  if (!checkpoint || !entry) return null;
  const unknown = keys.isUnknown(entry.log);
  if (!unknown && !keys.mayBear(entry.log, index)) {
    report.find("entry_of_another_log", { ...where, expected: keys.origin, found: entry.log });
    return null;
  }
  const leaf = await leafHash(receipt.entry);
  try {
    await proveInclusion(leaf, index, checkpoint.size, receipt.path, checkpoint.root);
  } catch (refusal) {
    report.find("entry_not_proven", { ...where, found: refused(refusal) });
    return null;
  }
  if (unknown) {
    report.find("founding_unknown", { ...where, expected: keys.origin, found: entry.log });
    return null;
  }
  return { entry, leaf, index, checkpoint };
}

const OF_CHECKPOINTS = { no_known_signature: "checkpoint_not_signed", wrong_origin: "checkpoint_of_another_log" };

export async function verifyCheckpoint(raw, keys, report) {
  try {
    return await keys.checkpoint(raw);
  } catch (refusal) {
    const code = refused(refusal);
    report.find(OF_CHECKPOINTS[code] ?? "checkpoint_malformed", { found: code, expected: keys.origin });
    return null;
  }
}

function readEntry(raw, where, report) {
  try {
    return entryIn(raw);
  } catch (refusal) {
    report.find("entry_malformed", { ...where, found: refused(refusal) });
    return null;
  }
}

// What a sound receipt shows, as the verifier that runs without a browser says it.
export function shown({ entry, leaf, index, checkpoint }) {
  const { log, stream, ver, type, at, clock, role, prev, data } = entry;
  return {
    idx: plain(index), size: plain(checkpoint.size), root: hex(checkpoint.root), leaf: hex(leaf),
    log, stream, ver, type, at, clock, role, class: entry.class, prev, data,
  };
}

// The receipts in a history, one after the other: each begins at the line that begins no other. What lies before the
// first one is none.
function receiptsIn(raw) {
  const text = signs(raw);
  const starts = [...text.matchAll(BEGINS)].map((found) => found.index);
  if (starts[0] !== 0 && text !== "") starts.unshift(0);
  return starts.map((start, place) => bytes(text.slice(start, starts[place + 1])));
}

// What a history tells of keys, told to `keys`. A receipt that no known key signed is passed over; what is wrong with
// the history is in the report.
export async function readHistory(raw, keys, report) {
  for (const [place, each] of receiptsIn(raw).entries()) {
    try {
      await readOne(each, keys, report);
    } catch (refusal) {
      report.find("history_malformed", { expected: `at receipt ${place + 1}`, found: refused(refusal) });
    }
  }
  const chain = new Report("history");
  const stream = new Stream(`log/${keys.origin}`, chain);
  for (const [ver, { index, leaf, entry }] of [...keys.told].sort(([one], [other]) => one - other)) {
    stream.follow(index, leaf, ver, entry);
  }
  for (const { code, idx, ver } of chain.findings) {
    report.find("history_malformed", { idx, ver, expected: `at entry ${ver}`, found: code });
  }
}

async function readOne(raw, keys, report) {
  const inner = new Report("history");
  const proven = await verifyReceipt(raw, keys, inner);
  if (!proven) {
    demand(inner.findings.some(({ code }) => code === "checkpoint_not_signed"), inner.findings[0].code);
    return;
  }
  const { entry, leaf, index } = proven;
  demand(entry.stream === `log/${keys.origin}`, "bad_stream");
  const before = keys.told.get(entry.ver) ?? proven;
  if (before.index !== index || !same(before.leaf, leaf)) {
    report.find("history_forked", { idx: plain(index), ver: entry.ver });
    return;
  }
  keys.told.set(entry.ver, proven);
  await keys.learn(entry, index);
}

// The word for the rule that was broken. A fault of ours is none, and goes on.
export function refused(refusal) {
  if (refusal instanceof Unsound) return refusal.code;
  throw refusal;
}
