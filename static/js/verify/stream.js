// The entries of one stream, one after the other: the chain that they are (section 4), and whether words were erased as
// the log demands (section 16). Of a hidden entry only the leaf is known, and what hangs on it is not judged.
import { hex } from "./bytes.js";
import { GENESIS, isCount } from "./entry.js";
import { plain } from "./tree.js";

const ERASE_FOR_OTHERS = new Set(["registrar", "system"]);
const HIDDEN = null;

export class Stream {
  constructor(name, report) {
    this.name = name;
    this.report = report;
    this.ver = 0;
    this.seal = GENESIS;
    this.at = 0;
    this.idx = -1n;
    // Of each version who made it and the names of its words; HIDDEN where it is not shown.
    this.words = new Map();
    this.holds = new Set();
    this.orders = new Map();
    // Words that were erased, as "version name", with the version of the entry that records it.
    this.erased = new Map();
  }

  follow(idx, leaf, ver, entry = HIDDEN) {
    const where = { idx: plain(idx), stream: this.name, ver };
    const find = (code, expected, found) => this.report.find(code, { ...where, expected, found });
    if (ver > this.ver + 1) find("stream_gap", this.ver + 1, ver);
    else if (ver <= this.ver) find("stream_twice", this.ver + 1, ver);
    else if (entry && entry.prev !== this.seal) find("stream_prev_differs", this.seal, entry.prev);
    if (entry && entry.at < this.at) find("stream_time_goes_back", `at least ${this.at}`, entry.at);
    if (idx <= this.idx) find("stream_order_differs", `above ${this.idx}`, plain(idx));
    if (ver <= this.ver) return;
    if (entry) {
      this.#watch(entry, find);
      this.at = Math.max(this.at, entry.at);
    }
    this.words.set(ver, entry ? { actor: entry.actor, names: new Set(Object.keys(entry.commit)) } : HIDDEN);
    this.ver = ver;
    this.seal = hex(leaf);
    this.idx = idx;
  }

  #watch(entry, find) {
    const { type, data, ver } = entry;
    if (type === "hold_placed") this.holds.add(ver);
    if (type === "hold_lifted" && !this.holds.delete(data.hold) && !this.#isHidden(data.hold)) {
      find("hold_malformed", undefined, data.hold);
    }
    if (type === "erasure_ordered") this.#watchOrder(entry, find);
    if (type === "words_erased") {
      const targets = this.orders.get(data.ordered);
      for (const target of targets ?? []) this.erased.set(target, ver);
      this.orders.delete(data.ordered);
      if (!targets && !this.#isHidden(data.ordered)) find("erasure_without_order", undefined, data.ordered);
    }
  }

  #watchOrder({ actor, role, ver, data }, find) {
    const ordered = [];
    const targets = Array.isArray(data.targets) && data.targets.length > 0 ? data.targets : [null];
    for (const target of targets) {
      const names = target?.names;
      if (this.#isHidden(target?.ver)) continue;
      const words = this.words.get(target?.ver);
      if (!words || !Array.isArray(names) || names.length === 0 || !names.every((name) => words.names.has(name))) {
        find("erasure_malformed", undefined, target?.ver);
        continue;
      }
      ordered.push(...names.map((name) => `${target.ver} ${name}`));
      if (actor !== words.actor && !ERASE_FOR_OTHERS.has(role)) find("erasure_without_right", words.actor, actor);
    }
    if (this.holds.size > 0) find("erasure_under_hold", undefined, Math.max(...this.holds));
    this.orders.set(ver, ordered);
  }

  #isHidden(ver) {
    return isCount(ver) && this.words.get(ver) === HIDDEN;
  }
}
