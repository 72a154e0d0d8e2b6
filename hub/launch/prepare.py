"""What stands between running engines and working processes: tables, topics, principals, agency registry.

`python -m hub.launch.prepare` does it on its own, for containers.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from hub import resources
from hub import settings as settings_module
from hub.broker.desired import admin
from hub.broker.desired.apply import apply
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.contracts.schemas import Contracts
from hub.errors import HubError
from hub.launch.report import Report
from hub.registry.files import load
from hub.registry.model import Registry
from hub.registry.plan import plan
from hub.settings import Settings
from hub.store.migrate import migrate


def prepare(settings: Settings, report: Report) -> None:
    """Bring database, Kafka and agency registry to what this version wants; idempotent."""
    with report.step("PostgreSQL: tables are this version's"):
        migrate(settings)
    with report.step("Kafka: the hub's topics are there"):
        admin.ensure_topics(settings, topics.hub_topics())
    current = read_registry(settings, topics.ADMIN_PRINCIPAL).current
    if current is None:
        with report.step("Agency registry: applied for the first time"):
            apply(settings, _desired(settings))
    else:
        _compare(settings, current, report)


def _compare(settings: Settings, current: Registry, report: Report) -> None:
    """Say so when the files differ from what is in force; to apply them is a person's decision."""
    try:
        difference = plan(current, _desired(settings))
    except HubError as error:
        report.trouble(
            f"The agency registry's files are faulty; edition {current.version} stays in force. {error}"
        )
        return
    if difference.changes:
        report.trouble(
            f"The agency registry's files differ from edition {current.version} in force. "
            f"{difference.summary} See `hub plan`, then `hub apply`."
        )


def _desired(settings: Settings) -> Registry:
    folder: Path = settings.registry_dir or resources.folder("registry")
    return load(folder, Contracts.load())


def main() -> None:
    """Prepare with the settings of the environment; exit 0, 1 or 2."""
    report = Report(Console(stderr=True))
    try:
        prepare(settings_module.load(), report)
    except HubError as error:
        report.trouble(str(error))
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
