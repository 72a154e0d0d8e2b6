"""Makers of events for the folds of obligations and consultations."""

from __future__ import annotations

import pytest

from tests.unit.indicators import makers


@pytest.fixture
def at():
    return makers.moment


@pytest.fixture
def make_event():
    return makers.event
