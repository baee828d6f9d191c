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

// What a file (Blob) shows to somebody who trusts these keys, one vkey a line. `history` (Blob) leads from a key to the
// keys that followed it; `tell` hears how much of the work is done. Answers a Report, and never raises.
export async function verifyFile(file, { keys: pasted, history = null, tell = () => {} }) {
  const report = new Report("receipt");
  try {
    await check(file, pasted, history, report, tell);
  } catch (fault) {
    // The outermost edge: whatever was read, a reader gets a sentence and a code.
    const unreadable = fault instanceof DOMException && fault.name === "NotReadableError";
    report.find(unreadable ? "unreadable" : "verifier_failed", { found: `${fault.name}: ${fault.message}` });
  }
  return report;
}

async function check(file, pasted, history, report, tell) {
  if (!(await canVerify())) return report.find("browser_cannot");
  const keys = await keysIn(pasted, report);
  if (!keys) return undefined;
  report.seen.log = keys.origin;
  if (file.size > LARGEST_FILE) return report.find("too_large_here", { expected: LARGEST_FILE, found: file.size });
  if (history) await readHistory(await bytesOf(history.slice(0, LARGEST_HISTORY)), keys, report);
  if (!isArchive(await bytesOf(file.slice(0, 4))) && !file.name?.endsWith(".zip")) return checkReceipt(file, keys, report);
  report.mode = "case";
  return verifyCaseFile(file, keys, report, { largest: LARGEST_UNPACKED, tell });
}

async function keysIn(pasted, report) {
  try {
    return await Keys.pasted(pasted);
  } catch (refusal) {
    report.find("key_malformed", { found: refused(refusal) });
    return null;
  }
}

async function checkReceipt(file, keys, report) {
  const proven = await verifyReceipt(await bytesOf(file.slice(0, LARGEST_RECEIPT + 1)), keys, report);
  if (!proven) return;
  Object.assign(report.seen, shown(proven), { signers: signersOf(proven.checkpoint) });
  if (!keys.areEnough(proven.checkpoint)) report.find("quorum_missing");
}
