// What was found wrong and what was seen to be so: the words of the verifier that runs without a browser (section 13).

export const TAMPERED = "tampered";
export const CANNOT_TELL = "cannot_tell";
export const SOUND = "sound";

const MOST_FINDINGS = 1_000;

// Codes after which a file is only not understood. Every other one says that it was tampered with.
const NOT_UNDERSTOOD = new Set([
  "browser_cannot",
  "case_unknown",
  "checkpoint_missing",
  "checkpoint_not_signed",
  "founding_unknown",
  "key_malformed",
  "opening_unknown",
  "openings_malformed",
  "quorum_missing",
  "receipt_unknown",
  "too_large_here",
  "unreadable",
  "verifier_failed",
]);

export class Report {
  constructor(mode) {
    this.mode = mode;
    this.findings = [];
    this.seen = {};
  }

  find(code, where = {}) {
    if (this.findings.length < MOST_FINDINGS) this.findings.push({ code, ...where });
    else if (this.findings.length === MOST_FINDINGS) this.findings.push({ code: "too_many_findings" });
  }

  get verdict() {
    if (this.findings.some(({ code }) => !NOT_UNDERSTOOD.has(code))) return TAMPERED;
    return this.findings.length > 0 ? CANNOT_TELL : SOUND;
  }
}
