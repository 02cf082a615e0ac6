"""Notebooks as pages of the documentation site, with their stored outputs: a hook of mkdocs.
Nothing is executed or fetched.
"""

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add NAME.md for every NAME.ipynb of the site."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb") and file.abs_src_path:
            content = markdown_of(json.loads(Path(file.abs_src_path).read_text(encoding="utf-8")))
            files.append(File.generated(config, f"{file.src_uri[:-6]}.md", content=content))
    return files


def markdown_of(notebook: dict[str, Any]) -> str:
    """Its cells in order: text, code, and its output."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _parts(cell)) + "\n"


def _parts(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"```python\n{source}\n```", *filter(None, map(_shown, cell["outputs"]))]


def _shown(output: dict[str, Any]) -> str:
    """An image, or text; progress lines are left out."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![output](data:image/png;base64,{''.join(data['image/png']).strip()})"
    if output["output_type"] == "execute_result":
        return "```text\n" + "".join(data.get("text/plain", "")) + "\n```"
    return ""
