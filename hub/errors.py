"""One hierarchy of errors. A message names what was wrong, where, and what to do about it.

`retriable` says whether the same call may succeed later without anybody changing anything;
`exit_code` is what a command ends with (0 well, 1 found wrong or failed, 2 used or configured wrongly).
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Something a reader can act on; printed as one sentence, never as a traceback."""

    retriable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, do: str | None = None) -> None:
        self.what = what
        self.where = where
        self.do = do
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.do}" if self.do else ""
        return f"{place}{self.what}{advice}"


class ConfigError(HubError):
    """A setting, file or argument is wrong; nothing was started or changed."""

    exit_code: ClassVar[int] = 2


class ContractError(HubError):
    """Bytes, headers or a name that break the wire contract (docs/reference/wire-contract.md)."""


class StartError(HubError):
    """A part could not be started: a taken port, a full disk, a missing download, a broken data folder."""


class BrokerError(HubError):
    """Kafka refused or failed."""


class BrokerUnavailableError(BrokerError):
    """Kafka could not be reached in time; the same call may succeed later."""

    retriable: ClassVar[bool] = True


class StoreError(HubError):
    """PostgreSQL refused or failed."""


class StoreUnavailableError(StoreError):
    """PostgreSQL could not be reached, or is short of something; the same call may succeed later."""

    retriable: ClassVar[bool] = True


class FencedError(HubError):
    """Another instance has taken over this one's work; stop without writing anything more."""
