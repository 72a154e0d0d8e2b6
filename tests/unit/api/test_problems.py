"""Languages, hosts and the reference page of the API, without a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from hub.access import policy
from hub.api import app, problems
from hub.errors import ConfigError

PAGE = (Path(__file__).resolve().parents[3] / "docs/reference/http-api.md").read_text(encoding="utf-8")


def test_every_route_is_documented_and_no_other() -> None:
    """docs/reference/http-api.md lists exactly the routes that the API has."""
    routes = {
        route.path for module in app.ROUTERS for route in module.router.routes if isinstance(route, APIRoute)
    }
    told = set(re.findall(r"^\| `(/[^`]+)` \|", PAGE, re.MULTILINE))
    assert told == {re.sub(r":path}", "}", path) for path in routes}


def test_every_problem_type_is_documented_with_its_status() -> None:
    """The page's table of errors is the code's."""
    told = {
        name: int(status) for name, status in re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)
    }
    assert told == {name: kind.status for name, kind in problems.KINDS.items()}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("fa", "fa"), ("fa-IR,en;q=0.8", "fa"), ("en,fa;q=0.9", "en"), ("de", "en"),
        ("fa;q=x", "en"), ("fa;q=0", "en"), (";;;,,q", "en"),
    ],
)  # fmt: skip
def test_the_readers_language_is_the_one_it_weighs_more(header: str, language: str) -> None:
    """Accept-Language by weight; nonsense is English."""
    assert problems.preferred(header) == language


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8080", "[::1]:8080", "::1", "127.8.8.8:1", "LOCALHOST"]
)
def test_this_machine_may_be_named(host: str) -> None:
    """Every name and address of loopback."""
    assert policy.may_ask_as(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1", "[::2]"]
)
def test_a_foreign_name_may_not(host: str) -> None:
    """A page that rebinds its own name to loopback is refused by that name."""
    assert not policy.may_ask_as(host)


def test_binding_is_for_loopback_only_until_there_is_sign_in() -> None:
    """A configuration error names the variable."""
    policy.check_bind("127.0.0.1")
    policy.check_bind("::1")
    for host in ("0.0.0.0", "::", "hub.example", "192.168.1.5"):
        with pytest.raises(ConfigError, match="HUB_API__HOST"):
            policy.check_bind(host)


def test_only_loopback_clients_may_read() -> None:
    """An unknown address may not; an IPv4 address in IPv6 dress is what it is."""
    assert policy.may_read("127.0.0.1")
    assert policy.may_read("::ffff:127.0.0.1")
    assert not policy.may_read("10.0.0.1")
    assert not policy.may_read(None)
