"""Configuration files of the embedded Kafka, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from hub.contracts import topics

_DAY_MINUTES = 24 * 60
# Gates that are dealt the partitions together get some of each outbox; one that comes later gets whole
# outboxes from the others, and a busy agency's would all be one gate's.
_GATHERING_MS = 2000
_LOGIN = "org.apache.kafka.common.security"


def server_config(
    *,
    broker: str,
    controller: str,
    admin_password: str,
    controller_password: str,
    bind: str | None = None,
    folder: str = "data",
    gates: int = 1,
) -> dict[str, str]:
    """Return server.properties: one node, SASL on both listeners, ACLs, deny by default.

    `broker` and `controller` are host:port as clients reach them; `bind` is where the broker listens, if that
    is another address. `folder` is relative by default: the broker runs in a folder whose name may hold
    blanks, commas and Persian letters. `gates` is how many of them start at once.
    """
    retention_minutes = topics.AGENCY_RETENTION_MS // 60_000
    admin = topics.ADMIN_PRINCIPAL
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": controller,
        "listeners": f"SASL_PLAINTEXT://{bind or broker},CONTROLLER://{controller}",
        "advertised.listeners": f"SASL_PLAINTEXT://{broker},CONTROLLER://{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "SASL_PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:SASL_PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{_LOGIN}.plain.PlainLoginModule required username="controller" '
            f'password="{controller_password}" user_controller="{controller_password}";'
        ),
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": (
            f'{_LOGIN}.scram.ScramLoginModule required username="{admin}" password="{admin_password}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{admin};User:controller",
        "allow.everyone.if.no.acl.found": "false",
        "log.dirs": folder,
        # A topic is created by the agency registry, never by a typing error.
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "num.partitions": str(topics.DEFAULT_PARTITIONS),
        "log.message.timestamp.type": "LogAppendTime",
        "unclean.leader.election.enable": "false",
        # Commits must outlive the longest retention: an agency that is away keeps its place.
        "offsets.retention.minutes": str(retention_minutes + 30 * _DAY_MINUTES),
        "offsets.topic.num.partitions": "8",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "8",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # An abandoned transaction hides what follows it; the default of 10 s adds to its time-out.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # No client may ask for more: an open transaction hides what stands behind it. The hub asks for 10 s.
        "transaction.max.timeout.ms": "60000",
        "group.initial.rebalance.delay.ms": "0" if gates == 1 else str(_GATHERING_MS),
        # Small machines: two cores are shared with the hub itself.
        "num.network.threads": "3",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 2**20),
        # Preallocated index files of 10 MiB for each of many partitions look like a full disk.
        "log.index.size.max.bytes": str(2**20),
        "controlled.shutdown.max.retries": "1",
    }


def fencing_config(server: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of a controller alone, over a server's data; it misses its broker after 1 s."""
    listeners = server["listeners"].split(",")
    controller = next(each for each in listeners if each.startswith("CONTROLLER:"))
    left_out = {"advertised.listeners", "inter.broker.listener.name", "sasl.mechanism.inter.broker.protocol"}
    return {name: value for name, value in server.items() if name not in left_out} | {
        "process.roles": "controller",
        "listeners": controller,
        "broker.heartbeat.interval.ms": "250",
        "broker.session.timeout.ms": "1000",
    }


def logging_config() -> dict[str, str]:
    """Return log4j2.properties: one file of 20 MiB and two older ones; `hub.logs` is the folder."""
    pattern = "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}{UTC} %p %m (%c{1})%n"
    file = "appender.file"
    return {
        "status": "error",
        # Else logging ends first, and an orderly stop leaves no trace.
        "shutdownHook": "disable",
        f"{file}.type": "RollingFile",
        f"{file}.name": "file",
        f"{file}.fileName": "${sys:hub.logs}/kafka.log",
        f"{file}.filePattern": "${sys:hub.logs}/kafka.log.%i",
        f"{file}.layout.type": "PatternLayout",
        f"{file}.layout.pattern": pattern,
        f"{file}.policies.type": "Policies",
        f"{file}.policies.size.type": "SizeBasedTriggeringPolicy",
        f"{file}.policies.size.size": "20MB",
        f"{file}.strategy.type": "DefaultRolloverStrategy",
        f"{file}.strategy.max": "2",
        "rootLogger.level": "info",
        "rootLogger.appenderRef.file.ref": "file",
        # Every client and the broker itself would print 250 lines of settings.
        "logger.config.name": "org.apache.kafka.common.config.AbstractConfig",
        "logger.config.level": "warn",
        # One line per request of every client that is refused is a way to fill a disk.
        "logger.authorizer.name": "kafka.authorizer.logger",
        "logger.authorizer.level": "error",
    }


def properties(values: Mapping[str, str]) -> str:
    """Return a Java properties file; what is not ASCII is escaped, as Java reads such files in Latin-1."""
    return "\n".join(f"{_escaped(name)}={_escaped(value)}" for name, value in values.items()) + "\n"


def _escaped(text: str) -> str:
    out = text.replace("\\", "\\\\").replace("\n", "\\n")
    if out.startswith(" "):
        out = "\\" + out
    units = out.encode("utf-16-be")
    codes = (int.from_bytes(units[index : index + 2], "big") for index in range(0, len(units), 2))
    return "".join(chr(code) if code < 127 else f"\\u{code:04x}" for code in codes)
