// A case file: what one reader may have of one stream, checked as a whole (section 17).
import { Archive, bytesOf, isArchive } from "./archive.js";
import { demand, hex, same, sha256, textIn, unbase64, unhex, utf8 } from "./bytes.js";
import { verifyConsent } from "./consent.js";
import { canonical, hex64, isCount, isPayloadName, isStream, objectIn, opens } from "./entry.js";
import { LARGEST_NOTE, noteIn } from "./note.js";
import { LARGEST_RECEIPT, readHistory, refused, verifyCheckpoint, verifyReceipt } from "./receipt.js";
import { Report } from "./report.js";
import { Stream } from "./stream.js";
import { plain, proveInclusion } from "./tree.js";

const HEADER = "evenhand-case-file/v1";
const LARGEST_MANIFEST = 2 * 1024 * 1024;
const LARGEST_LINES = 64 * 1024 * 1024;
const LARGEST_HISTORY = 16 * 1024 * 1024;
const AT_A_TIME = 64;
const WEIGHT_AT_A_TIME = 8 * 1024 * 1024;
const READERS = new Set(["buyer", "seller", "mediator", "decider"]);

// What nobody can go on from: the finding that says so.
class Stop extends Error {
  constructor(code, found) {
    super(code);
    this.finding = [code, { found }];
  }
}

// Everything a case file claims, said in the report. `largest` bytes of it, unpacked, are what fits in a browser.
export async function verifyCaseFile(blob, keys, report, { largest, tell }) {
  try {
    if (!isArchive(await bytesOf(blob.slice(0, 4)))) throw new Stop("case_unknown");
    await verify(await Archive.in(blob), keys, report, { largest, tell });
  } catch (refusal) {
    if (refusal instanceof Stop) report.find(...refusal.finding);
    else report.find("archive_malformed", { found: refused(refusal) });
  }
}

async function verify(archive, keys, report, { largest, tell }) {
  const length = [...archive.members.values()].reduce((sum, { size }) => sum + size, 0);
  if (length > largest) throw new Stop("too_large_here", length);
  const history = await archive.read("history", LARGEST_HISTORY);
  if (history) await readHistory(history, keys, report);
  const note = await archive.read("checkpoint", LARGEST_NOTE);
  if (!note) throw new Stop("checkpoint_missing");
  const checkpoint = await verifyCheckpoint(note, keys, report);
  if (!checkpoint) return;
  Object.assign(report.seen, { size: plain(checkpoint.size), root: hex(checkpoint.root), ...signersOf(checkpoint) });
  const manifest = await verifyManifest(archive, checkpoint, keys, report);
  if (!manifest) return;
  Object.assign(report.seen, { stream: manifest.stream, reader: manifest.reader, made: manifest.made });
  const digests = await verifyMembers(archive, manifest, report, { length, tell });
  await new CaseFile(archive, manifest, checkpoint, keys, report).verify(digests);
  if (!keys.areEnough(checkpoint)) report.find("quorum_missing");
}

// Who signed a checkpoint: the log's keys, witnesses with the second at which they did, and the names that strangers
// gave themselves.
export function signersOf({ note, signers }) {
  const isKnown = (line) => signers.some(({ key }) => key.name === line.name && key.id === line.id);
  return {
    signers: signers.map(({ key, at }) => ({ name: key.name, kind: key.kind, at: plain(at) })),
    others: [...new Set(note.lines.filter((line) => !isKnown(line)).map(({ name }) => name))],
  };
}

async function verifyManifest(archive, checkpoint, keys, report) {
  try {
    const note = noteIn((await archive.read("manifest", LARGEST_MANIFEST)) ?? new Uint8Array(), LARGEST_MANIFEST);
    await keys.signersOf(note, checkpoint.size);
    const manifest = manifestIn(note);
    demand(manifest.origin === keys.origin && manifest.size === String(checkpoint.size), "bad_manifest");
    return manifest;
  } catch (refusal) {
    report.find("manifest_malformed", { found: refused(refusal) });
    return null;
  }
}

function manifestIn(note) {
  const [header, origin, stream, size, reader, made, ...lines] = textIn(note.text).split("\n");
  demand(header === HEADER && isStream(stream) && READERS.has(reader), "bad_manifest");
  demand(lines.pop() === "" && /^(?:0|[1-9][0-9]{0,18})$/.test(made), "bad_manifest");
  const listed = new Map();
  for (const line of lines) {
    const found = /^([0-9a-f]{64}) (0|[1-9][0-9]{0,18}) ([!-~]+)$/.exec(line);
    demand(found && !listed.has(found[3]), "bad_manifest");
    listed.set(found[3], { digest: found[1], size: Number(found[2]) });
  }
  return { origin, stream, size, reader, made: Number(made), listed };
}

