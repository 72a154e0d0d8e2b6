"""The words of a case's page in Persian and English: what a clerk and a minister both understand."""

from __future__ import annotations

from typing import Literal

Language = Literal["fa", "en"]

WORDS: dict[str, tuple[str, str]] = {
    # Headings and labels.
    "case": ("پروندهٔ", "Case"),
    "journey": ("فرایند", "Journey"),
    "no journey": ("از هیچ فرایند اعلام‌شده‌ای پیروی نمی‌کند", "follows no declared journey"),
    "service": ("خدمت", "Service"),
    "state": ("وضعیت", "State"),
    "clock": ("ساعت برنامه", "Programme's clock"),
    "next": ("گام بعدی", "What is next"),
    "nothing next": ("گامی در انتظار نیست", "nothing is waited for"),
    "timeline": ("سیر پرونده", "What happened"),
    "held": ("پرونده نزد چه کسی بود", "Who had it"),
    "handoffs": ("تحویل میان دستگاه‌ها", "Hand-offs between agencies"),
    "odd": ("نکته‌های غیرعادی", "What was odd"),
    "rule": ("بر پایهٔ", "rule"),
    "until now": ("تا اکنون", "until now"),
    "whole": ("پایان پرونده", "the whole case"),
    "optional": ("اختیاری", "optional"),
    "proactive": ("آغاز خودکار، بی درخواست", "started by itself, without a request"),
    "stuck": ("بی‌حرکت: مدتی دراز رویدادی نیامده است", "stuck: no event for too long"),
    "waited": ("انتظار", "waited"),
    "not taken": ("هنوز تحویل نگرفته است", "has not taken it up yet"),
    # States.
    "open": ("در جریان", "open"),
    "unstarted": ("آغازنشده", "not started"),
    "completed state": ("پایان‌یافته", "completed"),
    "withdrawn state": ("پس‌گرفته‌شده", "withdrawn"),
    # What an event meant.
    "opened": ("پرونده گشوده شد", "opens the case"),
    "entered": ("گام آغاز می‌شود", "begins the step"),
    "completed": ("گام انجام شد", "completes the step"),
    "handed over": ("پرونده سپرده شد به", "hands the case over to"),
    "ended": ("پرونده پایان یافت", "ends the case"),
    "withdrawn": ("درخواست پس گرفته شد", "withdraws the case"),
    "reopened": ("پرونده دوباره گشوده شد", "opens the case again"),
    "told": ("پیوند هشدار داد دربارهٔ", "the hub gives notice of"),
    "moved": ("پرونده به نسخهٔ دیگری از فرایند رفت", "the case moves to another version of its journey"),
    "edition": ("ویرایش دفتر دستگاه‌ها", "edition of the agency registry"),
    "renamed": ("گام ادامه می‌یابد با نام", "the step goes on as"),
    "dropped": ("گام حذف شد", "drops the step"),
    "noted": ("غیرعادی", "odd"),
    "nothing": ("در فرایند معنایی ندارد", "means nothing to the journey"),
    "in time": ("در مهلت", "in time"),
    "late": ("دیرتر از مهلت", "late"),
    # Lengths of time.
    "working days": ("روز کاری", "working days"),
    "days": ("روز", "days"),
    "hours": ("ساعت", "hours"),
    "minutes": ("دقیقه", "minutes"),
}

NOTES: dict[str, tuple[str, str]] = {
    "no journey": ("هیچ رویدادی فرایندی را آغاز نکرد", "no event starts a journey"),
    "sent twice": ("یک رویداد دو بار آمد؛ نخستین به شمار آمد", "an event came twice; the first counts"),
    "before the start": ("رویدادی پیش از آغاز پرونده", "an event is older than the start of the case"),
    "started twice": ("دو بار آغاز شد؛ نخستین به شمار آمد", "it was started twice; the first counts"),
    "before its turn": ("گامی پیش از نوبت انجام شد", "a step was done before its turn"),
    "completed twice": ("گامی دو بار انجام شد", "a step was done twice; the first counts"),
    "not the owner": ("دستگاهی گام دیگری را انجام داد", "an agency did a step that is not its own"),
    "unknown step": ("گامی که فرایند ندارد", "a step that the journey does not have"),
    "unknown journey": ("زیرپرونده‌ای که منتظرش نبود", "a sub-case that nobody waited for"),
    "after the end": ("رویدادی پس از پایان پرونده", "an event after the end of the case"),
    "after withdrawal": ("رویدادی پس از پس گرفتن", "an event after the withdrawal"),
    "reopened while open": ("بازگشایی پروندهٔ باز", "a reopening while it was open"),
    "in the future": ("زمان رویداد در آینده است", "an event bears a time in the future"),
    "journey changed": (
        "فرایند در این میان تغییر کرد؛ پرونده با نسخهٔ خودش پیش می‌رود",
        "the journey was changed meanwhile; the case goes on by the version that it follows",
    ),
}
"""Every note of hub.journeys.notes."""


def word(name: str, language: Language) -> str:
    """Return a word of the page."""
    return WORDS[name][language == "en"]


def note(name: str, language: Language) -> str:
    """Return a note in words."""
    return NOTES[name][language == "en"]
