"""What a person sees while the hub starts: a line a step, with a bar on a terminal, plain elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Count = Callable[[int, int], None]
"""Told how much of how much is done."""


class Report:
    """The named ways to tell a person something."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    def line(self, text: str) -> None:
        """Say one thing."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    def trouble(self, text: str) -> None:
        """Say what went wrong."""
        self.console.print(escape(text), style="yellow", highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Count]:
        """Show that a step is under way; what is yielded may be told how far it is."""
        begin = time.monotonic()
        if self.console.is_terminal:
            with self._bar(title) as count:
                yield count
        else:
            yield lambda *_: None
        self.console.print(
            f"[green]✓[/] {escape(title)} [dim]{time.monotonic() - begin:.1f} s[/]", highlight=False
        )

    @contextlib.contextmanager
    def _bar(self, title: str) -> Iterator[Count]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(escape(title), total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
