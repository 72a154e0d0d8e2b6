"""The pseudonyms' master secret, which the gate makes and the audit only reads."""

from __future__ import annotations

from pathlib import Path

from hub.errors import ConfigError

_BYTES = 32


def read_secret(data_dir: Path) -> bytes | None:
    """Return the master secret (32 bytes), None while there is no file; ConfigError if it is damaged."""
    path = data_dir / "secrets" / "pseudonym.key"
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise ConfigError(
            f"the pseudonyms' key must be {_BYTES} bytes in hexadecimal digits.",
            where=str(path),
            do="Bring it back from a backup: without it the audit cannot check pseudonyms.",
        )
    return secret
