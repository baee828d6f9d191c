"""`make bench`: all timed runs, or those named on the command line, each with a short form for every day."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import (
    act,
    casefile,
    enumeration,
    growth,
    histories,
    machine,
    mutations,
    proofs,
    serving,
    statistics,
    verification,
    writers,
)

RUNS = {
    "act": act.run,
    "writers": writers.run,
    "growth": growth.run,
    "machine": machine.run,
    "statistics": statistics.run,
    "proofs": proofs.run,
    "serving": serving.run,
    "mutations": mutations.run,
    "verification": verification.run,
    "histories": histories.run,
    "casefile": casefile.run,
    "enumeration": enumeration.run,
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="run", help=f"which ({', '.join(RUNS)}); all unless told otherwise")
    parser.add_argument("--short", action="store_true", help="a few seconds each: shows that it runs, proves nothing")
    chosen = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in chosen.runs or RUNS:
        result = RUNS[name](short=chosen.short)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        print(name, json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
