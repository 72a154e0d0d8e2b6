"""Pure: what each figure means, its value from counts and rows, its evidence and its editions.

Completion, coordination, the programme's obligations, participation, the scorecard. No figure reads a clock.
"""
