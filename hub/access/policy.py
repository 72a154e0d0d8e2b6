"""The rule of today: this machine reads everything, nobody else reaches the hub."""

from __future__ import annotations

import ipaddress

from hub.errors import ConfigError

_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


def may_read(address: str | None) -> bool:
    """Say whether a client at this network address may read."""
    return address is not None and is_loopback(address)


def may_ask_as(host: str) -> bool:
    """Say whether a Host header may name this host: a foreign name is a page that rebinds its DNS."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return is_loopback(name)


def check_bind(host: str) -> None:
    """Raise ConfigError for an address that other machines can reach, while sign-in does not exist."""
    if not is_loopback(host):
        raise ConfigError(
            f"HUB_API__HOST={host} can be reached from other machines, and there is no sign-in yet.",
            do="Use 127.0.0.1, or ::1, and a proxy of your own that signs people in.",
        )


def is_loopback(host: str) -> bool:
    """Say whether a name or address means this machine."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
