"""Figures of others that stand beside ours: not measured here, and never part of anything computed.

They come from two documents: a report of the parliament's research centre on electronic and smart government
services, and a policy report of the ICT research institute on e-participation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESEARCH_CENTRE = ("مرکز پژوهش‌های مجلس", "Research centre of the parliament")
ICT_INSTITUTE = (
    "پژوهشگاه ارتباطات و فناوری اطلاعات، بر پایه پیمایش دولت الکترونیک سازمان ملل",
    "ICT research institute, from the UN's e-government survey",
)


@dataclass(frozen=True, slots=True)
class ReferenceFigure:
    """A figure that somebody else published; `family` says beside which of ours it is shown."""

    id: str
    family: str
    title_fa: str
    title_en: str
    period: str | None
    value: float
    unit: str
    source_fa: str
    source_en: str

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON, marked as not measured here."""
        return {
            "id": self.id,
            "family": self.family,
            "title_fa": self.title_fa,
            "title_en": self.title_en,
            "period": self.period,
            "value": self.value,
            "unit": self.unit,
            "source_fa": self.source_fa,
            "source_en": self.source_en,
            "measured_here": False,
            "note_fa": "اینجا سنجیده نشده است",
            "note_en": "not measured here",
        }


def _baseline(name: str, title_fa: str, title_en: str, value: float, unit: str) -> ReferenceFigure:
    return ReferenceFigure(
        f"reference.{name}", "programme", title_fa, title_en, None, value, unit, *RESEARCH_CENTRE
    )


_YEARS = ("2018", "2020", "2022")
_EPI: tuple[tuple[str, str, str, str, tuple[float, float, float]], ...] = (
    ("epi-score", "شاخص مشارکت الکترونیکی", "E-participation index", "score", (0.5281, 0.4643, 0.1818)),
    ("epi-rank", "رتبه مشارکت الکترونیکی", "E-participation rank", "rank", (111, 118, 167)),
    ("epi-world", "میانگین جهانی شاخص", "E-participation index, world", "score", (0.5654, 0.5677, 0.4450)),
    (
        "epi-region",
        "میانگین منطقه‌ای شاخص",
        "E-participation index, region",
        "score",
        (0.6126, 0.6294, 0.5024),
    ),
)
_SUB_INDICES: tuple[tuple[str, str, str, tuple[float, float, float]], ...] = (
    ("e-information", "اطلاع‌رسانی الکترونیکی", "E-information", (60, 57.41, 0.2364)),
    ("e-consultation", "مشورت الکترونیکی", "E-consultation", (56.52, 42.86, 0.2143)),
    ("e-decision-making", "تصمیم‌گیری الکترونیکی", "E-decision-making", (45.45, 9.09, 0)),
)
# The survey's sub-indices were given in per cent up to 2020, as a score from 0 to 1 in 2022.
_SUB_UNITS = ("percent", "percent", "score")

REFERENCE: tuple[ReferenceFigure, ...] = (
    _baseline("agencies", "دستگاه‌های اجرایی", "Executive agencies", 186, "agencies"),
    _baseline("agencies-connected", "دستگاه‌های متصل", "Agencies fully connected", 86, "agencies"),
    _baseline("services", "خدمات قابل اتصال", "Services that can be connected", 3505, "services"),
    _baseline("services-connected", "خدمات متصل", "Services connected", 2127, "services"),
    _baseline("services-smart", "خدمات هوشمند", "Services offered in smart form", 780, "services"),
    _baseline(
        "goals-realised",
        "سهم تحقق هدف‌های برنامه (گاه بیش از این نبوده است)",
        "Share of programme goals realised (at times not above)",
        0.3,
        "ratio",
    ),
    *(
        ReferenceFigure(
            f"reference.{name}", "participation", title_fa, title_en, year, value, unit, *ICT_INSTITUTE
        )
        for name, title_fa, title_en, unit, figures in _EPI
        for year, value in zip(_YEARS, figures, strict=True)
    ),
    *(
        ReferenceFigure(
            f"reference.{name}", "participation", title_fa, title_en, year, value, unit, *ICT_INSTITUTE
        )
        for name, title_fa, title_en, figures in _SUB_INDICES
        for year, value, unit in zip(_YEARS, figures, _SUB_UNITS, strict=True)
    ),
)
