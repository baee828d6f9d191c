// The page that checks a file: takes it from its reader, and says what was found in the sentences of the page.
import { SOUND } from "./report.js";
import { sentenceOf } from "./sentences.js";
import { verifyFile } from "./verify.js";

const form = document.getElementById("check");
const key = document.getElementById("key");
const chosen = document.getElementById("file");
const missing = document.getElementById("file-error");
const drop = document.getElementById("drop");
const result = document.getElementById("result");
const working = document.querySelector("[data-working]");
const progress = document.getElementById("progress");

const words = document.getElementById("words").content;
const labels = document.getElementById("labels").content;
const facts = document.getElementById("facts").content;
const known = new Blob([document.getElementById("known-history").content.textContent]);

form.hidden = false;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  check(chosen.files[0]);
});
chosen.addEventListener("change", () => say(false));

for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length === 0) return;
  chosen.files = event.dataTransfer.files;
  check(chosen.files[0]);
});
// A file that misses its place would otherwise be opened instead of the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

async function check(file) {
  say(!file);
  if (!file) return chosen.focus();
  form.inert = true;
  result.hidden = true;
  working.hidden = false;
  progress.value = 0;
  progress.hidden = false;
  const history = document.getElementById("history").files[0] ?? null;
  const given = { keys: key.value, history, known, tell: (part) => { progress.value = part; } };
  const report = await verifyFile(file, given);
  working.hidden = true;
  progress.hidden = true;
  form.inert = false;
  show(report);
  return undefined;
}

// Whether the field of the file is told to be empty.
function say(wrong) {
  missing.hidden = !wrong;
  chosen.closest(".field").classList.toggle("wrong", wrong);
  chosen.setAttribute("aria-describedby", wrong ? "file-hint file-error" : "file-hint");
  if (wrong) chosen.setAttribute("aria-invalid", "true");
  else chosen.removeAttribute("aria-invalid");
}

function show(report) {
  const { mode, verdict, findings, seen } = report;
  const sound = verdict === SOUND;
  for (const each of result.querySelectorAll("[data-outcome]")) {
    each.hidden = ![verdict, `${verdict} ${mode}`].includes(each.dataset.outcome);
  }
  list("findings", "ul", findings.map(finding));
  // Of what was tampered with, nothing is told as if it were so.
  list("facts", "dl", sound ? factsOf(seen) : []);
  list("entries", "ol", sound ? (seen.entries ?? []).map(line) : []);
  list("consents", "ul", sound ? (seen.consents ?? []).map(consentLine) : []);
  list("erased", "ul", sound ? (seen.erased ?? []).map(erasedLine) : []);
  list("files", "ul", sound ? (seen.files ?? []).map(fileLine) : []);
  part("own-key").hidden = !(sound && onlyShownKeys(seen.log));
  const limits = part("limits");
  limits.hidden = !sound;
  for (const each of limits.querySelectorAll("[data-only]")) each.hidden = each.dataset.only !== mode;
  const details = part("details");
  details.hidden = false;
  details.open = false;
  details.querySelector("pre").textContent = JSON.stringify({ mode, verdict, seen, findings }, null, 2);
  result.hidden = false;
  result.querySelector("[data-outcome]:not([hidden]) h2").focus();
}

// Whether the reader trusts no key of this log but those that the page itself shows.
function onlyShownKeys(log) {
  const keysIn = (text) => text.split(/\s+/).filter((word) => word.startsWith(`${log}+`));
  return keysIn(key.value).every((line) => keysIn(key.defaultValue).includes(line));
}

const part = (name) => result.querySelector(`[data-part="${name}"]`);

// A part that is there only where something is in its list.
function list(name, kind, lines) {
  part(name).hidden = lines.length === 0;
  part(name).querySelector(kind).replaceChildren(...lines);
}

function finding({ code, idx, ver, expected, found }) {
  const said = words.querySelector(`[data-say="${CSS.escape(code)}"]`) ?? words.querySelector('[data-say="any"]');
  const places = { code, idx: place(idx), ver, last: expected - 1, found };
  const made = element("li", filled(said.textContent, places));
  made.append(" ", element("code", found === undefined ? code : `${code}: ${found}`, "quiet digits"));
  return made;
}

