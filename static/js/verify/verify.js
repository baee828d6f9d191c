// A file that somebody chose, checked in the browser of whoever chose it. Nothing here speaks to a server.
import { bytesOf, isArchive } from "./archive.js";
import { signersOf, verifyCaseFile } from "./casefile.js";
import { canVerify } from "./ed25519.js";
import { Keys } from "./keys.js";
import { LARGEST_RECEIPT, readHistory, refused, shown, verifyReceipt } from "./receipt.js";
import { Report } from "./report.js";

// A browser computes a fingerprint only of what lies in its memory as a whole.
export const LARGEST_FILE = 256 * 1024 * 1024;
const LARGEST_UNPACKED = 2 * LARGEST_FILE;
const LARGEST_HISTORY = 16 * 1024 * 1024;

// What a file (Blob) shows to somebody who trusts these keys, one vkey a line or a policy. `history` (Blob) leads from a
// key to the keys that followed it; `known` is the one that came with the page, of which nothing is said where it is not
// sound; `tell` hears how much of the work is done. Answers a Report, and never raises.
export async function verifyFile(file, { keys, history = null, known = null, tell = () => {} }) {
  const report = new Report("receipt");
  try {
    await check(file, { pasted: keys, history, known, tell }, report);
  } catch (fault) {
    // The outermost edge: whatever was read, a reader gets a sentence and a code.
    const unreadable = fault instanceof DOMException && fault.name === "NotReadableError";
    report.find(unreadable ? "unreadable" : "verifier_failed", { found: `${fault.name}: ${fault.message}` });
  }
  return report;
}

async function check(file, { pasted, history, known, tell }, report) {
  if (!(await canVerify())) return report.find("browser_cannot");
  const keys = await keysIn(pasted, known, report);
  if (!keys) return undefined;
  report.seen.log = keys.origin;
  if (file.size > LARGEST_FILE) return report.find("too_large_here", { expected: LARGEST_FILE, found: file.size });
  if (history) await readHistory(await historyIn(history), keys, report);
  if (!isArchive(await bytesOf(file.slice(0, 4))) && !file.name?.endsWith(".zip")) return checkReceipt(file, keys, report);
  report.mode = "case";
  return verifyCaseFile(file, keys, report, { largest: LARGEST_UNPACKED, tell });
}

async function keysIn(pasted, known, report) {
  try {
    const [keys, led, aside] = [await Keys.pasted(pasted), await Keys.pasted(pasted), new Report("history")];
    if (known) await readHistory(await historyIn(known), led, aside);
    return aside.findings.length > 0 ? keys : led;
  } catch (refusal) {
    report.find("key_malformed", { found: refused(refusal) });
    return null;
  }
}

const historyIn = (blob) => bytesOf(blob.slice(0, LARGEST_HISTORY));

async function checkReceipt(file, keys, report) {
  const proven = await verifyReceipt(await bytesOf(file.slice(0, LARGEST_RECEIPT + 1)), keys, report);
  if (!proven) return;
  Object.assign(report.seen, shown(proven), signersOf(proven.checkpoint));
  if (!keys.areEnough(proven.checkpoint)) report.find("quorum_missing");
}
