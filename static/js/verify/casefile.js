// A case file: what one reader may have of one stream, checked as a whole (section 17).
import { Archive, bytesOf, isArchive } from "./archive.js";
import { demand, hex, same, sha256, textIn, unbase64, unhex, Unsound, utf8 } from "./bytes.js";
import { canonical, hex64, isCount, isPayloadName, objectIn, opens } from "./entry.js";
import { LARGEST_NOTE, noteIn } from "./note.js";
import { LARGEST_RECEIPT, readHistory, refused, verifyCheckpoint, verifyReceipt } from "./receipt.js";
import { Stream } from "./stream.js";
import { plain, proveInclusion } from "./tree.js";

const HEADER = "evenhand-case-file/v1";
const LARGEST_MANIFEST = 2 * 1024 * 1024;
const LARGEST_LINES = 64 * 1024 * 1024;
const LARGEST_HISTORY = 16 * 1024 * 1024;
const READERS = new Set(["buyer", "seller", "mediator", "decider"]);

// Everything a case file claims, said in the report. `largest` bytes of one file, or of all, is what fits in a browser.
export async function verifyCaseFile(blob, keys, report, { largest, tell }) {
  if (!isArchive(await bytesOf(blob.slice(0, 4)))) return report.find("case_unknown");
  let archive;
  try {
    archive = await Archive.in(blob);
  } catch (refusal) {
    return report.find("archive_malformed", { found: refused(refusal) });
  }
  const length = [...archive.members.values()].reduce((sum, { size }) => sum + size, 0);
  if (length > largest) return report.find("too_large_here", { expected: largest, found: length });
  const small = (path, limit) => readSmall(archive, path, limit, report);

  const history = await small("history", LARGEST_HISTORY);
  if (history) await readHistory(history, keys, report);
  const note = await small("checkpoint", LARGEST_NOTE);
  if (!note) return archive.members.has("checkpoint") ? undefined : report.find("checkpoint_missing");
  const checkpoint = await verifyCheckpoint(note, keys, report);
  if (!checkpoint) return undefined;
  Object.assign(report.seen, { size: plain(checkpoint.size), root: hex(checkpoint.root), signers: signersOf(checkpoint) });
  const manifest = await verifyManifest(await small("manifest", LARGEST_MANIFEST), checkpoint, keys, report);
  if (!manifest) return undefined;
  Object.assign(report.seen, { stream: manifest.stream, reader: manifest.reader, made: manifest.made });

  const members = await verifyMembers(archive, manifest, report, { length, tell });
  return new CaseFile(manifest, checkpoint, keys, report).verify(members);
}

export const signersOf = ({ signers }) => signers.map(({ key, at }) => ({ name: key.name, kind: key.kind, at: plain(at) }));

// The bytes of a member; null where it is absent, or cannot be had, which the report says.
async function readSmall(archive, path, limit, report) {
  if (!archive.members.has(path)) return null;
  try {
    return await archive.read(path, limit);
  } catch (refusal) {
    report.find("archive_malformed", { expected: path, found: refused(refusal) });
    return null;
  }
}

async function verifyManifest(raw, checkpoint, keys, report) {
  try {
    demand(raw !== null, "missing");
    const note = noteIn(raw, LARGEST_MANIFEST);
    await keys.signersOf(note, checkpoint.size);
    const manifest = manifestIn(note);
    demand(manifest.origin === keys.origin, "wrong_origin");
    demand(manifest.size === String(checkpoint.size), "bad_size");
    return manifest;
  } catch (refusal) {
    report.find("manifest_malformed", { found: refused(refusal) });
    return null;
  }
}

