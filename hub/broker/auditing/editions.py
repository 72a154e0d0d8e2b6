"""The editions of the agency registry with the broker's times at which they came into force."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import structlog

from hub.audit.books import Place
from hub.broker.auditing.asking import Questions
from hub.broker.auditing.reader import Reader
from hub.contracts import topics
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.registry.model import Registry
from hub.registry.records import EDITION, RegistryReader
from hub.settings import Settings

_MANIFEST = f"{EDITION}/registry@".encode()
_PLACE = Place(topics.REGISTRY, 0)


class EditionLog:
    """Every edition on `hub.registry`, by number and by time (hub.audit.account.Editions)."""

    def __init__(self, settings: Settings, questions: Questions, idle: Callable[[], None]) -> None:
        self._questions = questions
        self._reader = Reader(settings, "registry", idle)
        self._fold = RegistryReader()
        self._times: list[int] = []
        self._numbers: list[int] = []
        self._at: dict[int, int] = {}

    def catch_up(self) -> None:
        """Read what is new to its end as of now; raise as Questions does (no topic: BrokerError)."""
        ends = self._questions.ends([_PLACE])
        self._reader.follow({_PLACE: 0})
        for record in self._reader.upto(_PLACE, ends[_PLACE]):
            self._take(record)

    @property
    def current(self) -> Registry | None:
        """The newest complete edition; None before the first `hub apply`."""
        return self._fold.current

    def edition(self, number: int) -> Registry | None:
        """Return an edition, None if it is not on the topic."""
        try:
            return self._fold.edition(number)
        except ContractError:
            return None

    def in_force(self, at_ms: int) -> int | None:
        """Return the number of the edition whose manifest was the newest at a time of the broker's."""
        index = bisect_right(self._times, at_ms)
        return self._numbers[index - 1] if index else None

    def appended_ms(self, number: int) -> int | None:
        """Return when an edition's manifest was appended."""
        return self._at.get(number)

    def superseded_ms(self, number: int) -> int | None:
        """Return when the next manifest was appended; None for the newest."""
        if number not in self._at:
            return None
        index = self._numbers.index(number) + 1
        return self._times[index] if index < len(self._times) else None

    def close(self) -> None:
        """Leave the broker."""
        self._reader.close()

    def _take(self, record: Record) -> None:
        try:
            self._fold.feed(record.key, record.value)
        except ContractError as error:
            structlog.get_logger().error("a record of the registry cannot be read", error=str(error))
            return
        key = record.key or b""
        if record.value is None or not key.startswith(_MANIFEST):
            return
        number = int(key[len(_MANIFEST) :])
        if number not in self._at:
            # The broker's clock may have been set back between two editions; order is the log's.
            time_ms = max(record.timestamp, self._times[-1] if self._times else 0)
            self._at[number] = time_ms
            self._times.append(time_ms)
            self._numbers.append(number)
