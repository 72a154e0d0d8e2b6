"""What an agency and an agreement look like in a file: pydantic models, and their errors in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hub.contracts.topics import DEFAULT_PARTITIONS
from hub.registry.model import Treatment
from hub.registry.yamldocs import Document, Fault, did_you_mean

Text = Annotated[str, Field(min_length=1, max_length=500)]
Code = Annotated[str, Field(min_length=1, max_length=120)]


def _time(value: Any) -> Any:
    # YAML gives a datetime where the text is unquoted; quoted text is read here, the rest is refused below.
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def as_list(value: Any) -> Any:
    """Return one text as a list of one; anything else as it is."""
    return [value] if isinstance(value, str) else value


def _as_mask(value: Any) -> Any:
    return {"withhold": []} if value == "all" else value


_Read = TypeVar("_Read", bound=BaseModel)
Time = Annotated[AwareDatetime, BeforeValidator(_time)]


class Form(BaseModel):
    """A part of a file: its fields and no others, with values as YAML gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TitleForm(Form):
    """A title in Persian and English."""

    fa: Text
    en: Text


class SubsystemForm(Form):
    """One of an agency's systems."""

    code: Code
    title: TitleForm


class QuotaForm(Form):
    """What an agency's principal may use of a broker."""

    produce_bytes_per_second: Annotated[int, Field(gt=0)] | None = None
    consume_bytes_per_second: Annotated[int, Field(gt=0)] | None = None
    request_percentage: Annotated[int, Field(gt=0, le=10_000)] | None = None


class AgencyForm(Form):
    """A document of `agencies/`."""

    code: Code
    title: TitleForm
    subsystems: list[SubsystemForm] = []
    publishes: list[Code] = []
    partitions: Annotated[int, Field(ge=1, le=256)] = DEFAULT_PARTITIONS
    quota: QuotaForm = QuotaForm()


class PurposeForm(Form):
    """Why: a short code that every delivery carries, and its title."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    fa: Text
    en: Text


class MaskForm(Form):
    """Which fields of one event type are withheld: those of `withhold`, or all but those of `only`."""

    withhold: list[str] | None = None
    only: list[str] | None = None


class ValidForm(Form):
    """From when until when."""

    from_: Annotated[Time, Field(alias="from")]
    until: Time | None = None


class AgreementForm(Form):
    """A document of `agreements/`."""

    id: Code
    source: Annotated[list[Code], BeforeValidator(as_list), Field(alias="from", min_length=1)]
    to: Code
    purpose: PurposeForm
    legal_basis: Text
    events: Annotated[dict[str, Annotated[MaskForm, BeforeValidator(_as_mask)]], Field(min_length=1)]
    subject: Treatment
    case_id: Treatment
    valid: ValidForm


def read_form(form: type[_Read], document: Document) -> tuple[_Read | None, list[Fault]]:
    """Return the form of a document, or every fault that keeps it from being one."""
    if not isinstance(document.data, dict):
        return None, [document.fault((), f"must be an object with fields such as {_fields(form)[0]}.")]
    try:
        return form.model_validate(document.data), []
    except ValidationError as error:
        return None, [_fault(document, form, dict(each)) for each in error.errors()]


def _fault(document: Document, form: type[BaseModel], error: dict[str, Any]) -> Fault:
    path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        owner = _form_at(form, path[:-1])
        known = _fields(owner) if owner else []
        advice = did_you_mean(str(path[-1]), known) or f" Known fields: {', '.join(known)}."
        return document.fault(path, f"unknown field.{advice}")
    return document.fault(path, _sentence(error))


def _sentence(error: dict[str, Any]) -> str:
    sentences = {
        "missing": "is missing.",
        "string_type": "must be text; put quotes around it if it looks like a number or a date.",
        "int_type": "must be a whole number.",
        "list_type": "must be a list.",
        "dict_type": "must be an object with fields.",
        "model_type": "must be an object with fields.",
        "datetime_type": "must be a time with offset, such as 2026-03-21T00:00:00+03:30.",
        "timezone_aware": "must have an offset, such as 2026-03-21T00:00:00+03:30.",
        "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, a letter first.",
        "date_type": "must be a day, such as 2026-03-21.",
        "bool_type": "must be true or false.",
        "string_too_short": "must not be empty.",
        "too_short": "must not be empty.",
    }
    text = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return sentences.get(error["type"]) or f"{text}."


def _fields(form: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in form.model_fields.items()]


def _form_at(form: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel] | None:
    """Return the form that a path of field names, keys and indices leads to."""
    here: type[BaseModel] | None = form
    for part in path:
        if here is not None and part in (
            names := dict(zip(_fields(here), here.model_fields.values(), strict=True))
        ):
            here = _inner(names[part].annotation)
    return here


def _inner(annotation: Any) -> type[BaseModel] | None:
    """Return the form within an annotation such as a list of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _inner(each)) is not None), None)
