// Entries: canonical JSON, the fields of an entry, its leaf hash and its commitments (sections 2 to 5).
import { demand, hex, hmac, join, same, sha256, textIn, u64be, Unsound, utf8, withLength } from "./bytes.js";

export const LARGEST_ENTRY = 65_535;
export const GENESIS = "0".repeat(64);
const DEEPEST = 16;

const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const hex32 = matches(/^[0-9a-f]{32}$/);
export const hex64 = matches(/^[0-9a-f]{64}$/);
export const isOrigin = matches(/^evenhand\/[0-9a-f]{32}$/);
export const isStream = matches(/^(?:dispute|account|mediator|round|access|auditor)\/[0-9a-f]{32}$/);
export const isPayloadName = matches(/^[a-z][a-z0-9_.]{0,63}$/);

// In the order of the table in section 3; what a field must be may hang on fields above it.
const FIELDS = {
  v: (entry) => entry.v === 1,
  log: (entry) => isOrigin(entry.log),
  stream: (entry) => isStream(entry.stream) || entry.stream === `log/${entry.log}`,
  ver: (entry) => isCount(entry.ver) && entry.ver > 0,
  type: (entry) => matches(/^[a-z][a-z0-9_]{0,63}$/)(entry.type),
  at: (entry) => isCount(entry.at),
  clock: (entry) => matches(/^(?:real|simulated|bulk)$/)(entry.clock),
  actor: (entry) => entry.actor === "system" || hex32(entry.actor),
  role: (entry) => matches(/^(?:buyer|seller|mediator|registrar|regulator|admin|auditor|person|system)$/)(entry.role),
  class: (entry) => matches(/^(?:parties|mediator|wall|buyer|seller|public|person|staff)$/)(entry.class),
  prev: (entry) => hex64(entry.prev) && (entry.prev === GENESIS) === (entry.ver === 1),
  nonce: (entry) => hex32(entry.nonce),
  act: (entry) => entry.act === "" || hex64(entry.act),
  data: (entry) => isObject(entry.data),
  commit: (entry) =>
    isObject(entry.commit) && Object.entries(entry.commit).every(([name, held]) => isPayloadName(name) && hex64(held)),
};

// The entry in these bytes, which must be its one spelling.
export function entryIn(raw) {
  demand(raw.length <= LARGEST_ENTRY, "too_long");
  const entry = objectIn(raw);
  demand(same(utf8(canonical(entry)), raw), "not_canonical");
  demand(Object.keys(entry).every((name) => Object.hasOwn(FIELDS, name)), "unknown_field");
  demand(Object.keys(FIELDS).every((name) => Object.hasOwn(entry, name)), "missing_field");
  for (const [name, holds] of Object.entries(FIELDS)) demand(holds(entry), `bad_${name}`);
  return entry;
}

export function objectIn(raw) {
  demand(!(raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf), "bom");
  const text = textIn(raw);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unsound("not_json");
  }
  demand(isObject(value), "not_object");
  return value;
}

// The one spelling of a value. The parser of a browser hides doubled keys, points and needless escapes; whoever writes
// its value anew and compares the bytes sees every one of them.
export function canonical(value, levels = DEEPEST) {
  if (typeof value === "string") {
    demand(value.isWellFormed(), "surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    demand(Math.abs(value) <= Number.MAX_SAFE_INTEGER, "integer_too_large");
    demand(Number.isInteger(value), "float");
    return String(value);
  }
  if (typeof value !== "object" || value === null) return String(value);
  demand(levels > 0, "too_deep");
  if (Array.isArray(value)) return `[${value.map((held) => canonical(held, levels - 1)).join(",")}]`;
  const members = Object.keys(value).sort().map((name) => {
    demand([...name].every((sign) => sign <= "\u007f"), "bad_key");
    return `${JSON.stringify(name)}:${canonical(value[name], levels - 1)}`;
  });
  return `{${members.join(",")}}`;
}

export const leafHash = (raw) => sha256(Uint8Array.of(0), raw);

// What an entry says of a payload whose salt and bytes are known. HMAC would treat several keys of other lengths alike.
export async function opens(entry, name, salt, payload) {
  if (salt.length !== 32) return false;
  const place = ["odr/commit/v1", entry.log, entry.stream].map((part) => withLength(utf8(part)));
  const message = join(...place, u64be(entry.ver), withLength(utf8(name)), withLength(payload));
  return hex(await hmac(salt, message)) === entry.commit[name];
}
