// Whom the reader trusts, and which keys sign at which size (section 14).
import { demand } from "./bytes.js";
import { hex64, isCount, isOrigin } from "./entry.js";
import { checkpointIn, keyIn, noteIn, signers, sizeOf } from "./note.js";
import { LARGEST_SIZE } from "./tree.js";

const BEFORE_ALL = -1n;

export class Keys {
  // The keys that a reader pasted, one vkey a line, or a policy (section 15). Raises Unsound("bad_vkey").
  static async pasted(text) {
    const found = [];
    for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
      const vkey = vkeyOf(line);
      if (vkey) found.push(await keyIn(vkey));
    }
    const logs = found.filter((key) => key.kind === "log");
    demand(logs.length > 0, "no_key");
    demand(logs.every((key) => key.name === logs[0].name), "keys_of_two_logs");
    demand(isOrigin(logs[0].name), "bad_vkey");
    return new Keys(logs, found.filter((key) => key.kind === "witness"));
  }

  constructor(logs, witnesses) {
    this.origin = logs[0].name;
    this.terms = logs.map((key) => ({ key, from: BEFORE_ALL, until: LARGEST_SIZE }));
    this.witnesses = witnesses;
    this.kept = 0n;
  }

  // The keys of the log that sign at this size, and all witnesses.
  at(size) {
    const signing = this.terms.filter(({ from, until }) => size > from && size <= until);
    return [...signing.map(({ key }) => key), ...this.witnesses];
  }

  // What an entry of the log's own stream, proven at this place, says of keys, and of a log before this one (section
  // 18). Raises Unsound.
  async learn(entry, index) {
    if (["log_founded", "key_added", "key_retired"].includes(entry.type)) {
      const term = this.#term(await keyOf(entry, this.origin));
      if (entry.type === "key_retired") term.until = index;
      else term.from = index;
    }
    if (entry.type === "log_founded" && Object.hasOwn(entry.data, "continues")) {
      demand(isContinued(entry.data.continues) && BigInt(entry.data.continues.kept) === index, "bad_data");
      this.kept = index;
    }
  }

  #term(key) {
    const known = this.terms.find((term) => term.key.line === key.line);
    // A key of which only the end is told signs nothing.
    return known ?? this.terms[this.terms.push({ key, from: LARGEST_SIZE, until: LARGEST_SIZE }) - 1];
  }

  // Whether an entry at this place may bear this origin: those that were left of an older log bear an older one.
  mayBear(origin, index) {
    return (origin === this.origin) === (index >= this.kept);
  }

  // The checkpoint in these bytes, when a key of the log that signs at its size signed it: with `signers`.
  async checkpoint(raw) {
    const note = noteIn(raw);
    const found = await this.signersOf(note, sizeOf(note));
    const checkpoint = checkpointIn(note);
    demand(checkpoint.origin === this.origin, "wrong_origin");
    return { ...checkpoint, signers: found };
  }

  async signersOf(note, size) {
    const found = await signers(note, this.at(size));
    demand(found.some(({ key }) => key.kind === "log"), "no_known_signature");
    return found;
  }
}

// The vkey in a line that is one, or that names one in a policy; nothing for lines that speak of other things.
function vkeyOf(line) {
  const [word, ...rest] = line.split(/\s+/);
  if (line === "" || word.startsWith("#") || word === "group" || word === "quorum") return null;
  if (word === "log") return rest[0] ?? "";
  if (word === "witness") return rest[1] ?? "";
  return line;
}

async function keyOf(entry, origin) {
  const key = await keyIn(String(entry.data.key));
  demand(key.kind === "log" && key.name === origin, "bad_vkey");
  return key;
}

function isContinued(told) {
  return isOrigin(told?.log) && isCount(told.kept) && hex64(told.root) && isCount(told.size) && typeof told.note === "string";
}