function factsOf(seen) {
  const rows = [];
  const tell = (name, value, kind) => rows.push(fact(name, value, kind));
  if (seen.type) {
    tell("what", sentenceOf(facts, seen));
    tell("who", roleOf(seen.role));
    tell("when", instant(seen.at, seen.clock));
    if (seen.data.number) tell("dispute", seen.data.number);
    tell("ver", number(seen.ver));
    tell("idx", number(place(seen.idx)));
  }
  if (seen.entries) {
    const filed = seen.entries.find(({ type }) => type === "dispute_filed");
    if (filed) tell("dispute", filed.data.number);
    tell("reader", roleOf(seen.reader));
    tell("made", instant(seen.made));
    tell("shown", number(seen.entries.length));
    if (seen.hidden > 0) tell("hidden", number(seen.hidden));
    tell("opened", number(seen.opened));
    if (seen.withheld > 0) tell("withheld", number(seen.withheld));
  }
  if (seen.size !== undefined) tell("size", number(seen.size));
  for (const witness of (seen.signers ?? []).filter(({ kind }) => kind === "witness")) {
    tell("witnesses", filled(pattern("witness"), { name: witness.name, when: instant(witness.at * 1000) }));
  }
  if (seen.others?.length > 0) tell("others", new Intl.ListFormat(manner).format(seen.others));
  if (seen.root) tell("root", seen.root, "digits wraps");
  tell("log", seen.log, "digits wraps");
  return rows;
}

// An entry as the docket of a dispute shows it.
function line(entry) {
  const made = document.createElement("li");
  made.append(
    element("span", instant(entry.at, entry.clock), "when"),
    element("span", roleOf(entry.role), "who"),
    element("p", sentenceOf(facts, entry), "what"),
    element("span", filled(pattern("entry"), { ver: number(entry.ver) }), "seal"),
  );
  return made;
}

function consentLine(each) {
  const said = pattern(each.kind === "passkey" ? "signed" : "recorded");
  return element("li", filled(said, { ...each, ver: number(each.ver) }), "wraps");
}

const erasedLine = (each) => element("li", filled(pattern("erased"), each));

function fileLine({ path, ver, size, copy }) {
  const said = { path, ver: number(ver), size: weight(size) };
  return element("li", filled(pattern(copy ? "copy" : "file"), said));
}

function fact(name, value, kind = "") {
  const group = document.createElement("div");
  group.append(element("dt", labels.querySelector(`[data-label="${name}"]`).textContent));
  const said = document.createElement("dd");
  if (kind) said.append(element("code", value, kind));
  else said.append(value);
  group.append(said);
  return group;
}

const roleOf = (role) => labels.querySelector(`[data-role="${CSS.escape(role)}"]`)?.textContent ?? role;

const pattern = (name) => labels.querySelector(`[data-form="${name}"]`).textContent;

function instant(at, clock = "real") {
  const day = new Date(at);
  if (Number.isNaN(day.valueOf())) return String(at);
  const style = (options) => new Intl.DateTimeFormat(manner, { timeZone: "UTC", ...options }).format(day);
  const said = filled(pattern("instant"), {
    day: style({ day: "numeric", month: "long", year: "numeric" }),
    time: style({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  });
  return clock === "real" ? said : `${said} (${pattern("clock")})`;
}

// The house writes English dates as most readers of this world do: day before month.
const manner = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const number = (value) => (typeof value === "number" ? new Intl.NumberFormat(manner).format(value) : String(value));
const weight = (size) => {
  const [unit, per] = size < 1_000 ? ["byte", 1] : size < 1_000_000 ? ["kilobyte", 1_000] : ["megabyte", 1_000_000];
  const style = { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: unit === "megabyte" ? 1 : 0 };
  return new Intl.NumberFormat(manner, style).format(size / per);
};
// People count entries from 1.
const place = (idx) => (typeof idx === "number" ? idx + 1 : idx);

const filled = (sentence, places) => sentence.replace(/\{(\w+)\}/g, (_whole, name) => String(places[name] ?? ""));

function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
