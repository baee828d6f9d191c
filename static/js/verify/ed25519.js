// Signatures: Ed25519 as the browser verifies it, after the checks that it leaves out (section 9).
import { unhex } from "./bytes.js";

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

// The second coordinates of the eight points whose order divides 8. Whoever bears one as a key "signs" everything.
const EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL = new Set([0n, 1n, PRIME - 1n, EIGHTH, PRIME - EIGHTH]);

// A signature of the first example in RFC 8032, section 7.1: a browser that knows Ed25519 says that it holds.
const EXAMPLE = {
  key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  signature:
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
};

const number = (raw) => raw.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

// Whether 32 bytes may stand for a point: in its one spelling, and of large order. (No sign on an x of 0 is a case of
// small order.) Whether they lie on the curve, the browser finds out.
function mayBePoint(raw) {
  const y = number(raw) & (2n ** 255n - 1n);
  return y < PRIME && !SMALL.has(y);
}

export async function signatureHolds(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!mayBePoint(publicKey) || !mayBePoint(signature.subarray(0, 32))) return false;
  if (number(signature.subarray(32)) >= ORDER) return false;
  let key;
  try {
    key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return false;
  }
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

// Whether this browser can check signatures at all: old ones know no Ed25519, and none does without https.
export async function canVerify() {
  try {
    return await signatureHolds(unhex(EXAMPLE.key), new Uint8Array(), unhex(EXAMPLE.signature));
  } catch {
    return false;
  }
}
