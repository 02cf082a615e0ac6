"""The notebook runs from its first cell to its last, and shows what it promises."""

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "docs" / "notebooks" / "first_edit.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    stored = [cell for cell in notebook.cells if cell.cell_type == "code"]
    figures = [len(_images(cell)) for cell in stored]
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [len(_images(cell)) for cell in code] == figures
    assert sum(figures) >= 3  # the edit, its curves, the posterior means
    table = code[-1].outputs[-1].data["text/plain"]
    assert "ids" in table
    assert not list(NOTEBOOK.parent.glob("outputs"))


def _images(cell: nbformat.NotebookNode) -> list[str]:
    return [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
