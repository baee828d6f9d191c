// Bytes and the ways to write them down (docs/log-format.md, section 1), and what says that a rule was broken.

export class Unsound extends Error {
  // Bytes that break a rule of the format; `code` is the word for the rule in section 13.
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export function demand(holds, code) {
  if (!holds) throw new Unsound(code);
}

const READER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const WRITER = new TextEncoder();
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const utf8 = (text) => WRITER.encode(text);

export function textIn(raw, code = "not_utf8") {
  try {
    return READER.decode(raw);
  } catch {
    throw new Unsound(code);
  }
}

// A sign for each byte: what is ASCII stays itself, and nothing else can pass for it.
export function signs(raw) {
  const parts = [];
  for (let start = 0; start < raw.length; start += 8192) {
    parts.push(String.fromCharCode(...raw.subarray(start, start + 8192)));
  }
  return parts.join("");
}

export const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));

export const hex = (raw) => Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

export const base64 = (raw) => btoa(signs(raw));

export function unbase64(text, code) {
  demand(BASE64.test(text), code);
  const plain = bytes(atob(text));
  // The last sign may carry bits that nobody reads; only the spelling an encoder writes is accepted.
  demand(base64(plain) === text, code);
  return plain;
}

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

export const same = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

export function u64be(number) {
  const raw = new Uint8Array(8);
  new DataView(raw.buffer).setBigUint64(0, BigInt(number));
  return raw;
}

export const withLength = (part) => join(u64be(part.length), part);

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", parts.length === 1 ? parts[0] : join(...parts)));
}

export async function hmac(secret, message) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
}

// Where the first empty line, or the last, parts a file: the place of the two line feeds, -1 without one.
export function emptyLine(raw, last = false) {
  const step = last ? -1 : 1;
  for (let place = last ? raw.length - 2 : 0; place >= 0 && place + 1 < raw.length; place += step) {
    if (raw[place] === 10 && raw[place + 1] === 10) return place;
  }
  return -1;
}
