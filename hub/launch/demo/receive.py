"""One recipient's process: reads its inbox through the SDK, acknowledges, rejects what it was told."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

from kafka.errors import KafkaError

from connectors.sdk import Config, Subscriber
from hub.errors import HubError
from hub.launch.demo.publish import Failed, Progress, Tell

_TOLD_EVERY = 500
_QUIET_SECONDS = 2.0


class Flag(Protocol):
    """An event shared between processes."""

    def is_set(self) -> bool:
        """Say whether it was set."""


@dataclass(frozen=True)
class Role:
    """What a recipient does: after `leave_after` deliveries it goes offline; it notes when `timed` arrive."""

    config: Config
    reject: AbstractSet[str] = frozenset()
    timed: AbstractSet[str] = frozenset()
    leave_after: int | None = None


@dataclass(frozen=True)
class Quiet:
    """Nothing has come for a moment."""

    who: str


@dataclass(frozen=True)
class Received:
    """A recipient has left: deliveries, rejections; when each timed event was seen (ms since 1970)."""

    who: str
    count: int
    rejected: int
    seen_ms: dict[str, int] = field(repr=False)


def run(role: Role, stop: Flag, tell: Tell) -> None:
    """Receive until told to stop and nothing comes any more; the entry point of a process."""
    try:
        tell.put(_receive(role, stop, tell))
    except (HubError, KafkaError) as error:
        tell.put(Failed(role.config.agency, str(error)))


def _receive(role: Role, stop: Flag, tell: Tell) -> Received:
    who = role.config.agency
    count = rejected = told = 0
    seen: dict[str, int] = {}
    quiet_since: float | None = None
    with Subscriber(role.config) as subscriber:
        while role.leave_after is None or count < role.leave_after:
            delivery = subscriber.next(0.2)
            if delivery is None or count - told >= _TOLD_EVERY:
                tell.put(Progress(who, count - told))
                told = count
            if delivery is None:
                quiet_since = quiet_since or time.monotonic()
                tell.put(Quiet(who))
                if stop.is_set() and time.monotonic() - quiet_since > _QUIET_SECONDS:
                    break
                continue
            quiet_since = None
            name = delivery.envelope.id
            if name in role.timed:
                seen.setdefault(name, time.time_ns() // 1_000_000)
            if name in role.reject:
                subscriber.reject(delivery, "incomplete-file", "The register needs the decision's text.")
                rejected += 1
            else:
                subscriber.ack(delivery)
            count += 1
    tell.put(Progress(who, count - told))
    return Received(who, count, rejected, seen)
