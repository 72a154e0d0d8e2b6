"""What a person sees while the demo runs: a bar on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from hub.launch.demo import plan
from hub.launch.demo import publish as messages


class Bars:
    """Published and acknowledged, as they grow."""

    def __init__(self, console: Console, total: int, bar: Progress | None) -> None:
        self._console = console
        self._total = total
        self._bar = bar
        self._counts = {"published": 0, "acknowledged": 0}
        self._tenth = 0
        self._tasks = (
            {
                "published": bar.add_task("published", total=total),
                "acknowledged": bar.add_task("received", total=None),
            }
            if bar
            else {}
        )

    def __call__(self, message: messages.Progress) -> None:
        """Count what a process has done."""
        what = "acknowledged" if message.who in plan.RECIPIENTS else "published"
        self._counts[what] += message.count
        if self._bar:
            self._bar.update(self._tasks[what], completed=self._counts[what])
        elif self._total and self._counts["published"] * 10 // self._total > self._tenth:
            self._tenth = self._counts["published"] * 10 // self._total
            self._console.print(
                f"  published {self._counts['published']:,} of {self._total:,}, "
                f"received by the recipients {self._counts['acknowledged']:,}",
                highlight=False,
            )

    def say(self, text: str) -> None:
        """Say what begins now."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)


class Show:
    """Steps and bars on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that a step is under way, and how long it took."""
        begin = time.monotonic()
        busy = self._console.status(escape(title)) if self._console.is_terminal else contextlib.nullcontext()
        with busy:
            yield
        took = f"{time.monotonic() - begin:.1f} s"
        self._console.print(f"[green]✓[/] {escape(title)} [dim]{took}[/]", highlight=False)

    @contextlib.contextmanager
    def bars(self, total: int) -> Iterator[Bars]:
        """Show how much is published and received."""
        if not self._console.is_terminal:
            yield Bars(self._console, total, None)
            return
        text = TextColumn("{task.description}")
        columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            yield Bars(self._console, total, bar)
