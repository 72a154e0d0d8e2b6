"""Client quotas of principals. No Python client has the call, so Kafka's own `ConfigCommand` does it.

A JVM takes about a second for one principal, so only principals whose quota differs get one, two at a time.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hub.broker import credentials
from hub.broker.embedded.config import properties
from hub.broker.embedded.java import java_command
from hub.contracts import topics
from hub.errors import ConfigError
from hub.registry.model import Quota
from hub.settings import Settings

_COMMAND = "kafka.admin.ConfigCommand"
_AT_ONCE = 2
_LINE = re.compile(r"Quota configs for user-principal '([^']+)' are (.*)")
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"

Limits = Mapping[str, float]
"""Kafka's names of a quota's limits, with their values."""


def limits(quota: Quota) -> dict[str, float]:
    """Return a quota in Kafka's names; what is not limited is left out."""
    named = {
        "producer_byte_rate": quota.produce_bytes_per_second,
        "consumer_byte_rate": quota.consume_bytes_per_second,
        "request_percentage": quota.request_percentage,
    }
    return {name: float(value) for name, value in named.items() if value is not None}


def ensure_quotas(settings: Settings, desired: Mapping[str, Quota]) -> list[str]:
    """Make the quotas of the given principals as desired; return a sentence for each principal changed.

    Other principals keep theirs. Raises BrokerError if Kafka refuses, StartError if its jars cannot be had.
    """
    wanted = {principal: limits(quota) for principal, quota in desired.items()}
    with tempfile.TemporaryDirectory(prefix="hub-quotas-") as folder:
        login = _login_file(settings, Path(folder))
        actual = _read(settings, login)
        wrong = {each: actual.get(each, {}) for each in wanted if wanted[each] != actual.get(each, {})}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = [pool.submit(_alter, settings, login, each, wrong[each], wanted[each]) for each in wrong]
            for run in runs:
                run.result()
    return [f"quota of {each}: {_text(wrong[each])} → {_text(wanted[each])}" for each in sorted(wrong)]


def limits_in_force(settings: Settings) -> dict[str, dict[str, float]]:
    """Return the limits of every principal that has any, by Kafka's names."""
    with tempfile.TemporaryDirectory(prefix="hub-quotas-") as folder:
        return _read(settings, _login_file(settings, Path(folder)))


def _read(settings: Settings, login: Path) -> dict[str, dict[str, float]]:
    found = {}
    for line in _run(settings, login, "--describe", "--entity-type", "users").splitlines():
        if match := _LINE.fullmatch(line.strip()):
            pairs = (pair.split("=") for pair in match[2].split(", "))
            found[match[1]] = {name: float(value) for name, value in pairs}
    return found


def _alter(settings: Settings, login: Path, principal: str, old: Limits, new: Limits) -> None:
    words = ["--alter", "--entity-type", "users", "--entity-name", principal]
    if new:
        words += ["--add-config", ",".join(f"{name}={value}" for name, value in _plain(new).items())]
    if gone := sorted(old.keys() - new.keys()):
        words += ["--delete-config", ",".join(gone)]
    _run(settings, login, *words)


def _run(settings: Settings, login: Path, *words: str) -> str:
    if settings.kafka.bootstrap is None:
        raise ConfigError("no Kafka is configured.", do="Start `hub up`, or set HUB_KAFKA__BOOTSTRAP.")
    server = ("--bootstrap-server", settings.kafka.bootstrap, "--command-config", str(login))
    return java_command(settings, _COMMAND, *server, *words)


def _login_file(settings: Settings, folder: Path) -> Path:
    kafka = settings.kafka
    user = kafka.username or topics.ADMIN_PRINCIPAL
    password = credentials.password(settings, user).replace("\\", "\\\\").replace('"', '\\"')
    values = {
        "security.protocol": kafka.security_protocol,
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.jaas.config": f'{_SCRAM} required username="{user}" password="{password}";',
    }
    if kafka.ca_file:
        values |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(kafka.ca_file.absolute())}
    file = folder / "login.properties"
    credentials.write_secret(file, properties(values))
    return file


def _plain(values: Limits) -> dict[str, int]:
    # Quotas are whole numbers; 1e+07 would be refused.
    return {name: int(value) for name, value in values.items()}


def _text(values: Limits) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(_plain(values).items())) or "none"
