"""Who may do what on Kafka: the ACLs of every principal as values, and `ensure_acls` that makes them so.

An agency writes its outbox, reads its inbox and receipts, and joins its own consumer groups: nothing else. It
has no transactional id (a hanging transaction of an agency would hold the gate back) and creates nothing.
Agency `hub` and the operators settle parked events, which takes one.
Kafka's prefixes cannot say "every outbox", so the gate's principal reads and writes all topics `agency.…`.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from hub.broker.desired import admin
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.settings import Settings

Kind = Literal["topic", "group", "transactional-id"]
Operation = Literal["read", "write", "describe"]


@dataclass(frozen=True, slots=True, order=True)
class Acl:
    """One permission: a principal may do an operation on the resources of a name, or of a name's prefix.

    `kind` and `operation` are Kafka's names in lower case; `allow` is false for a denial.
    """

    principal: str
    kind: str
    name: str
    operation: str
    prefixed: bool = False
    allow: bool = True
    host: str = "*"

    def __str__(self) -> str:
        verb = "may" if self.allow else "may not"
        ending = "*" if self.prefixed else ""
        return f"{self.principal} {verb} {self.operation} {self.kind} {self.name}{ending}"


def agency_acls(code: AgencyCode) -> frozenset[Acl]:
    """Return what an agency may do."""
    group = topics.group(code)
    return frozenset(
        [
            *(_desk(code) if code == topics.HUB else ()),
            *_acls(code, "topic", topics.outbox(code), "write", "describe"),
            *_acls(code, "topic", topics.inbox(code), "read", "describe"),
            *_acls(code, "topic", topics.receipts(code), "read", "describe"),
            *_acls(code, "group", group, "read"),
            *_acls(code, "group", f"{group}.", "read", prefixed=True),
        ]
    )


def hub_acls() -> frozenset[Acl]:
    """Return what the hub's own principals may do; hub.admin is a super user and needs none."""
    readers = (topics.READER_PRINCIPAL, topics.AUDIT_PRINCIPAL)
    own = _gate() | _projector() | _cases() | _indicators()
    return own.union(*(_read_only(each) for each in readers))


def operator_acls(name: AgencyCode) -> frozenset[Acl]:
    """Return what an operator may do: speak for agency `hub`, and read what a decision needs.

    Kafka's prefixes cannot say "every outbox", so an operator reads all topics `agency.…`.
    """
    principal = topics.operator(name)
    return frozenset(
        [
            *_desk(principal),
            *_acls(principal, "topic", topics.outbox(topics.HUB), "write"),
            *_acls(principal, "topic", "agency.", "read", "describe", prefixed=True),
            *_acls(principal, "topic", topics.PARKED, "read", "describe"),
            *_acls(principal, "topic", topics.REGISTRY, "read", "describe"),
            *_acls(principal, "topic", topics.LEDGER, "read", "describe"),
            *_acls(principal, "group", principal, "read", prefixed=True),
        ]
    )


def ensure_acls(settings: Settings, desired: AbstractSet[Acl], principals: Iterable[str]) -> list[str]:
    """Make the ACLs of `principals` equal `desired`: add what is missing, take away the rest.

    Principals that are not named keep theirs, so a Kafka shared with others is safe. Returns a sentence for
    each change.
    """
    client = admin.client(settings)
    managed = frozenset(principals)
    actual = _described(client, managed)
    missing, surplus = sorted(desired - actual.keys()), sorted(actual.keys() - desired)
    if missing:
        for binding, future in client.create_acls([_binding(acl) for acl in missing]).items():
            admin.outcome(f"allowing {binding.principal} {binding.name}", future)
    if surplus:
        for binding, future in client.delete_acls([_filter(actual[acl]) for acl in surplus]).items():
            admin.outcome(f"revoking {binding.principal} {binding.name}", future)
    if missing or surplus:
        admin.settle("the ACLs are in force", lambda: _described(client, managed).keys() == desired)
    return [f"ACL added: {acl}" for acl in missing] + [f"ACL revoked: {acl}" for acl in surplus]


def _desk(principal: str) -> tuple[Acl, ...]:
    return _acls(principal, "transactional-id", topics.DESK_PREFIX, "write", "describe", prefixed=True)


