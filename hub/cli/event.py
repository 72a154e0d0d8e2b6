"""`hub event send` and `hub event show`: try the hub with one event, and see where an event is."""

from __future__ import annotations

import json
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DataDir, load_settings
from hub.errors import ConfigError, ContractError, HubError

if TYPE_CHECKING:
    from connectors.sdk.events import Event
    from connectors.sdk.publisher import Place
    from hub.contracts.names import AgencyCode
    from hub.settings import Settings

_ATTRIBUTES = ("id", "subject", "caseid", "channel", "time", "subsystem", "causationid", "traceparent")
_KEYS = ("type", "data", "version", *_ATTRIBUTES)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WAIT_SECONDS = 30.0

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="One event: send it, see where it is.")
    group.command("send")(send)
    group.command("show")(show)
    app.add_typer(group, name="event")


def send(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON object with `type` and `data`, optional " + ", ".join(_ATTRIBUTES) + "; - is stdin.",
        ),
    ],
    agency: Annotated[str, typer.Option("--agency", metavar="CODE", help="The agency that publishes it.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the gate's verdict and show it.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Publish one event from a file to an agency's outbox, with that agency's own credentials.

    Ends with 1 when the event breaks its contract (nothing is sent), is refused, or (with --wait) is parked.

    Example: `hub event send event.json --agency municipality-1 --wait`
    """
    from hub.contracts.names import agency_code  # noqa: PLC0415 - keeps --help quick

    settings = load_settings(data_dir)
    code = agency_code(agency)
    event = _read(file)
    place = _publish(settings, code, event)
    if not as_json:
        typer.echo(f"published {event.id} at {place}")
    if wait:
        found = _verdict(settings, code, event.id, place)
        _show(found, as_json=as_json, event_id=event.id)
        raise typer.Exit(1 if any(each["verdict"] == "parked" for each in found) else 0)
    if as_json:
        where = {"id": event.id, "topic": place.topic, "partition": place.partition, "offset": place.offset}
        typer.echo(json.dumps(where))


def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id (ce_id).")],
    agency: Annotated[
        str | None, typer.Option("--agency", metavar="CODE", help="Look in this agency's outbox only.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="How far back: 90s, 30m, 24h, 14d.")
    ] = "24h",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show where an event is: place in the outbox, verdict, deliveries, and whether they were taken.

    Contents are never shown. Ends with 1 when no such event is found.

    Example: `hub event show 7f2c1e0a --agency municipality-1 --since 2h`
    """
    from hub.broker.events import find  # noqa: PLC0415 - keeps --help quick
    from hub.contracts.names import agency_code  # noqa: PLC0415

    code = agency_code(agency) if agency else None
    found = find(load_settings(data_dir), event_id, code, _duration(since))
    _show([each.to_json() for each in found], as_json=as_json, event_id=event_id)


def _read(file: Path) -> Event:
    """Return the event of a file; raise one error that names every key that is wrong."""
    from connectors.sdk.events import Event  # noqa: PLC0415
    from hub.contracts import jsonform  # noqa: PLC0415
    from hub.contracts.names import EventType  # noqa: PLC0415
    from hub.contracts.schemas import Contracts  # noqa: PLC0415

    body = _json(file)
    faults = _faults(body)
    data: dict[str, Any] = {}
    if isinstance(body.get("type"), str) and isinstance(body.get("data"), dict):
        try:
            versions = Contracts.load().versions(EventType(body["type"]))
            version = body.get("version")
            contract = next((each for each in versions if each.version == version), versions[-1])
            data = jsonform.from_json(contract, body["data"])
        except ContractError as error:
            faults.append(str(error))
    if faults:
        raise ContractError(" ".join(faults), where=str(file), do="`hub schemas` lists the contracts.")
    given = {name: body[name] for name in (*_ATTRIBUTES, "version") if name in body}
    return Event(type=body["type"], data=data, **given)


def _faults(body: dict[str, Any]) -> list[str]:
    faults = [f"{name!r} is no key of an event." for name in body if name not in _KEYS]
    faults += [f"{name!r} is missing." for name in ("type", "data") if name not in body]
    for name, kind, what in (
        ("type", str, "text"),
        ("data", dict, "an object"),
        ("version", int, "a number"),
    ):
        if name in body and (not isinstance(body[name], kind) or isinstance(body[name], bool)):
            faults.append(f"{name!r} must be {what}.")
    faults += [f"{name!r} must be text." for name in _ATTRIBUTES if not isinstance(body.get(name, ""), str)]
    return faults


def _json(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"the file cannot be read: {why}.", where=str(file)) from None
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"this is no JSON: {error}.", where=str(file)) from None
    if not isinstance(body, dict):
        raise ConfigError("this is no JSON object.", where=str(file), do='Write {"type": …, "data": {…}}.')
    return body


def _publish(settings: Settings, code: AgencyCode, event: Event) -> Place:
    from connectors.sdk.config import Config  # noqa: PLC0415
    from connectors.sdk.publisher import Publisher  # noqa: PLC0415
    from hub.broker import credentials  # noqa: PLC0415

    kafka = settings.kafka
    if not kafka.bootstrap:
        raise ConfigError(
            "no Kafka is configured.", do="Start `hub up` on this data folder, or set HUB_KAFKA__BOOTSTRAP."
        )
    config = Config(
        agency=code,
        bootstrap=kafka.bootstrap,
        password=credentials.password(settings, code),
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        ca_file=kafka.ca_file,
    )
    with Publisher(config) as publisher:
        return publisher.publish(event)


def _verdict(settings: Settings, code: AgencyCode, event_id: str, place: Place) -> list[dict[str, Any]]:
    from hub.broker.events import find, wait_decided  # noqa: PLC0415
    from hub.contracts.origin import Origin  # noqa: PLC0415

    origin = Origin(place.topic, place.partition, place.offset)
    wait_decided(settings, origin, _WAIT_SECONDS)
    found = find(settings, event_id, code, timedelta(days=1))
    return [each.to_json() for each in found if each.origin == origin]


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise ConfigError(f"--since {text!r} is no duration.", do="Write 90s, 30m, 24h or 14d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _show(found: list[dict[str, Any]], *, as_json: bool, event_id: str) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    if not found:
        raise HubError(
            f"no event {event_id!r} was found.", do="Look further back with --since 14d; is the id right?"
        )
    if not as_json:
        for each in found:
            _print(each)


def _print(each: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    place = f"{each['topic']}/{each['partition']}/{each['offset']}"
    console.print(
        f"{place}  appended {each['appended_at']}  {each['type'] or '?'} of {each['source'] or '?'}",
        markup=False,
    )
    words = {"waiting": "not decided yet", "parked": f"parked as {each['reason']}: {each['detail']}"}
    count = len(each["deliveries"])
    words["routed"] = f"routed to {count} recipient{'' if count == 1 else 's'}"
    console.print(f"  {words.get(each['verdict'], each['verdict'])}", markup=False)
    for one in each["deliveries"]:
        masked = f"; withheld: {', '.join(one['masked'])}" if one["masked"] else ""
        state = f"rejected ({one['rejected_for']})" if one["rejected_for"] else one["state"]
        console.print(
            f"  → {one['recipient']}  {state}  {one['topic']}/{one['partition']}/{one['offset']}  "
            f"{one['route']} seq {one['seq']}{masked}",
            markup=False,
        )
