"""How far a consumer is by its own positions in PostgreSQL, which are committed with what it wrote."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from hub.settings import Settings
from hub.store import offsets
from hub.store.engine import engine, transaction


class Positions:
    """The positions of one consumer in one topic. A context manager."""

    def __init__(self, settings: Settings, consumer: str, topic: str) -> None:
        self._engine = engine(settings, pool_size=1)
        self._names = consumer, topic

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def total(self) -> int:
        """Return their sum."""
        with transaction(self._engine, snapshot=True) as connection:
            return sum(offsets.read(connection, *self._names).values())