// The digest of each member, which must be those that were signed, in the order of the list, and no others. Nothing
// longer is unpacked.
async function verifyMembers(archive, { listed }, report, { length, tell }) {
  const there = [...archive.members.keys()].filter((path) => path !== "manifest");
  const amiss = [...there.filter((path) => !listed.has(path)), ...[...listed.keys()].filter((path) => !there.includes(path))];
  if (amiss.length === 0 && [...listed.keys()].join(" ") !== there.join(" ")) amiss.push("manifest");
  for (const path of amiss.sort()) report.find("members_differ", { found: path });
  const digests = new Map();
  let done = 0;
  await severally(there.filter((path) => listed.has(path)), report, async (path, said) => {
    const { size } = archive.members.get(path);
    if (listed.get(path).size === size) digests.set(path, hex(await sha256(await archive.read(path, size))));
    if (digests.get(path) !== listed.get(path).digest) said.find("member_differs", { found: path });
    done += size;
    tell(done / length);
  }, (path) => archive.members.get(path).size);
  return digests;
}

// Do something with each, several at a time, since the browser computes aside, but never so many that they fill its
// memory. What is found is said in their order.
async function severally(items, report, verify, weight = () => 0) {
  let some = [];
  let weighs = 0;
  const finish = async () => {
    const reports = some.map(() => new Report(report.mode));
    await Promise.all(some.map((item, place) => verify(item, reports[place])));
    for (const { code, ...where } of reports.flatMap(({ findings }) => findings)) report.find(code, where);
    [some, weighs] = [[], 0];
  };
  for (const item of items) {
    if (some.length >= AT_A_TIME || weighs + weight(item) > WEIGHT_AT_A_TIME) await finish();
    some.push(item);
    weighs += weight(item);
  }
  await finish();
}

class CaseFile {
  constructor(archive, manifest, checkpoint, keys, report) {
    this.archive = archive;
    this.name = manifest.stream;
    this.checkpoint = checkpoint;
    this.keys = keys;
    this.report = report;
    this.stream = new Stream(manifest.stream, report);
    this.places = [];
    this.entries = new Map();
    // Words by "version name": those that opened their commitment, those that are given at all, those that are withheld.
    this.opened = new Map();
    this.given = new Set();
    this.withheld = new Set();
    this.files = [];
    this.consents = [];
  }

  async verify(digests) {
    const openings = await this.#lines("openings.jsonl", "openings_malformed", openingIn);
    const receipts = [...this.archive.members.keys()].filter((path) => path.startsWith("entries/"));
    await severally(receipts, this.report, (path, report) => this.#readReceipt(path, report));
    const hidden = await this.#lines("hidden.jsonl", "hidden_malformed", hiddenIn);
    await severally(hidden, this.report, (one, report) => this.#readHidden(one, report));
    this.places.sort((one, other) => one.ver - other.ver || Number(one.index - other.index));
    for (const { index, leaf, ver, entry } of this.places) this.stream.follow(index, leaf, ver, entry);
    const isCommitted = ({ ver, name }) => demand(Object.hasOwn(this.entries.get(ver)?.commit ?? {}, name), "bad_name");
    for (const { ver, name } of await this.#lines("withheld.jsonl", "withheld_malformed", withheldIn, isCommitted)) {
      this.withheld.add(`${ver} ${name}`);
    }
    await severally(openings, this.report, (opening, report) => this.#open(opening, report));
    await this.#verifyConsents();
    this.#verifyWords();
    this.#verifyFiles(digests);
    this.#tell();
  }

  async #readReceipt(path, report) {
    const ver = Number(path.slice("entries/".length, -".tlog-proof".length));
    const proven = await verifyReceipt(await this.archive.read(path, LARGEST_RECEIPT), this.keys, report, { ver });
    if (!proven) return;
    const { entry, leaf, index, checkpoint } = proven;
    const where = { idx: plain(index), stream: this.name, ver };
    if (checkpoint.size !== this.checkpoint.size || !same(checkpoint.root, this.checkpoint.root)) {
      report.find("receipt_of_another_tree", where);
    }
    if (entry.stream !== this.name || entry.ver !== ver) {
      report.find("entry_misplaced", { ...where, found: `${entry.stream} ${entry.ver}` });
      return;
    }
    this.places.push({ index, leaf, ver, entry });
    this.entries.set(ver, entry);
  }

  async #readHidden({ ver, index, leaf, proof }, report) {
    try {
      const path = proof.map((each) => unbase64(String(each), "bad_hash"));
      await proveInclusion(unhex(leaf), BigInt(index), this.checkpoint.size, path, this.checkpoint.root);
      this.places.push({ index: BigInt(index), leaf: unhex(leaf), ver });
    } catch (refusal) {
      report.find("entry_not_proven", { idx: index, stream: this.name, ver, found: refused(refusal) });
    }
  }

  async #open({ stream, ver, name, salt, payload }, report) {
    const entry = stream === this.name ? this.entries.get(ver) : undefined;
    const find = (code) => report.find(code, { stream, ver, found: name });
    if (entry) this.given.add(`${ver} ${name}`);
    if (!entry || !Object.hasOwn(entry.commit, name)) find("opening_unknown");
    else if (!(await opens(entry, name, unhex(salt), utf8(payload)))) find("opening_differs");
    else this.opened.set(`${ver} ${name}`, payload);
  }

