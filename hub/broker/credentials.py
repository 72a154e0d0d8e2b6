"""Passwords of Kafka principals: one file of mode 0600 each under `<data dir>/secrets/kafka/`."""

from __future__ import annotations

import secrets
from pathlib import Path

from hub.errors import ConfigError
from hub.host.secret_file import write_secret
from hub.settings import Settings

__all__ = ["create", "file_of", "password", "write_secret"]


def file_of(settings: Settings, principal: str) -> Path:
    """Return the file that holds a principal's password."""
    return settings.data_dir / "secrets" / "kafka" / principal


def password(settings: Settings, principal: str) -> str:
    """Return a principal's password: the setting where it names this principal, else its file.

    Raises ConfigError when there is neither.
    """
    kafka = settings.kafka
    if kafka.password is not None and kafka.username in (None, principal):
        return kafka.password.get_secret_value()
    path = file_of(settings, principal)
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no password for the Kafka principal {principal!r}.",
            where=str(path),
            do="Run `hub up` or `hub apply`, or set HUB_KAFKA__USERNAME and HUB_KAFKA__PASSWORD.",
        ) from None


def create(settings: Settings, principal: str, *, renew: bool = False) -> tuple[str, bool]:
    """Return the principal's password and whether it is new; make one if there is none, or to renew."""
    path = file_of(settings, principal)
    if path.exists() and not renew:
        return path.read_text(encoding="utf-8").strip(), False
    secret = secrets.token_urlsafe(24)
    write_secret(path, secret)
    return secret, True
