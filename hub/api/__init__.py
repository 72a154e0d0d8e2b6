"""HTTP: one module per resource. Reads only; problem details on every error.

Enters: what may be asked over HTTP. Stays out: who may (access), counting (broker), pages (console).
"""
