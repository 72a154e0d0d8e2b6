"""Peyvand: an event-driven interoperability hub between government agency systems."""
