"""Who an agency is and how it reaches the hub: the `PEYVAND_…` variables of `hub agency credentials`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from hub.contracts.names import AgencyCode, agency_code
from hub.errors import ConfigError, ContractError

PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")


@dataclass(frozen=True, slots=True)
class Config:
    """The connection of one agency. The password is never shown by `repr`."""

    agency: AgencyCode
    bootstrap: str
    password: str = field(repr=False)
    username: str = ""
    security_protocol: str = "SASL_PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    ca_file: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the `PEYVAND_…` variables; raise ConfigError naming all that is missing or wrong."""
        values = {
            name.removeprefix("PEYVAND_"): text.strip()
            for name, text in (os.environ if env is None else env).items()
            if name.startswith("PEYVAND_") and text.strip()
        }
        faults = [
            f"PEYVAND_{name} is missing" for name in ("AGENCY", "BOOTSTRAP", "PASSWORD") if name not in values
        ]
        for name, allowed in (("SECURITY_PROTOCOL", PROTOCOLS), ("SASL_MECHANISM", MECHANISMS)):
            if values.get(name, allowed[0]) not in allowed:
                faults.append(f"PEYVAND_{name} must be one of {', '.join(allowed)}")
        ca_file = Path(values["CA_FILE"]) if "CA_FILE" in values else None
        if ca_file is not None and not ca_file.is_file():
            faults.append(f"PEYVAND_CA_FILE names no file: {ca_file}")
        try:
            agency = agency_code(values.get("AGENCY", "missing"))
        except ContractError as error:
            faults.append(f"PEYVAND_AGENCY: {error}")
        if faults:
            raise ConfigError(
                f"the agency's connection is not configured: {'; '.join(faults)}.",
                do="`hub agency credentials CODE` prints every variable.",
            )
        return cls(
            agency=agency,
            bootstrap=values["BOOTSTRAP"],
            password=values["PASSWORD"],
            username=values.get("USERNAME", ""),
            security_protocol=values.get("SECURITY_PROTOCOL", PROTOCOLS[0]),
            sasl_mechanism=values.get("SASL_MECHANISM", MECHANISMS[0]),
            ca_file=ca_file,
        )

    def client(self) -> dict[str, Any]:
        """Return the connection settings for kafka-python; a connector never creates topics by asking."""
        settings: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": self.agency,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username or self.agency,
            "sasl_plain_password": self.password,
            "allow_auto_create_topics": False,
            "reconnect_backoff_max_ms": 5000,
            "metrics_enabled": False,
            "bootstrap_timeout_ms": 15_000,
        }
        if self.ca_file is not None:
            settings["ssl_cafile"] = str(self.ca_file)
        return settings