def _gate() -> frozenset[Acl]:
    principal = topics.GATE_PRINCIPAL
    return frozenset(
        [
            *_acls(principal, "topic", "agency.", "read", "write", "describe", prefixed=True),
            *_acls(principal, "topic", topics.REGISTRY, "read", "describe"),
            *_acls(principal, "topic", topics.PARKED, "read", "write", "describe"),
            *_acls(principal, "topic", topics.LEDGER, "read", "write", "describe"),
            *_acls(principal, "group", topics.GATE_GROUP, "read", prefixed=True),
            *_acls(
                principal, "transactional-id", f"{topics.GATE_GROUP}.", "write", "describe", prefixed=True
            ),
        ]
    )


def _projector() -> frozenset[Acl]:
    principal = topics.PROJECTOR_PRINCIPAL
    return frozenset(
        [
            *_acls(principal, "topic", topics.inbox(topics.WINDOW), "read", "describe"),
            *_acls(principal, "topic", topics.inbox(topics.HUB), "read", "describe"),
            *_acls(principal, "topic", topics.PARKED, "read", "write", "describe"),
            *_acls(principal, "group", topics.group(topics.WINDOW), "read"),
            *_acls(principal, "group", topics.group(topics.HUB), "read"),
            *_acls(principal, "group", principal, "read", prefixed=True),
        ]
    )


def _cases() -> frozenset[Acl]:
    """Cases reads what supervision receives, and speaks as agency `hub`: ticks and deadlines.

    It reads the hub's outbox to see whether it has said something already.
    """
    principal = topics.CASES_PRINCIPAL
    return frozenset(
        [
            *_acls(principal, "topic", topics.inbox(topics.SUPERVISION), "read", "describe"),
            *_acls(principal, "topic", topics.outbox(topics.HUB), "read", "write", "describe"),
            *_acls(principal, "topic", topics.PARKED, "write", "describe"),
            *_acls(principal, "topic", topics.REGISTRY, "read", "describe"),
            *_acls(principal, "group", topics.group(topics.SUPERVISION), "read"),
            *_acls(principal, "group", principal, "read", prefixed=True),
        ]
    )


def _indicators() -> frozenset[Acl]:
    principal = topics.INDICATORS_PRINCIPAL
    return frozenset(
        [
            *_acls(principal, "topic", topics.INDICATORS, "read", "write", "describe"),
            *_acls(principal, "topic", topics.REGISTRY, "read", "describe"),
            *_acls(principal, "group", principal, "read", prefixed=True),
        ]
    )


def _read_only(principal: str) -> frozenset[Acl]:
    return frozenset(
        [
            *_acls(principal, "topic", "agency.", "read", "describe", prefixed=True),
            *_acls(principal, "topic", "hub.", "read", "describe", prefixed=True),
            *_acls(principal, "group", "agency.", "describe", prefixed=True),
            *_acls(principal, "group", topics.GATE_GROUP, "describe", prefixed=True),
            *_acls(principal, "group", principal, "read", prefixed=True),
        ]
    )


def _acls(
    principal: str, kind: Kind, name: str, *operations: Operation, prefixed: bool = False
) -> tuple[Acl, ...]:
    return tuple(Acl(principal, kind, name, operation, prefixed) for operation in operations)


def _described(client: AdminClient, principals: frozenset[str]) -> dict[Acl, AclBinding]:
    anything: Any = None  # The filter's "any name, principal, host"; its stub says str only.
    everything = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    bindings = admin.outcome("listing ACLs", client.describe_acls(everything))
    acls = {_acl(binding): binding for binding in bindings}
    return {acl: binding for acl, binding in acls.items() if acl.principal in principals}


def _acl(binding: AclBinding) -> Acl:
    return Acl(
        principal=binding.principal.removeprefix("User:"),
        kind=ResourceType(binding.restype).name.lower().replace("_", "-"),
        name=binding.name,
        operation=AclOperation(binding.operation).name.lower(),
        prefixed=binding.resource_pattern_type == ResourcePatternType.PREFIXED,
        allow=binding.permission_type == AclPermissionType.ALLOW,
        host=binding.host,
    )


def _binding(acl: Acl) -> AclBinding:
    return AclBinding(
        ResourceType[acl.kind.upper().replace("-", "_")],
        acl.name,
        ResourcePatternType.PREFIXED if acl.prefixed else ResourcePatternType.LITERAL,
        f"User:{acl.principal}",
        acl.host,
        AclOperation[acl.operation.upper()],
        AclPermissionType.ALLOW if acl.allow else AclPermissionType.DENY,
    )


def _filter(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
