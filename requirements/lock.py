"""Write the lock files from pyproject.toml: every version and hash, no download address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXTRAS = {
    "run.lock": ["hub", "embedded", "speed"],
    "dev.lock": ["hub", "embedded", "speed", "dev"],
    "bench.lock": ["hub", "embedded", "speed", "bench"],
    "bench-quix.lock": ["bench-quix"],
}
# The benchmark measures what is shipped: its peers come to the versions of run.lock, or elsewhere.
KEPT = {"bench.lock": "run.lock"}
# The editable install builds with what is locked here, so that nothing is fetched outside the lock.
BUILD = "hatchling\neditables\n"


def main() -> None:
    """Run the resolver once per lock file."""
    for name, extras in EXTRAS.items():
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-", "--universal", "--quiet",
            "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
            "--no-annotate",
            "--custom-compile-command", "make lock", "--output-file", str(HERE / name),
        ]  # fmt: skip
        for extra in extras:
            command += ["--extra", extra]
        if name in KEPT:
            command += ["--constraints", str(HERE / KEPT[name])]
        subprocess.run(command, cwd=HERE.parent, check=True, input=BUILD, text=True)


if __name__ == "__main__":
    main()
