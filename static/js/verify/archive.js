// The archive of a case file (section 17): a zip that can be written in one way only, so that nobody reads it otherwise.
// Nothing is unpacked beyond the length that the archive says, and nothing of it is ever run or shown as a page.
import { demand, same, signs, textIn, Unsound } from "./bytes.js";

const MOST_MEMBERS = 10_000;
const LARGEST_LIST = 4 * 1024 * 1024;
const STORED = 0;
const DEFLATED = 8;
const LENGTHS_FOLLOW = 0x8;
const FLAGS = 0x808;
const PLAIN_FILE = 0o100000;
const FOLDER = 0x10;

// In the order in which they lie.
const PATHS = [
  /^index\.html$/, /^evenhand-verify\.py$/, /^entries\/[0-9]{6}\.tlog-proof$/, /^hidden\.jsonl$/, /^openings\.jsonl$/,
  /^withheld\.jsonl$/, /^files\/[0-9]{6}\.[a-z0-9]{1,16}$/, /^copies\/[0-9]{6}\.[a-z0-9]{1,16}$/, /^checkpoint$/,
  /^history$/, /^policy$/, /^manifest$/,
];

const ASKED_TWICE = /^(?:entries\/|[a-z]+\.jsonl$|history$|checkpoint$)/;

export const isArchive = (raw) => signs(raw.subarray(0, 4)) === "PK\u0003\u0004";

export class Archive {
  // The archive in a Blob, when it is made as case files are. Raises Unsound.
  static async in(blob) {
    const archive = new Archive(blob);
    await archive.#list();
    return archive;
  }

  #blob;

  constructor(blob) {
    this.#blob = blob;
    this.members = new Map();
  }

  // What the archive says is in it, each by a header of its own and by the list behind all.
  async #list() {
    const end = await this.#fields(this.#blob.size - 22, 22, "PK\u0005\u0006");
    const [disk, first, here, count, length, start, comment] = end.numbers("2222442");
    demand(disk === 0 && first === 0 && here === count && comment === 0, "bad_archive");
    demand(start + length + 22 === this.#blob.size, "bad_archive");
    demand(count <= MOST_MEMBERS && length <= LARGEST_LIST, "too_many_members");
    const list = new Fields(await this.#bytes(start, length));
    let follows = 0;
    let last = [-1, ""];
    for (let number = 0; number < count; number += 1) {
      const member = listed(list, follows);
      const row = PATHS.findIndex((pattern) => pattern.test(member.path));
      demand(row >= 0, "bad_path");
      demand(row > last[0] || (row === last[0] && member.path > last[1]), "bad_order");
      last = [row, member.path];
      follows = await this.#compare(member, follows);
      this.members.set(member.path, member);
    }
    demand(follows === start && list.place === length, "bad_archive");
  }

  // The header before a member says what the list says of it. Answers where the next one begins.
  async #compare(member, place) {
    const header = await this.#fields(place, 30 + member.name.length, "PK\u0003\u0004");
    const follow = member.flags & LENGTHS_FOLLOW;
    const told = follow ? [...member.told.slice(0, 5), 0, 0, 0, ...member.told.slice(8)] : member.told;
    demand(header.numbers("2222244422").every((found, which) => found === told[which]), "bad_member");
    demand(same(header.bytes(member.name.length), member.name), "bad_member");
    member.start = place + 30 + member.name.length;
    const behind = member.start + member.packed;
    if (!follow) return behind;
    const lengths = (await this.#fields(behind, 16, "PK\u0007\u0008")).numbers("444");
    demand(lengths.every((found, which) => found === member.told[5 + which]), "bad_member");
    return behind + 16;
  }

  // The plain bytes of a member, null without one. Raises Unsound where they are not those that the archive says, or more
  // than `limit`. Those that are asked for twice stay in memory; files of evidence are not.
  async read(path, limit) {
    const member = this.members.get(path);
    if (!member) return null;
    demand(member.size <= limit, "too_long");
    if (member.kept) return member.kept;
    const packed = this.#blob.slice(member.start, member.start + member.packed);
    const plain = member.method === STORED ? await bytesOf(packed) : await inflated(packed, member.size);
    demand(plain.length === member.size && crc32(plain) === member.crc, "bad_member");
    if (ASKED_TWICE.test(path)) member.kept = plain;
    return plain;
  }

  async #fields(place, length, mark) {
    const fields = new Fields(await this.#bytes(Math.max(place, 0), length));
    demand(signs(fields.bytes(4)) === mark, "bad_archive");
    return fields;
  }

  async #bytes(place, length) {
    const raw = await bytesOf(this.#blob.slice(place, place + length));
    demand(raw.length === length, "bad_archive");
    return raw;
  }
}

// Numbers and bytes, one after the other, least significant byte first.
class Fields {
  constructor(raw) {
    this.raw = raw;
    this.view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    this.place = 0;
  }

  bytes(length) {
    demand(this.place + length <= this.raw.length, "bad_archive");
    this.place += length;
    return this.raw.subarray(this.place - length, this.place);
  }

  numbers(widths) {
    return Array.from(widths, (width) => {
      const place = this.place;
      this.bytes(Number(width));
      return width === "2" ? this.view.getUint16(place, true) : this.view.getUint32(place, true);
    });
  }
}

// One line of the list, for a member whose header must lie at `follows`.
function listed(list, follows) {
  demand(signs(list.bytes(4)) === "PK\u0001\u0002", "bad_archive");
  list.numbers("2");
  const told = list.numbers("2222244422");
  const [, flags, method, , , crc, packed, size, named, more] = told;
  const [comment, disk, , attributes, offset] = list.numbers("22244");
  demand(comment === 0 && disk === 0 && more === 0 && offset === follows, "bad_archive");
  demand((flags & 1) === 0, "encrypted");
  // What is stored does not say where it ends: were its length not before it, it could look like two members.
  const stored = method === STORED && packed === size && (flags & LENGTHS_FOLLOW) === 0;
  demand((flags & ~FLAGS) === 0 && (method === DEFLATED || stored), "bad_member");
  const kind = (attributes >>> 16) & 0o170000;
  demand((kind === 0 || kind === PLAIN_FILE) && (attributes & FOLDER) === 0, "bad_member");
  const name = list.bytes(named);
  return { name, path: textIn(name, "bad_path"), flags, method, crc, packed, size, told };
}

async function inflated(packed, size) {
  const plain = new Uint8Array(size);
  let place = 0;
  const reader = packed.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      demand(place + part.value.length <= size, "bad_member");
      plain.set(part.value, place);
      place += part.value.length;
    }
  } catch (fault) {
    reader.cancel().catch(() => {});
    throw fault instanceof Unsound ? fault : new Unsound("bad_member");
  }
  return plain.subarray(0, place);
}

const TABLE = Uint32Array.from({ length: 256 }, (_none, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(raw) {
  let rest = 0xffffffff;
  for (const byte of raw) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

export const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());
