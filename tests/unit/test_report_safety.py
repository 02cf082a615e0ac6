"""Foreign text on the HTML page stays text."""

import json
import re
from pathlib import Path

import pytest
import report_store
from report_store import write

from ids.report.pages import page as page_module
from ids.report.pages.embed import json_script

TEMPLATES = Path(page_module.__file__).parent / "templates"


def test_json_in_a_script_has_no_markup_and_reads_back() -> None:
    data = {"text": "</script><!--&\u2028\u2029\ud800é"}
    text = json_script(data)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert text.isascii()
    assert json.loads(text) == data
    with pytest.raises(ValueError, match="JSON"):
        json_script(float("nan"))


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = report_store.HOSTILE
    inputs = report_store.write_store(
        tmp_path / "store", 2, ("dds", f"ids{hostile}"), hostile=hostile
    )
    parsed, text, _ = write(tmp_path, inputs)
    assert sum(tag == "script" for tag, _ in parsed.elements) == 2
    assert not [a for _, attributes in parsed.elements for a in attributes if a.startswith("on")]
    assert {a.get("src") for tag, a in parsed.elements if tag == "img"} <= {
        a.get("src") for tag, a in parsed.elements if (a.get("src") or "").startswith("data:")
    }
    assert "\u2028" not in text
    (group,) = parsed.data["groups"]
    shown = hostile.replace("\u2028", "\\u2028")
    assert all(shown in case["id"] and shown in case["prompts"][0] for case in group["cases"])
    assert any(shown in tag for case in group["cases"] for tag in case["tags"])
    assert any(shown in label for label in group["labels"])
    assert any(shown in command for command in group["commands"])


def test_scripts_make_no_markup() -> None:
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\("
    found = {f.name: re.findall(words, f.read_text("utf-8")) for f in TEMPLATES.glob("*.js")}
    assert found
    assert not any(found.values())
    assert not [
        f for f in TEMPLATES.glob("*.html") if re.search(r"\|\s*safe|\son\w+=", f.read_text())
    ]
