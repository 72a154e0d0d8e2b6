"""The hub under load and kills: `python -m tests.soak --minutes 30 --seed 7 --kills 200`; see `--help`.

Prints what was done and what was found; exit 1 if anything is off.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.soak import cases, kills
from tests.soak.run import run


def main():
    kinds = "\n".join(f"  {name:<18}{what}" for name, what in kills.KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        epilog=f"Kinds of kill:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long kills are spread over, about")
    parser.add_argument("--seed", type=int, default=7, help="what the kills and the load are made from")
    parser.add_argument("--kills", type=int, default=200, help="how many kills")
    parser.add_argument("--rate", type=float, default=150, help="events a second, all agencies together")
    parser.add_argument("--kinds", default=",".join(kills.KINDS), help="only these kinds, joined by commas")
    parser.add_argument("--case-kills", type=int, default=100, help="how many kills of the cases alone")
    parser.add_argument("--only", choices=("hub", "cases"), help="only the whole hub, or the cases alone")
    parser.add_argument("--folder", type=Path, help="keep data and logs in this new folder")
    options = parser.parse_args()
    chosen = tuple(options.kinds.split(","))
    if unknown := set(chosen) - kills.KINDS.keys():
        parser.error(f"no kinds of kill: {', '.join(sorted(unknown))}")
    well = [part(options, chosen) for name, part in PARTS.items() if options.only in (None, name)]
    return 0 if all(well) else 1


def _hub(options, chosen):
    folder = options.folder and options.folder / "hub"
    outcome = run(
        options.seed, options.kills, options.minutes * 60, options.rate, kinds=chosen, folder=folder
    )
    print(table(outcome, options.seed), flush=True)
    return not outcome.findings


def _cases(options, _):
    folder = options.folder and options.folder / "cases"
    outcome = cases.run(options.seed, options.case_kills, folder=folder)
    print(cases.table(outcome, options.seed), flush=True)
    return not outcome.findings


PARTS = {"hub": _hub, "cases": _cases}


def table(outcome, seed):
    """Return the run as text: injected, found."""
    lines = [
        f"seed {seed}, {outcome.seconds:.0f} s",
        "",
        "Injected",
        " no      at  kind              open  unread  back",
    ]
    for number, each in enumerate(outcome.injected, 1):
        before = each.before
        seen = f"{before.open:>4}  {before.unread:>6}" if before is not None else "   ?       ?"
        lines.append(f"{number:>3} {each.at:>6.1f}s  {each.kind:<17} {seen} {each.back:>5.1f}s  {each.part}")
    lines += ["", f"in the middle of something: {outcome.busy} of {len(outcome.injected)}", "", "Found"]
    lines += [f"  {name}: {count:,}" for name, count in outcome.counted.items()]
    lines.append(
        f"  most unread before the gate: {outcome.most_unread:,}; drained in {outcome.drained:.1f} s"
    )
    memory = ", ".join(f"{name} {megabytes}" for name, megabytes in sorted(outcome.megabytes.items()))
    lines.append(f"  most memory, MiB: {memory}")
    if outcome.sheet is not None:
        totals = outcome.sheet["totals"]
        lines.append(f"  the audit: read {totals['read']:,}, unaccounted {totals['unaccounted']}")
    lines += [f"  {note}" for note in outcome.notes]
    lines += [f"  OFF {finding}" for finding in outcome.findings] or ["  nothing is off"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
