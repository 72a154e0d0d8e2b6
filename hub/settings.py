"""Settings: environment variables `HUB_…` (nested by `__`), and `hub.env` in the data folder.

One bad variable or ten, there is one ConfigError that names them all. `.env.example` lists every setting.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hub.contracts import topics
from hub.errors import ConfigError

DEFAULT_DATA_DIR = Path("hub-data")
ENV_FILE = "hub.env"


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Group):
    """How to reach Kafka; without `bootstrap` the hub starts its own."""

    bootstrap: str | None = Field(
        None, description="host:port of an external Kafka; empty: the hub starts its own"
    )
    security_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "SASL_PLAINTEXT", description="SASL_SSL for a Kafka beyond this machine"
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = Field(
        "SCRAM-SHA-512", description="SCRAM variant of every principal"
    )
    username: str | None = Field(None, description="principal of this process; empty: the process's own role")
    password: SecretStr | None = Field(
        None, description="its password; empty: read from the data folder's secrets"
    )
    ca_file: Path | None = Field(None, description="CA certificates for SASL_SSL")
    distribution: Path | None = Field(
        None, description="folder of a Kafka distribution for the embedded broker, for closed networks"
    )
    port: int = Field(
        0, ge=0, le=65535, description="port of the embedded broker; 0: pick a free one and keep it"
    )
    heap_mb: int = Field(512, ge=128, description="heap of the embedded broker, MiB")
    replication: int = Field(1, ge=1, le=5, description="replication factor of topics on an external Kafka")


class PostgresSettings(_Group):
    """How to reach PostgreSQL; without `url` the hub starts its own."""

    url: SecretStr | None = Field(
        None, description="postgresql+psycopg://… of an external PostgreSQL; empty: the hub starts its own"
    )


class ApiSettings(_Group):
    """Where the API listens."""

    host: str = Field("127.0.0.1", description="address of the API; only loopback while sign-in is off")
    port: int = Field(8080, ge=0, le=65535, description="port of the API; 0 picks a free one")


class GateSettings(_Group):
    """How the gate works."""

    count: int = Field(1, ge=1, le=64, description="how many gates `hub up` starts")
    slot: int = Field(0, ge=0, description="slot of this gate; two gates never share one")
    batch_events: int = Field(5000, ge=1, le=100_000, description="the most events in one transaction")
    linger_ms: int = Field(
        2, ge=0, le=5000, description="how long a batch waits to fill while the gate is idle, milliseconds"
    )
    event_bytes: int = Field(
        topics.EVENT_BYTES, ge=1024, description="the largest event taken: key + value + headers, bytes"
    )
    dedupe_hours: float = Field(
        24, gt=0, description="how far back a duplicate is recognised, broker time, hours"
    )
    dedupe_events: int = Field(
        100_000, ge=1, description="how far back at the most, in places of one source partition"
    )


class ProjectorSettings(_Group):
    """How the projector works."""

    slot: int = Field(0, ge=0, description="slot of this projector; two projectors never share one")
    batch_events: int = Field(5000, ge=1, le=100_000, description="the most events in one SQL transaction")
    linger_ms: int = Field(100, ge=0, le=5000, description="how long a batch waits to fill, milliseconds")


class CasesSettings(_Group):
    """How cases are folded, and who moves the programme's clock."""

    slot: int = Field(0, ge=0, description="slot of this cases process; two of them never share one")
    batch_events: int = Field(5000, ge=1, le=100_000, description="the most events in one SQL transaction")
    linger_ms: int = Field(100, ge=0, le=5000, description="how long a batch waits to fill, milliseconds")
    tick_seconds: float = Field(
        60, ge=0, description="the programme's clock is told this often, real time; 0: somebody else tells it"
    )


class IndicatorsSettings(_Group):
    """How figures are refreshed and published."""

    refresh_seconds: float = Field(5, gt=0, description="pause between two refreshes of the figures")
    publish_seconds: float = Field(
        3600, ge=0, description="figures that changed are published this often; 0: only when asked to"
    )
    smallest_group: int = Field(
        5, ge=1, description="a published figure about fewer people or cases is suppressed"
    )
    zone: str = Field("Asia/Tehran", description="time zone in which months and years begin")


class MetricsSettings(_Group):
    """Where a single process serves its own metrics (under `hub up` the API serves all of them)."""

    port: int = Field(0, ge=0, le=65535, description="port of this process's /metrics; 0: none")
    host: str = Field(
        "127.0.0.1", description="address of this process's /metrics; another only in a closed network"
    )


class Settings(BaseSettings):
    """Every setting of the hub, with its default."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        case_sensitive=False,
    )

    data_dir: Path = Field(DEFAULT_DATA_DIR, description="folder of secrets, data, logs and hub.env")
    min_free_mb: int = Field(1024, ge=0, description="`hub up` wants this much free disk to start, MiB")
    registry_dir: Path | None = Field(
        None, description="folder of the agency registry's files; empty: the example"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is logged"
    )
    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    api: ApiSettings = ApiSettings()
    gate: GateSettings = GateSettings()
    projector: ProjectorSettings = ProjectorSettings()
    cases: CasesSettings = CasesSettings()
    indicators: IndicatorsSettings = IndicatorsSettings()
    metrics: MetricsSettings = MetricsSettings()


def load(data_dir: Path | None = None, *, running: bool = True) -> Settings:
    """Read the settings: the environment first, then `hub.env` of the data folder, then the defaults.

    Not `running`: without `hub.env`, which tells how to reach a hub that was started, not how to start one.
    Raises ConfigError naming every variable that is wrong.
    """
    folder = data_dir or Path(os.environ.get("HUB_DATA_DIR") or DEFAULT_DATA_DIR)
    overrides = {"data_dir": data_dir} if data_dir else {}
    try:
        return Settings(_env_file=folder / ENV_FILE if running else None, **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(
            f"settings are wrong: {faults}.", do="See .env.example for every setting."
        ) from None


def _variable(location: tuple[int | str, ...]) -> str:
    return "HUB_" + "__".join(str(part).upper() for part in location)
