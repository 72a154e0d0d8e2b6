"""Peyvand: an event-driven interoperability hub between government agency systems."""

from hub import compiled

compiled.install()
