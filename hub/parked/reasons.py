"""Reason classes in words for people, and who has to mend what: the source agency or the hub.

The hub owns `processor`, which is a fault of its own programs, and `unknown-schema`: only the hub can lock a
contract, so it has to say whether one is missing here or the id is wrong. All else the source has to mend.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts import topics
from hub.contracts.names import AgencyCode


@dataclass(frozen=True, slots=True)
class ReasonClass:
    """One reason class: its name on the wire, whose it is, and a sentence in both languages."""

    name: str
    hubs: bool
    en: str
    fa: str


_CLASSES = (
    ReasonClass(
        "too-large",
        False,
        "The event is larger than the hub takes: the source must send less, or a reference to the content.",
        "رویداد از اندازهٔ مجاز بزرگ‌تر است: مبدأ باید دادهٔ کمتری بفرستد، یا نشانی محتوا را.",
    ),
    ReasonClass(
        "envelope",
        False,
        "Headers or key break the wire contract: the source must mend how it publishes.",
        "سرآیندها یا کلید با قرارداد نمی‌خواند: مبدأ باید شیوهٔ انتشار خود را درست کند.",
    ),
    ReasonClass(
        "source-mismatch",
        False,
        "The event names another agency as its source: an agency speaks for itself only.",
        "رویداد دستگاه دیگری را مبدأ نامیده است: هر دستگاه فقط از سوی خود سخن می‌گوید.",
    ),
    ReasonClass(
        "frame",
        False,
        "The value does not begin with the frame: the source publishes something other than framed Avro.",
        "مقدار با قاب آغاز نمی‌شود: مبدأ چیزی جز Avro قاب‌دار می‌فرستد.",
    ),
    ReasonClass(
        "unknown-schema",
        True,
        "The hub does not know the schema: lock the contract and replay, or ask the source to mend the id.",
        "پیوند این طرح‌واره را نمی‌شناسد: قرارداد را ثبت کنید و دوباره بفرستید، یا به مبدأ بگویید نادرست است.",
    ),
    ReasonClass(
        "decode",
        False,
        "The bytes do not fit the schema that they name: the source must mend its encoding.",
        "داده با طرح‌واره‌ای که نام برده نمی‌خواند: مبدأ باید رمزگذاری خود را درست کند.",
    ),
    ReasonClass(
        "invalid",
        False,
        "The content makes no sense, a national number as subject for example: the source must mend it.",
        "محتوا معنا ندارد، مانند کد ملی به جای نام مستعار: مبدأ باید آن را درست کند.",
    ),
    ReasonClass(
        "not-allowed",
        False,
        "The agency has no grant for this event type: once it has one, its events can be replayed.",
        "دستگاه اجازهٔ انتشار این نوع رویداد را ندارد: پس از گرفتن اجازه می‌توان رویدادها را دوباره فرستاد.",
    ),
    ReasonClass(
        "signature",
        False,
        "The signature does not fit the event: the source must sign what it sends.",
        "امضا با رویداد نمی‌خواند: مبدأ باید همان چیزی را امضا کند که می‌فرستد.",
    ),
    ReasonClass(
        "expired-key",
        False,
        "The signing key was no longer valid: the source must renew it.",
        "اعتبار کلید امضا گذشته بود: مبدأ باید آن را تازه کند.",
    ),
    ReasonClass(
        "id-conflict",
        False,
        "An event with this id but other content was decided before: the source must use a new id.",
        "رویدادی با همین شناسه و محتوای دیگر پیش‌تر رسیده است: مبدأ باید شناسهٔ تازه به کار برد.",
    ),
    ReasonClass(
        "processor",
        True,
        "One of the hub's own programs could not handle a delivery: mend it, then replay.",
        "یکی از برنامه‌های خود پیوند از پس تحویلی برنیامد: آن را درست کنید و دوباره بفرستید.",
    ),
)
CLASSES = {each.name: each for each in _CLASSES}
"""Every reason class of the wire contract by name."""


def owner(reason: str, source: AgencyCode) -> AgencyCode:
    """Return who has to mend events of a class: the hub or the source; of an unknown class, the hub."""
    known = CLASSES.get(reason)
    return topics.HUB if known is None or known.hubs else source
