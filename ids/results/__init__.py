"""Stored results as numbers: frames, selection, statistics, matched curves."""

from ids.core.callable_package import make_callable

make_callable(__name__)
