// Consents: whether what lies beside an entry was given to what the entry says, and whether its signature holds
// (section 20). P-256 and RSA are verified as the browser does, Ed25519 after the checks of ed25519.js.
import { base64, bytes, demand, hex, join, same, sha256, textIn, unhex, Unsound, utf8, withLength } from "./bytes.js";
import { signatureHolds } from "./ed25519.js";
import { canonical, hex64, isCount, objectIn } from "./entry.js";

const LARGEST = 16_384;
const LARGEST_CLIENT = 1_024;
const SITE = /^https?:\/\/([a-z0-9.-]{1,253})(?::[0-9]{1,5})?$/;
const PRESENT = 1;
const VERIFIED = 4;
const MUST_VERIFY = "mediator";

const isText = (value) => typeof value === "string" && value !== "" && bytesIn(value) !== null;
const isOneOf = (...words) => (value) => words.includes(value);
const COMMON = {
  v: (value) => value === 1,
  kind: isOneOf("passkey", "record"),
  shown: hex64,
  nonce: hex64,
  language: (value) => typeof value === "string" && /^[A-Za-z0-9-]{1,35}$/.test(value),
  text: (value) => typeof value === "string" && value !== "",
};
const RECORD = {
  session: hex64,
  began: isOneOf("password", "link", "verify", "invite"),
  factor: isOneOf("none", "passkey", "totp", "recovery"),
  factor_at: (value) => value === null || isCount(value),
};
const SIGNATURE = { alg: () => true, key: () => true, authenticator: isText, client: isText, signature: isText };

// By the number of its algorithm: what is the same in every such key, what differs, and how its signatures are verified.
const ALGORITHMS = new Map([
  [-7, { fixed: { crv: "P-256", kty: "EC" }, own: ["x", "y"], holds: ecdsaHolds }],
  [-8, { fixed: { crv: "Ed25519", kty: "OKP" }, own: ["x"], holds: eddsaHolds }],
  [-257, { fixed: { e: "AQAB", kty: "RSA" }, own: ["n"], holds: rsaHolds }],
]);

// What is wrong with the consent beside an entry, said to `find` as (code, found). `words` are the payloads at hand by
// their names; what was shown can be compared where all of the entry's are. Answers what is to be told of a sound one,
// or null.
export async function verifyConsent(entry, words, find) {
  let told;
  try {
    told = consentIn(utf8(words.get("consent")));
  } catch (refusal) {
    if (!(refusal instanceof Unsound)) throw refusal;
    find("consent_malformed", "malformed");
    return null;
  }
  const place = [entry.log, entry.stream, entry.type];
  const others = Object.keys(entry.commit).filter((name) => name !== "consent");
  const whole = others.every((name) => words.has(name));
  const shown = await shownIn(entry, place, others, words);
  const differs = whole && told.shown !== shown;
  if (differs) find("consent_shown_differs", told.shown);
  const { ver } = entry;
  if (told.kind === "record") return differs ? null : { ver, kind: "record", began: told.began, factor: told.factor };
  const challenge = await digestOf("odr/consent/v1", ...place, unhex(told.shown), told.language, told.text, unhex(told.nonce));
  try {
    const site = await verifyPasskey(told, challenge, entry.role);
    return differs ? null : { ver, kind: "passkey", site, key: hex(await sha256(utf8(canonical(told.key)))) };
  } catch (refusal) {
    if (!(refusal instanceof Unsound)) throw refusal;
    find("consent_signature_wrong", refusal.code);
    return null;
  }
}

async function shownIn(entry, place, others, words) {
  const texts = {};
  for (const name of others) texts[name] = hex(await sha256(utf8(words.get(name) ?? "")));
  return hex(await digestOf("odr/shown/v1", ...place, entry.actor, entry.role, canonical(entry.data), canonical(texts)));
}

function consentIn(raw) {
  demand(raw.length <= LARGEST, "malformed");
  const told = objectIn(raw);
  demand(same(utf8(canonical(told)), raw), "malformed");
  const signed = told.kind === "passkey";
  if (signed) demand(isKey(told), "malformed");
  const fields = { ...COMMON, ...(signed ? SIGNATURE : RECORD) };
  demand(Object.keys(told).sort().join() === Object.keys(fields).sort().join(), "malformed");
  demand(Object.entries(fields).every(([name, holds]) => holds(told[name])), "malformed");
  demand(signed || (told.factor === "none") === (told.factor_at === null), "malformed");
  return told;
}

