"""aiokafka for the live runner: its options, its errors in our words, the end of a forgotten member.

aiokafka 0.14 joins a group with its instance's name and leaves it out of heartbeats and commits. So a member
whose place another has taken is not told that it is fenced: it is told that its id is unknown, and joins
again. It would take the place back, and the two would take turns for ever. Here such a member ends.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiokafka
import aiokafka.codec
import lz4.frame
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import JoinGroupRequest

from hub.broker import clients, credentials
from hub.broker.inbox import Role
from hub.errors import BrokerError, BrokerUnavailableError, FencedError
from hub.settings import Settings

SESSION_SECONDS = 10
REQUEST_SECONDS = 30
# Heartbeats tell a dead process from one that waits for its database, for a night if need be.
_AWAY_SECONDS = 86_400
_REBALANCE_SECONDS = 60
_FETCH_BYTES = 2**20
_WAIT_SECONDS = 0.1

# The hub compresses with lz4. aiokafka asks for cramjam, a second library for it; ours does as well.
aiokafka.codec.cramjam = aiokafka.codec.cramjam or SimpleNamespace(lz4=lz4.frame)


def options(settings: Settings, role: Role, most_records: int) -> dict[str, Any]:
    """Return a consumer's options, as hub.broker.clients has them for librdkafka."""
    kafka = settings.kafka
    user = kafka.username or role.principal
    tls = None
    if kafka.security_protocol == "SASL_SSL":
        tls = ssl.create_default_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
    return {
        "bootstrap_servers": clients.address(settings).split(","),
        "client_id": role.principal,
        "group_id": role.group,
        "group_instance_id": role.instance,
        "security_protocol": kafka.security_protocol,
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": credentials.password(settings, user),
        "ssl_context": tls,
        "isolation_level": "read_committed",
        "auto_offset_reset": "none",
        "enable_auto_commit": False,
        "partition_assignment_strategy": [RangePartitionAssignor],
        "max_poll_records": most_records,
        "max_partition_fetch_bytes": _FETCH_BYTES,
        "fetch_max_wait_ms": 50,
        "request_timeout_ms": REQUEST_SECONDS * 1000,
        "max_poll_interval_ms": _AWAY_SECONDS * 1000,
        "session_timeout_ms": SESSION_SECONDS * 1000,
        "rebalance_timeout_ms": _REBALANCE_SECONDS * 1000,
    }


def end_when_forgotten(consumer: aiokafka.AIOKafkaConsumer, told: Callable[[], None]) -> None:
    """Let a consumer that was a member join no more once Kafka does not know it; `told` hears of it."""
    coordinator: Any = consumer._coordinator  # noqa: SLF001 - there is no hook for it
    join = coordinator._do_rejoin_group  # noqa: SLF001
    was_member = False

    async def join_or_end(subscription: Any) -> bool:
        nonlocal was_member
        if was_member and coordinator.member_id == JoinGroupRequest.UNKNOWN_MEMBER_ID:
            told()
            await asyncio.sleep(_WAIT_SECONDS)
            return False
        joined: bool = await join(subscription)
        was_member = was_member or joined
        return joined

    coordinator._do_rejoin_group = join_or_end  # noqa: SLF001


def forgotten(role: Role) -> FencedError:
    """Return the error of a member that Kafka does not know any more."""
    return FencedError(
        f"Kafka no longer knows this process as {role.instance} of {role.group}: another has taken its place,"
        f" or it was silent for more than {SESSION_SECONDS} s:",
        do="it ends; whoever watches over it starts it again.",
    )


def told(error: BaseException, role: Role) -> BaseException:
    """Return an error in the hub's words where it is aiokafka's; any other as it is."""
    if not isinstance(error, KafkaError):
        return error
    kind = BrokerUnavailableError if error.retriable else BrokerError
    return kind(
        f"{role.topic} cannot be read: {error}.", do="Is Kafka running, and may this principal read it?"
    )
