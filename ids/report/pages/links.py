"""Names of groups and cases in the page, and links to one case."""

from pathlib import Path

from ids.core.records import digest_of

FOLDER, PAGE = "report", "index.html"
DIGITS = 12  # of digests in the page and its links


def group_id(title: str) -> str:
    """What a link names a data set on a backbone by."""
    return digest_of(title)[:8]


def case_link(output_dir: Path, title: str, case: str) -> str:
    """The address of a case (digest) of a group in the store's page; empty without a page."""
    page = output_dir / FOLDER / PAGE
    return f"{page}#case={case[:DIGITS]}&set={group_id(title)}" if page.is_file() else ""
