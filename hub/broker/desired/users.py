"""SCRAM credentials of Kafka principals: made, renewed and ended, each with its 0600 file.

A renewed password is kept beside the old one until Kafka has it, so a crash in between loses neither: the
next `ensure_users` finishes the change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from hub.broker import credentials
from hub.broker.desired import admin
from hub.settings import Settings

_ITERATIONS = 8192


def ensure_users(settings: Settings, principals: Iterable[str]) -> list[str]:
    """Give every principal a password that Kafka knows; return a sentence for each one that got a new one.

    A principal with a file but unknown to Kafka gets the file's password; one without a file gets a new one.
    """
    known = _known(settings, admin.client(settings))
    changes, wanted = [], {}
    for principal in principals:
        if _draft(settings, principal).exists():
            _finish(settings, principal)
            changes.append(f"credentials of {principal} renewed (finishing an interrupted rotation)")
            continue
        password, new = credentials.create(settings, principal)
        if new or principal not in known:
            wanted[principal] = password
            changes.append(f"credentials of {principal} created")
    _upsert(settings, wanted)
    return changes


def principals(settings: Settings, prefix: str) -> list[str]:
    """Return the principals with credentials whose names begin so, sorted."""
    return sorted(name for name in _known(settings, admin.client(settings)) if name.startswith(prefix))


def rotate(settings: Settings, principal: str) -> str:
    """Give a principal a new password and return it; the old one no longer opens a connection."""
    if not _draft(settings, principal).exists():
        credentials.write_secret(_draft(settings, principal), secrets.token_urlsafe(24))
    return _finish(settings, principal)


def remove_users(settings: Settings, principals: Iterable[str]) -> list[str]:
    """End the credentials of principals and delete their files; return a sentence for each."""
    client = admin.client(settings)
    known = _known(settings, client)
    mechanism = _mechanism(settings)
    ended = [principal for principal in principals if principal in known]
    if ended:
        _alter(client, [UserScramCredentialDeletion(principal, mechanism) for principal in ended])
        admin.settle("the credentials have ended", lambda: _known(settings, client).isdisjoint(ended))
    for principal in principals:
        credentials.file_of(settings, principal).unlink(missing_ok=True)
        _draft(settings, principal).unlink(missing_ok=True)
    return [f"credentials of {principal} ended" for principal in ended]


def _finish(settings: Settings, principal: str) -> str:
    draft = _draft(settings, principal)
    password = draft.read_text(encoding="utf-8").strip()
    _upsert(settings, {principal: password})
    draft.replace(credentials.file_of(settings, principal))
    return password


def _draft(settings: Settings, principal: str) -> Path:
    # No agency's code holds a dot, so this is no agency's file.
    file = credentials.file_of(settings, principal)
    return file.with_name(file.name + ".rotating")


def _known(settings: Settings, client: AdminClient) -> frozenset[str]:
    """Return who has credentials; the client is the caller's, as each new one logs in with SCRAM."""
    mechanism = _mechanism(settings)
    future: Any = client.describe_user_scram_credentials()
    described = admin.outcome("listing credentials", future)
    return frozenset(
        user
        for user, description in described.items()
        if any(info.mechanism == mechanism for info in description.scram_credential_infos)
    )


def _upsert(settings: Settings, passwords: dict[str, str]) -> None:
    if not passwords:
        return
    client, info = admin.client(settings), ScramCredentialInfo(_mechanism(settings), _ITERATIONS)
    _alter(
        client,
        [UserScramCredentialUpsertion(user, info, text.encode()) for user, text in passwords.items()],
    )
    admin.settle("the credentials are in force", lambda: passwords.keys() <= _known(settings, client))


def _alter(client: AdminClient, alterations: list[UserScramCredentialAlteration]) -> None:
    for user, future in client.alter_user_scram_credentials(alterations).items():
        admin.outcome(f"changing the credentials of {user}", future)


def _mechanism(settings: Settings) -> ScramMechanism:
    return ScramMechanism[settings.kafka.sasl_mechanism.replace("-", "_")]
