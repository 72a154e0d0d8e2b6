"""Recognising an Iranian national number (شماره ملی), so that none is used as an event's subject."""

from __future__ import annotations

_SEPARATORS = str.maketrans("", "", " -\u200b\u200c\u200e\u200f")


def is_national_number(text: str) -> bool:
    """Say whether the text is a valid national number: ten digits of any script with a right check digit.

    The tenth digit checks the first nine, weighted 10 to 2, modulo 11; ten equal digits are never issued.
    Spaces and hyphens between the digits do not hide it.
    """
    bare = text.translate(_SEPARATORS)
    if len(bare) != 10 or not bare.isdecimal():
        return False
    digits = [int(character) for character in bare]
    if len(set(digits)) == 1:
        return False
    rest = sum(digit * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return digits[9] == (rest if rest < 2 else 11 - rest)