function isKey({ alg, key }) {
  const kind = ALGORITHMS.get(alg);
  if (!kind || typeof key !== "object" || key === null || Array.isArray(key)) return false;
  const names = [...Object.keys(kind.fixed), ...kind.own].sort();
  return Object.keys(key).sort().join() === names.join()
    && Object.entries(kind.fixed).every(([name, value]) => key[name] === value)
    && kind.own.every((name) => isText(key[name]));
}

// Where the key signed this challenge (WebAuthn, 7.2); refuses unless it did, with its owner at the device.
async function verifyPasskey(told, challenge, role) {
  const [raw, data, signature] = [told.client, told.authenticator, told.signature].map(bytesIn);
  const client = clientIn(raw);
  const crossOrigin = Object.hasOwn(client, "crossOrigin") ? client.crossOrigin : false;
  demand(client.type === "webauthn.get" && crossOrigin === false, "bad_client");
  demand(client.challenge === textOf(challenge), "bad_challenge");
  const host = typeof client.origin === "string" ? SITE.exec(client.origin) : null;
  demand(host && data.length >= 37 && same(data.subarray(0, 32), await sha256(utf8(host[1]))), "bad_host");
  demand((data[32] & PRESENT) !== 0, "not_present");
  demand((data[32] & VERIFIED) !== 0 || role !== MUST_VERIFY, "not_verified");
  const message = join(data, await sha256(raw));
  demand(await ALGORITHMS.get(told.alg).holds(told.key, message, signature), "bad_signature");
  return client.origin;
}

// What a browser says it signed. It is not ours, and is read as any program reads JSON.
function clientIn(raw) {
  demand(raw.length <= LARGEST_CLIENT, "bad_client");
  const text = textIn(raw, "bad_client");
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unsound("bad_client");
  }
  demand(typeof value === "object" && value !== null && !Array.isArray(value), "bad_client");
  return value;
}

function eddsaHolds({ x }, message, signature) {
  return signatureHolds(bytesIn(x), message, signature);
}

async function ecdsaHolds({ x, y }, message, signature) {
  demand(bytesIn(x).length === 32 && bytesIn(y).length === 32, "bad_key");
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const key = await keyOf({ kty: "EC", crv: "P-256", x, y }, algorithm);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, twoNumbers(signature), message);
}

async function rsaHolds({ n }, message, signature) {
  const modulus = bytesIn(n);
  const sound = modulus.length >= 256 && modulus.length <= 512 && modulus[0] >= 0x80 && (modulus.at(-1) & 1) === 1;
  demand(sound, "bad_key");
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await keyOf({ kty: "RSA", n, e: "AQAB" }, algorithm);
  return crypto.subtle.verify(algorithm.name, key, signature, message);
}

async function keyOf(jwk, algorithm) {
  try {
    return await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
  } catch {
    throw new Unsound("bad_key");
  }
}

// The two numbers of a signature in DER, 32 bytes each, from the one spelling that an encoder writes.
function twoNumbers(raw) {
  demand(raw.length >= 8 && raw.length <= 72, "bad_signature");
  const parts = [raw.subarray(4, 4 + raw[3]), raw.subarray(6 + raw[3])].map(withoutZeros);
  const again = join(...parts.map((part) => join(Uint8Array.of(2, part.length), part)));
  demand(same(raw, join(Uint8Array.of(0x30, again.length), again)), "bad_signature");
  const plain = parts.map((part) => (part[0] === 0 ? part.subarray(1) : part));
  demand(plain.every((part) => part.length <= 32), "bad_signature");
  return join(...plain.map((part) => join(new Uint8Array(32 - part.length), part)));
}

// A number as DER writes it: no zeros before it but one, where it would look negative without.
function withoutZeros(part) {
  const first = part.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? new Uint8Array() : part.subarray(first);
  return digits.length === 0 || digits[0] >= 0x80 ? join(Uint8Array.of(0), digits) : digits;
}

const digestOf = (...parts) => sha256(...parts.map((part) => withLength(typeof part === "string" ? utf8(part) : part)));

const textOf = (raw) => base64(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The bytes of base64url without padding; null for any spelling but the one.
function bytesIn(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const raw = bytes(atob(text.replace(/-/g, "+").replace(/_/g, "/")));
  return textOf(raw) === text ? raw : null;
}
