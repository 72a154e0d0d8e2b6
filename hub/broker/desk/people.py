"""Who acts at a desk: an operator by name or login, or somebody for the hub's own agency."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from hub.broker import credentials
from hub.contracts import topics
from hub.contracts.names import agency_code
from hub.errors import ConfigError, ContractError
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the name that is written down, and the Kafka principal to log in as."""

    name: str
    principal: str


def person(settings: Settings, name: str | None, *, operator: bool) -> Person:
    """Return who acts: the operator of a name, by default the login's.

    Where the login is no operator's name, and `operator` is false, the hub's own agency acts for it. Raises
    ConfigError when the credentials of the operator are not there.
    """
    login = settings.kafka.username
    if login is not None:
        told = (
            login.removeprefix(topics.OPERATOR_PREFIX) if login.startswith(topics.OPERATOR_PREFIX) else None
        )
        if told is None or name not in (None, told):
            raise ConfigError(
                f"HUB_KAFKA__USERNAME is {login}, which is not the operator who is to act.",
                do="Set it to operator.<name> and its password, or unset both.",
            )
        return Person(told, login)
    wanted = name or getpass.getuser()
    try:
        principal = topics.operator(agency_code(wanted))
    except ContractError as error:
        principal = None
        if name is not None:
            raise ConfigError(str(error)) from None
    if principal is not None and credentials.file_of(settings, principal).is_file():
        return Person(wanted, principal)
    if operator or name is not None:
        raise ConfigError(
            f"there are no credentials of an operator {wanted!r} here.",
            do="Run `hub operator add NAME`; then say --as NAME, or set HUB_KAFKA__USERNAME and _PASSWORD.",
        )
    return Person(wanted, topics.HUB)
