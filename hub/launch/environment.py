"""Settings handed on: to child processes as environment, to commands and clients as `hub.env`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from hub.host.secret_file import write_secret
from hub.settings import ENV_FILE, Settings


def variables(settings: Settings) -> dict[str, str]:
    """Return every setting that differs from its default as `HUB_…` variables."""
    return _variables(settings, "HUB_") | {"HUB_DATA_DIR": str(settings.data_dir.absolute())}


def _variables(group: BaseModel, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        variable = f"{prefix}{name.upper()}"
        if isinstance(value, BaseModel):
            found |= _variables(value, f"{variable}__")
        elif value != field.default:
            found[variable] = _text(value)
    return found


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.absolute())
    return "" if value is None else str(value)


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a child process: ours, with exactly these settings."""
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith("HUB_")}
    return own | variables(settings) | {"PYTHONUNBUFFERED": "1"}


def write_env_file(settings: Settings) -> Path:
    """Write `<data dir>/hub.env` (0600): how commands and clients on this machine reach the running hub."""
    file = settings.data_dir / ENV_FILE
    wanted = (
        "KAFKA__BOOTSTRAP",
        "KAFKA__SECURITY_PROTOCOL",
        "KAFKA__SASL_MECHANISM",
        "KAFKA__CA_FILE",
        "POSTGRES__URL",
        "API__HOST",
        "API__PORT",
    )
    known = variables(settings)
    lines = [f"HUB_{name}={_quoted(known[f'HUB_{name}'])}" for name in wanted if f"HUB_{name}" in known]
    write_secret(file, "\n".join(["# Written by `hub up` at each start.", *lines]))
    return file


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
