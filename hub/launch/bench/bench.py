"""What every benchmark is given: a ground to stand on, how much to measure, and somebody to tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hub.launch.bench.ground import Ground
from hub.settings import Settings


@dataclass(frozen=True)
class Bench:
    """One run of `hub bench`.

    `share` of each benchmark's events and rounds is taken: 1 measures, less tries. `only`: these peers.
    """

    settings: Settings
    folder: Path
    console: Console
    share: float = 1.0
    only: tuple[str, ...] = ()
    pictures: Path | None = None
    """Where pictures go that the page shows; without it none are made."""

    def ground(self, name: str, registry: Path | None = None) -> Ground:
        """Return fresh engines for a benchmark, not started; `registry`: other files than its own."""
        return Ground(self.settings, self.folder / name, self.console, registry)

    def events(self, whole: int) -> int:
        """Return how many events to take of the benchmark's number."""
        return max(1000, round(whole * self.share))

    def rounds(self, whole: int) -> int:
        """Return how many rounds to take of the benchmark's number."""
        return max(1, round(whole * self.share))

    def say(self, text: str) -> None:
        """Tell how it goes."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
