"""ids: text-guided editing by score distillation, from one word on the command line to a table one
can trust.
"""

__version__ = "0.2.0"
