"""Search for the settings with the best trade between identity and prompt fidelity."""

from ids.search.search import Found, Request, open_search

__all__ = ["Found", "Request", "open_search"]
