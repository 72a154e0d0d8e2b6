"""Pure: events → cases, steps, hand-offs; deadlines by a calendar; the timeline of a case.

Journeys come from hub.registry; a moment of judging is always an input (the programme's clock).
"""
