"""The scenes of the README's second image are chosen independently of the edits."""

import pandas as pd
from scene_image import chosen

CASES = (
    ("test-0005-shape", "plain"),
    ("test-0003-shape", "plain"),
    ("test-0001-shape", "striped"),
    ("test-0002-colour", "plain"),
    ("test-0000-colour", "plain"),
)


def test_the_first_plain_scene_of_each_kind_at_the_most_steps() -> None:
    lines = [
        {
            "id": case,
            "source_prompt": f"a {fill} blue ring",
            "label": label,
            "seed": seed,
            "setting.n_steps": steps,
        }
        for case, fill in CASES
        for label, steps in (("ids (n_steps=24)", "24"), ("ids", "12"), ("dds", "48"))
        for seed in (1, 0)
    ]
    lines.append({"id": "test-0000-colour", "label": "null_edit", "seed": None})
    found = [(edit["id"], edit["label"], edit["seed"]) for edit in chosen(pd.DataFrame(lines))]
    assert found == [
        ("test-0000-colour", "ids (n_steps=24)", 0),
        ("test-0003-shape", "ids (n_steps=24)", 0),
    ]
