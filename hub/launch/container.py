"""First step of `docker compose up`: secrets, Kafka's configuration and hub.env, in the shared volume.

Runs as `python -m hub.launch.container`; a second run changes nothing. The same configuration as the embedded
broker's, with the addresses of containers.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import SecretStr

from hub import settings as settings_module
from hub.broker import credentials
from hub.broker.embedded.config import properties, server_config
from hub.broker.embedded.kafka import HUB_PRINCIPALS
from hub.contracts import topics
from hub.host.once import disk_errors
from hub.host.secret_file import write_secret
from hub.launch.environment import write_env_file
from hub.settings import Settings

BROKER = "kafka:9092"
_BIND = "0.0.0.0:9092"
_CONTROLLER = "127.0.0.1:9093"
_KAFKA_DATA = "/var/lib/kafka/data"


def main() -> None:
    """Write what Kafka, PostgreSQL and the hub's containers need into the data folder."""
    settings = settings_module.load(running=False)
    with disk_errors(settings.data_dir):
        write_all(settings)


def write_all(settings: Settings) -> None:
    """Write secrets (made once), server.properties and hub.env."""
    for principal in (*HUB_PRINCIPALS, "kafka-controller"):
        credentials.create(settings, principal)
    config = server_config(
        broker=BROKER,
        bind=_BIND,
        controller=_CONTROLLER,
        admin_password=credentials.password(settings, topics.ADMIN_PRINCIPAL),
        controller_password=credentials.password(settings, "kafka-controller"),
        folder=_KAFKA_DATA,
    )
    write_secret(settings.data_dir / "kafka-container" / "server.properties", properties(config))
    password = _postgres_password(settings.data_dir / "secrets" / "postgres" / "hub")
    kafka = settings.kafka.model_copy(update={"bootstrap": BROKER})
    url = SecretStr(f"postgresql+psycopg://hub:{password}@postgres:5432/hub")
    postgres = settings.postgres.model_copy(update={"url": url})
    write_env_file(settings.model_copy(update={"kafka": kafka, "postgres": postgres}))


def _postgres_password(file: Path) -> str:
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(24))
    return file.read_text(encoding="ascii").strip()


if __name__ == "__main__":
    main()
