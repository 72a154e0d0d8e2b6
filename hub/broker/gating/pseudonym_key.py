"""The master secret of the pseudonyms: `<data dir>/secrets/pseudonym.key`, made once and never changed.

Gates on several machines need the same file; with another one, every recipient would see new pseudonyms.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hub.errors import ConfigError
from hub.host.secret_file import write_secret

_BYTES = 32


def pseudonym_key(data_dir: Path) -> bytes:
    """Return the master secret (32 bytes), made if there is none; ConfigError if the file is damaged."""
    path = data_dir / "secrets" / "pseudonym.key"
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise ConfigError(
            f"the pseudonyms' key must be {_BYTES} bytes in hexadecimal digits.",
            where=str(path),
            do="Bring it back from a backup: with another key every recipient sees new pseudonyms.",
        )
    return key


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    write_secret(draft, secrets.token_hex(_BYTES))
    try:
        # Unlike a rename, a link never replaces what another gate made in the meantime.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
