"""Search for the settings with the best trade between identity and prompt fidelity."""

from ids.core.callable_package import make_callable
from ids.search.found import Found, SearchStopped
from ids.search.search import Request, open_search

__all__ = ["Found", "Request", "SearchStopped", "open_search"]

make_callable(__name__)
