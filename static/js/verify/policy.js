// Whom a reader trusts, and how many witnesses they ask for: keys, one vkey a line, or a policy as C2SP tlog-policy has
// it (section 15).
import { demand } from "./bytes.js";
import { keyIn } from "./note.js";

const NOBODY = "none";

export class Policy {
  // Raises Unsound for a line that cannot be followed.
  static async in(text) {
    const policy = new Policy();
    for (const line of text.split(/\r?\n/)) {
      const words = line.trim().split(/[ \t]+/);
      if (words[0] !== "" && !words[0].startsWith("#")) await policy.#read(words);
    }
    demand(policy.quorum !== "" || policy.isList, "missing_field");
    return policy;
  }

  constructor() {
    this.logs = [];
    // Each witness's key and each group's size and members, by name.
    this.witnesses = new Map();
    this.groups = new Map();
    this.quorum = "";
    // Whether these are keys only, without a word of a policy.
    this.isList = true;
  }

  async #read([word, ...rest]) {
    const [name, second, ...more] = rest;
    this.isList &&= rest.length === 0;
    if (word === "log") await this.#trust(name, rest.length <= 2);
    else if (word === "witness") await this.#ask(name, second, more.length <= 1);
    else if (word === "group") this.#group(name, second, more);
    else if (word === "quorum") this.#demandOf(name, rest.length === 1);
    else await this.#list(word, rest.length === 0);
  }

  async #trust(line, alone) {
    demand(alone && line !== undefined, "bad_name");
    const key = await keyIn(line);
    demand(key.kind === "log" && this.logs.every((each) => each.line !== line), "bad_vkey");
    this.logs.push(key);
  }

  async #ask(name, line, alone) {
    demand(alone && line !== undefined && !this.#isDefined(name), "bad_name");
    const key = await keyIn(line);
    // Two names of one key would let it count twice.
    const known = [...this.witnesses.values()].map((each) => String(each.public));
    demand(key.kind === "witness" && !known.includes(String(key.public)), "bad_vkey");
    this.witnesses.set(name, key);
  }

  #group(name, least, members) {
    const used = [...this.groups.values()].flatMap((group) => group.members);
    const free = (member) => this.#isDefined(member) && member !== NOBODY && !used.includes(member);
    demand(name !== undefined && !this.#isDefined(name) && members.length > 0 && members.every(free), "bad_name");
    demand(new Set(members).size === members.length, "bad_name");
    const number = { all: String(members.length), any: "1" }[least] ?? least;
    demand(/^[1-9][0-9]{0,8}$/.test(number) && Number(number) <= members.length, "bad_size");
    this.groups.set(name, { least: Number(number), members });
  }

  #demandOf(name, alone) {
    demand(alone && this.#isDefined(name) && this.quorum === "", "bad_name");
    this.quorum = name;
  }

  // A vkey on a line of its own: of a log, or of a witness whose signature is shown where there is one.
  async #list(line, alone) {
    demand(alone, "bad_vkey");
    const key = await keyIn(line);
    if (key.kind === "log") await this.#trust(line, true);
    else await this.#ask(key.name, line, true);
  }

  #isDefined(name) {
    return name === NOBODY || this.witnesses.has(name) || this.groups.has(name);
  }

  // Whether those who signed are enough: the names of witnesses.
  isSatisfied(signed) {
    const met = new Set([NOBODY, ...signed]);
    // Members come before their group.
    for (const [name, { least, members }] of this.groups) {
      if (members.filter((member) => met.has(member)).length >= least) met.add(name);
    }
    return met.has(this.quorum || NOBODY);
  }
}