function manifestIn(note) {
  const [header, origin, stream, size, reader, made, ...lines] = textIn(note.text).split("\n");
  demand(header === HEADER, "bad_header");
  demand(lines.pop() === "" && READERS.has(reader) && /^(?:0|[1-9][0-9]{0,15})$/.test(made), "bad_manifest");
  const listed = lines.map((line) => {
    const found = /^([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) (\S+)$/.exec(line);
    demand(found, "bad_manifest");
    return { digest: found[1], size: Number(found[2]), path: found[3] };
  });
  return { origin, stream, size, reader, made: Number(made), listed };
}

// Compare all members with the signed list. Answers the bytes of those that are read further, and the digest and length
// of each file of evidence.
async function verifyMembers(archive, manifest, report, { length, tell }) {
  const paths = [...archive.members.keys()].filter((path) => path !== "manifest");
  for (const [place, path] of paths.entries()) {
    if (manifest.listed[place]?.path !== path) report.find("members_differ", { found: path });
  }
  for (const { path } of manifest.listed) {
    if (!archive.members.has(path)) report.find("members_differ", { found: path });
  }
  const listed = new Map(manifest.listed.map((line) => [line.path, line]));
  const members = new Map();
  let done = 0;
  for (const path of paths) {
    tell(done / length);
    try {
      const { size } = archive.members.get(path);
      const raw = await archive.read(path, size);
      const digest = hex(await sha256(raw));
      const line = listed.get(path);
      if (line && (line.digest !== digest || line.size !== size)) report.find("member_differs", { found: path });
      // What nobody reads here need not stay in memory.
      members.set(path, isRead(path) ? { raw } : { digest, size });
      done += size;
    } catch (refusal) {
      report.find("archive_malformed", { expected: path, found: refused(refusal) });
    }
  }
  return members;
}

const isRead = (path) => path.startsWith("entries/") || path.endsWith(".jsonl");

class CaseFile {
  constructor(manifest, checkpoint, keys, report) {
    this.name = manifest.stream;
    this.checkpoint = checkpoint;
    this.keys = keys;
    this.report = report;
    this.stream = new Stream(manifest.stream, report);
    this.places = [];
    this.entries = new Map();
    // Words that were opened or are withheld, as "version name".
    this.opened = new Map();
    this.withheld = new Set();
  }

  async verify(members) {
    for (const [path, { raw }] of members) if (path.startsWith("entries/")) await this.#readReceipt(path, raw);
    await this.#lines(members, "hidden.jsonl", "hidden_malformed", (line) => this.#readHidden(line));
    this.places.sort((one, other) => one.ver - other.ver);
    for (const { index, leaf, ver, entry } of this.places) this.stream.follow(index, leaf, ver, entry);
    await this.#lines(members, "openings.jsonl", "openings_malformed", (line) => this.#readOpening(line));
    await this.#lines(members, "withheld.jsonl", "withheld_malformed", (line) => this.#readWithheld(line));
    this.#verifyWords();
    this.#verifyFiles(members);
    this.#tell();
  }

  async #readReceipt(path, raw) {
    const ver = Number(path.slice("entries/".length, -".tlog-proof".length));
    const proven = await verifyReceipt(raw, this.keys, this.report);
    if (!proven) return;
    const { entry, leaf, index, checkpoint } = proven;
    const where = { idx: plain(index), stream: this.name, ver };
    if (checkpoint.size !== this.checkpoint.size || !same(checkpoint.root, this.checkpoint.root)) {
      this.report.find("receipt_of_another_tree", where);
    }
    if (entry.stream !== this.name || entry.ver !== ver) {
      this.report.find("entry_misplaced", { ...where, found: `${entry.stream} ${entry.ver}` });
      return;
    }
    this.places.push({ index, leaf, ver, entry });
    this.entries.set(ver, entry);
  }

  async #readHidden(line) {
    const given = objectIn(line);
    demand(same(utf8(canonical(given)), line), "not_canonical");
    demand(hasKeys(given, ["index", "leaf", "proof", "ver"]), "missing_field");
    demand(isCount(given.ver) && given.ver > 0 && isCount(given.index) && hex64(given.leaf), "bad_hidden");
    demand(Array.isArray(given.proof) && given.proof.every((each) => typeof each === "string"), "bad_hidden");
    const [index, leaf] = [BigInt(given.index), unhex(given.leaf)];
    const path = given.proof.map((each) => unbase64(each, "bad_hash_line"));
    this.places.push({ index, leaf, ver: given.ver });
    try {
      await proveInclusion(leaf, index, this.checkpoint.size, path, this.checkpoint.root);
    } catch (refusal) {
      const where = { idx: given.index, stream: this.name, ver: given.ver };
      this.report.find("entry_not_proven", { ...where, found: refused(refusal) });
    }
  }

  async #readOpening(line) {
    const given = objectIn(line);
    demand(hasKeys(given, ["name", "payload", "salt", "stream", "ver"]), "missing_field");
    const { name, payload, salt, stream, ver } = given;
    demand(isPayloadName(name) && isCount(ver) && /^(?:[0-9a-f]{2})*$/.test(salt), "bad_opening");
    demand(typeof payload === "string" && payload.isWellFormed(), "surrogate");
    const where = { stream, ver, found: name };
    const entry = stream === this.name ? this.entries.get(ver) : undefined;
    if (!entry || !Object.hasOwn(entry.commit, name)) this.report.find("opening_unknown", where);
    else if (!(await opens(entry, name, unhex(salt), utf8(payload)))) this.report.find("opening_differs", where);
    else this.opened.set(`${ver} ${name}`, payload);
  }

  #readWithheld(line) {
    const given = objectIn(line);
    demand(same(utf8(canonical(given)), line), "not_canonical");
    demand(hasKeys(given, ["name", "ver"]), "missing_field");
    demand(Object.hasOwn(this.entries.get(given.ver)?.commit ?? {}, given.name), "bad_name");
    this.withheld.add(`${given.ver} ${given.name}`);
  }

  // Read a member line by line; the number of a line that breaks a rule is said.
  async #lines(members, path, code, read) {
    const raw = members.get(path)?.raw;
    if (!raw) return;
    if (raw.length > LARGEST_LINES) {
      this.report.find(code, { found: "too_long" });
      return;
    }
    let number = 0;
    for (const line of linesOf(raw)) {
      number += 1;
      try {
        await read(line);
      } catch (refusal) {
        if (!(refusal instanceof Unsound)) throw refusal;
        this.report.find(code, { expected: refusal.code, found: number });
      }
    }
  }

  // Each commitment is opened, or withheld from this reader, or its words were erased as an entry records.
  #verifyWords() {
    for (const [ver, entry] of this.entries) {
      for (const name of Object.keys(entry.commit)) {
        const words = `${ver} ${name}`;
        if (!this.opened.has(words) && !this.withheld.has(words) && !this.stream.erased.has(words)) {
          this.report.find("words_missing", { stream: this.name, ver, found: name });
        }
      }
    }
  }

  #verifyFiles(members) {
    const had = new Set();
    this.files = [];
    for (const [path, { digest, size }] of members) {
      const found = /^(files|copies)\/([0-9]{6})/.exec(path);
      if (!found) continue;
      const ver = Number(found[2]);
      const said = fileSaid(this.opened.get(`${ver} file`));
      const holds = said && !had.has(ver) && (found[1] === "copies" || (said.sha256 === digest && said.size === size));
      if (!holds) this.report.find("file_differs", { stream: this.name, ver, found: path });
      had.add(ver);
      this.files.push({ path, ver, size, copy: found[1] === "copies" });
    }
    for (const words of this.opened.keys()) {
      const [ver, name] = words.split(" ");
      if (name === "file" && !had.has(Number(ver))) this.report.find("file_missing", { stream: this.name, ver: Number(ver) });
    }
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
      erased: [...this.stream.erased].map(([words, recorded]) => {
        const [ver, name] = words.split(" ");
        return { ver: Number(ver), name, recorded };
      }),
      files: this.files,
    });
  }
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

// What words called `file` say of it; null where they say nothing that can be compared.
function fileSaid(payload) {
  if (payload === undefined) return null;
  try {
    return objectIn(utf8(payload));
  } catch (refusal) {
    if (refusal instanceof Unsound) return null;
    throw refusal;
  }
}