  // What the lines of a member say. The first one that breaks a rule is named, and nothing after it is believed.
  async #lines(path, code, read, holds = () => {}) {
    const raw = (await this.archive.read(path, LARGEST_LINES)) ?? new Uint8Array();
    const found = [];
    for (const line of linesOf(raw)) {
      try {
        const said = read(line);
        holds(said);
        found.push(said);
      } catch (refusal) {
        refused(refusal);
        throw new Stop(code, found.length + 1);
      }
    }
    return found;
  }

  // Each consent that is given was given to what its entry says.
  async #verifyConsents() {
    for (const { ver, entry } of this.places) {
      if (!entry || !this.opened.has(`${ver} consent`)) continue;
      const held = Object.keys(entry.commit).filter((name) => this.opened.has(`${ver} ${name}`));
      const words = new Map(held.map((name) => [name, this.opened.get(`${ver} ${name}`)]));
      const find = (code, found) => this.report.find(code, { stream: this.name, ver, found });
      const told = await verifyConsent(entry, words, find);
      if (told) this.consents.push(told);
    }
  }

  // Each commitment is opened, or withheld from this reader, or its words were erased as an entry records.
  #verifyWords() {
    for (const { ver, entry } of this.places) {
      for (const name of Object.keys(entry?.commit ?? {})) {
        const words = `${ver} ${name}`;
        if (!this.given.has(words) && !this.withheld.has(words) && !this.stream.erased.has(words)) {
          this.report.find("words_missing", { stream: this.name, ver, found: name });
        }
      }
    }
  }

  // Each file is the one that the words called `file` of its entry speak of, and each of those has its file, or a copy
  // of which only the manifest says that it shows the same.
  #verifyFiles(digests) {
    const missing = new Set(this.places.map(({ ver }) => ver).filter((ver) => this.opened.has(`${ver} file`)));
    for (const path of this.archive.members.keys()) {
      const digest = digests.get(path);
      const found = /^(files|copies)\/([0-9]{6})/.exec(path);
      if (!found || !digest) continue;
      const [ver, copy, { size }] = [Number(found[2]), found[1] === "copies", this.archive.members.get(path)];
      const said = fileSaid(this.opened.get(`${ver} file`));
      const holds = missing.has(ver) && (copy || (said.sha256 === digest && said.size === size));
      if (!holds) this.report.find("file_differs", { stream: this.name, ver, found: path });
      missing.delete(ver);
      this.files.push({ path, ver, size, copy });
    }
    for (const ver of missing) this.report.find("file_missing", { stream: this.name, ver });
  }

  #tell() {
    const shown = this.places.filter(({ entry }) => entry);
    Object.assign(this.report.seen, {
      entries: shown.map(({ index, entry: { ver, type, at, clock, role, data } }) => (
        { idx: plain(index), ver, type, at, clock, role, data }
      )),
      hidden: this.places.length - shown.length,
      opened: this.opened.size,
      withheld: this.withheld.size,
      erased: [...this.stream.erased].filter(([words]) => !this.given.has(words)).map(([words, recorded]) => {
        const [ver, name] = words.split(" ");
        return { ver: Number(ver), name, recorded };
      }),
      files: this.files,
      consents: this.consents,
    });
  }
}

function hiddenIn(line) {
  const given = canonicalLine(line, ["index", "leaf", "proof", "ver"]);
  demand(isCount(given.ver) && isCount(given.index) && hex64(given.leaf) && Array.isArray(given.proof), "bad_data");
  return given;
}

function withheldIn(line) {
  const given = canonicalLine(line, ["name", "ver"]);
  demand(isCount(given.ver) && isPayloadName(given.name), "bad_data");
  return given;
}

function openingIn(line) {
  const given = objectIn(line);
  demand(hasKeys(given, ["name", "payload", "salt", "stream", "ver"]), "missing_field");
  demand([given.stream, given.payload].every((text) => typeof text === "string" && text.isWellFormed()), "bad_data");
  demand(isCount(given.ver) && isPayloadName(given.name) && /^(?:[0-9a-f]{2})*$/.test(given.salt), "bad_data");
  return given;
}

function canonicalLine(line, names) {
  const given = objectIn(line);
  demand(same(utf8(canonical(given)), line), "not_canonical");
  demand(hasKeys(given, names), "missing_field");
  return given;
}

const hasKeys = (given, names) => Object.keys(given).sort().join() === names.join();

// The lines of a file whose every line ends with a line feed; one after the last would be a line of its own.
function* linesOf(raw) {
  let start = 0;
  while (start < raw.length) {
    const found = raw.indexOf(10, start);
    const end = found < 0 ? raw.length : found;
    yield raw.subarray(start, end);
    start = end + 1;
  }
}

// What words called `file` say of it; nothing where they say nothing that can be compared.
function fileSaid(payload = "{}") {
  try {
    return objectIn(utf8(payload));
  } catch (refusal) {
    refused(refusal);
    return {};
  }
}
