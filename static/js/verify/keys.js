// Whom the reader trusts, and which keys sign at which size (section 14).
import { demand } from "./bytes.js";
import { hex64, isCount, isOrigin } from "./entry.js";
import { checkpointIn, keyIn, noteIn, signers, sizeOf } from "./note.js";
import { Policy } from "./policy.js";
import { LARGEST_SIZE } from "./tree.js";

const BEFORE_ALL = -1n;

export class Keys {
  // The keys in what a reader pasted, one vkey a line or a policy. Raises Unsound.
  static async pasted(text) {
    const policy = await Policy.in(text);
    demand(policy.logs.length > 0, "no_key");
    demand(policy.logs.every((key) => key.name === policy.logs[0].name), "keys_of_two_logs");
    demand(isOrigin(policy.logs[0].name), "bad_vkey");
    return new Keys(policy);
  }

  constructor(policy) {
    this.policy = policy;
    this.origin = policy.logs[0].name;
    this.terms = policy.logs.map((key) => ({ key, from: BEFORE_ALL, until: LARGEST_SIZE }));
    // How many entries an older log left; unknown without the history.
    this.kept = null;
    // The entries of histories that were believed, by version.
    this.told = new Map();
  }

  // The keys of the log that sign at this size, and all witnesses.
  at(size) {
    const signing = this.terms.filter(({ from, until }) => size > from && size <= until);
    return [...signing.map(({ key }) => key), ...this.policy.witnesses.values()];
  }

  // What an entry of the log's own stream, proven at this place, says of keys, and of a log before this one (section
  // 18). Raises Unsound.
  async learn(entry, index) {
    if (["log_founded", "key_added", "key_retired"].includes(entry.type)) {
      this.#note(await keyOf(entry, this.origin), index, entry.type === "key_retired");
    }
    if (entry.type === "log_founded") {
      const continues = Object.hasOwn(entry.data, "continues");
      demand(!continues || (isContinued(entry.data.continues) && BigInt(entry.data.continues.kept) === index), "bad_data");
      this.kept = continues ? index : 0n;
    }
  }

  // From where a key signs, or until where. What is told of it once more changes neither, and a key whose lines could be
  // taken for those of an earlier one is passed over.
  #note(key, index, retired) {
    if (this.terms.some((term) => term.key.id === key.id && term.key.line !== key.line)) return;
    const term = this.#term(key);
    if (retired) term.until = index < term.until ? index : term.until;
    else if (term.from === BEFORE_ALL || index < term.from) term.from = index;
  }

  #term(key) {
    const known = this.terms.find((term) => term.key.line === key.line);
    // A key of which only the end is told signs nothing.
    return known ?? this.terms[this.terms.push({ key, from: LARGEST_SIZE, until: LARGEST_SIZE }) - 1];
  }

  // Whether an entry at this place may bear this origin: those that were left of an older log bear an older one.
  mayBear(origin, index) {
    return (origin === this.origin) === (index >= (this.kept ?? 0n));
  }

  // Whether only the history could say if this log was founded over the one of this origin.
  isUnknown(origin) {
    return this.kept === null && origin !== this.origin;
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

  // Whether enough of the witnesses that the reader asks for signed a checkpoint.
  areEnough({ signers: found }) {
    const signed = [...this.policy.witnesses].filter(([, key]) => found.some((each) => each.key === key));
    return this.policy.isSatisfied(signed.map(([name]) => name));
  }
}

async function keyOf(entry, origin) {
  const key = await keyIn(String(entry.data.key));
  demand(key.kind === "log" && key.name === origin, "bad_vkey");
  return key;
}

function isContinued(told) {
  return isOrigin(told?.log) && isCount(told.kept) && hex64(told.root);
}
