"""Where the project's data folders are: beside the code in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

from hub.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = {
    "schemas": "schemas",
    "registry": "ops/registry",
    "demo": "ops/demo",
    "rules": "ops/prometheus/rules",
}


def folder(name: str) -> Path:
    """Return the folder `name`: `schemas`, `registry` (the example), `demo`, or `rules` (Prometheus').

    Raises ConfigError if the installation is incomplete.
    """
    for candidate in (_PACKAGE.parent / _CHECKOUT[name], _PACKAGE / "_data" / name):
        if candidate.is_dir():
            return candidate
    raise ConfigError(f"the folder {name!r} is missing from this installation.", do="Install peyvand again.")
