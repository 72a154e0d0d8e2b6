"""What the gate is measured beside: bare passthroughs, each as well tuned as we know how.

Each module is one peer and a program of its own: its docstring says what it does and does not do, NAME is
how it is called, VERSION_OF the package whose version is told. Without its library it raises ImportError.
"""
