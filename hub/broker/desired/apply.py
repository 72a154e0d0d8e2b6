"""`hub apply`: make Kafka and `hub.registry` what the agency registry's files say.

Order: topics, credentials, ACLs, quotas, and last the edition, in one transaction: an agency can work before
the gate hears of it, never the other way round. Every step compares first, so a crash between two of them is
made good by the next apply, and an apply without differences changes nothing.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from hub.broker import clients
from hub.broker.desired import acls, admin, quotas, users
from hub.broker.registry_topic import NoRegistryError, read_registry
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.errors import BrokerError, ConfigError, FencedError
from hub.host.filelock import held
from hub.registry import journey_migrations
from hub.registry.model import Quota, Registry
from hub.registry.plan import Plan, plan, refusals
from hub.registry.records import AGENCY, JOURNEY, Record, RegistryReader, encode_edition, number
from hub.settings import Settings

LOCK = "registry.lock"
LOCK_SECONDS = 60.0
TRANSACTION_SECONDS = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did: the edition in force, whether it is new, the plan, each change made on Kafka."""

    edition: int
    new_edition: bool
    plan: Plan
    changes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything was changed at all."""
        return self.new_edition or bool(self.changes)


def apply(
    settings: Settings,
    desired: Registry,
    *,
    remove_agencies: bool = False,
    confirmed: Plan | None = None,
    say: Say = lambda _: None,
) -> Applied:
    """Make Kafka and the registry's topic what `desired` says; `say` hears each change as it is made.

    Topics are never deleted: a removed agency loses credentials, ACLs and quota, its events stay. `confirmed`
    is the plan that a person agreed to: if another apply has changed it since, nothing is done. Raises
    ConfigError if the plan may not be applied (see `check`), FencedError if another apply took over.
    """
    with _alone(settings):
        changes = _Changes(say)
        changes.take(admin.ensure_topics(settings, topics.hub_topics()))
        producer = _producer(settings)
        reader = read_registry(settings, topics.ADMIN_PRINCIPAL)
        current = reader.current
        check(settings, reader, desired, remove_agencies=remove_agencies)
        changed = plan(current, desired)
        if confirmed is not None and changed != confirmed:
            raise ConfigError(
                "the registry was changed since this plan was shown.", do="Run `hub plan` again."
            )
        _ensure_kafka(settings, current, desired, reader, changes)
        numbered = number(desired, reader)
        new = current is None or numbered.version != current.version
        if new:
            _publish(producer, encode_edition(numbered, reader.keys))
            say(f"agency registry: edition {numbered.version} is in force")
        return Applied(numbered.version, new, changed, tuple(changes.made))


def in_force(settings: Settings, principal: str = topics.ADMIN_PRINCIPAL) -> Registry | None:
    """Return the registry in force; None before the first apply."""
    return known(settings, principal).current


def known(settings: Settings, principal: str = topics.ADMIN_PRINCIPAL) -> RegistryReader:
    """Return all that was ever applied; nothing before the first apply."""
    try:
        return read_registry(settings, principal)
    except NoRegistryError:
        return RegistryReader()


def check(
    settings: Settings, reader: RegistryReader, desired: Registry, *, remove_agencies: bool = False
) -> None:
    """Raise one ConfigError that names everything which forbids applying `desired` after all that was."""
    current = reader.current
    faults = refusals(current, desired, disk_bytes(settings))
    faults += journey_migrations.refusals(desired.journeys.values(), reader.versions(JOURNEY))
    removed = sorted(current.agencies.keys() - desired.agencies.keys()) if current else []
    if removed and not remove_agencies:
        faults.append(
            f"{', '.join(removed)} would be removed: credentials and permissions end, topics stay. "
            "If that is meant, say --remove-agencies."
        )
    if faults:
        raise ConfigError("this plan cannot be applied:\n  " + "\n  ".join(faults))


def disk_bytes(settings: Settings) -> int | None:
    """Return the size of the disk under the embedded Kafka's data; None with an external Kafka."""
    folder = settings.data_dir / "kafka"
    return shutil.disk_usage(folder).total if folder.is_dir() else None


class _Changes:
    def __init__(self, say: Say) -> None:
        self.made: list[str] = []
        self._say = say

    def take(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._say(sentence)
        self.made += sentences


def _ensure_kafka(
    settings: Settings, current: Registry | None, desired: Registry, reader: RegistryReader, changes: _Changes
) -> None:
    agencies = [desired.agencies[code] for code in sorted(desired.agencies)]
    codes = [agency.code for agency in agencies]
    former = sorted(reader.codes(AGENCY) - set(codes))
    specs = [spec for agency in agencies for spec in topics.agency_topics(agency.code, agency.partitions)]
    changes.take(admin.ensure_topics(settings, specs))
    changes.take(users.ensure_users(settings, [*topics.HUB_PRINCIPALS, *codes]))
    changes.take(users.remove_users(settings, former))
    permitted = acls.hub_acls().union(*(acls.agency_acls(AgencyCode(code)) for code in codes))
    changes.take(acls.ensure_acls(settings, permitted, [*topics.HUB_PRINCIPALS, *codes, *former]))
    limited = {agency.code: agency.quota for agency in agencies}
    before = current.agencies.values() if current else ()
    # A JVM takes a second: without any quota, now or before, there is nothing to compare.
    if any(agency.quota != Quota() for agency in (*agencies, *before)):
        changes.take(quotas.ensure_quotas(settings, limited | dict.fromkeys(former, Quota())))


def _producer(settings: Settings) -> Producer:
    """Return the one transactional producer of the registry; from here on an earlier apply cannot commit."""
    config = clients.writer(settings, topics.ADMIN_PRINCIPAL) | {
        "transactional.id": topics.REGISTRY,
        "transaction.timeout.ms": int(TRANSACTION_SECONDS * 1000),
        "log_level": 3,
    }
    producer = Producer(config)
    admin.call("opening the registry's transaction", lambda: producer.init_transactions(TRANSACTION_SECONDS))
    return producer


def _publish(producer: Producer, records: list[Record]) -> None:
    try:
        producer.begin_transaction()
        for key, value in records:
            producer.produce(topics.REGISTRY, key=key, value=value, partition=0)
            producer.poll(0)
        producer.commit_transaction(TRANSACTION_SECONDS)
    except KafkaException as error:
        # Left open, it would hide later editions from readers until it times out.
        with contextlib.suppress(KafkaException):
            producer.abort_transaction(TRANSACTION_SECONDS)
        raise _not_published(error.args[0], records[-1][0]) from None


def _not_published(error: KafkaError, manifest: str) -> BrokerError | FencedError:
    if error.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED):  # noqa: SLF001
        return FencedError("another `hub apply` took over; nothing of this edition was published.")
    return admin.broker_error(f"publishing {manifest}", error)


def _alone(settings: Settings) -> AbstractContextManager[None]:
    """Let one apply work on a data folder at a time; the next one waits a while."""
    path = settings.data_dir / LOCK
    return held(
        path,
        lambda pid: ConfigError(
            f"another `hub apply` (process {pid}) is at work.",
            where=str(path),
            do="Wait for its end, then run `hub plan` again.",
        ),
        LOCK_SECONDS,
    )
