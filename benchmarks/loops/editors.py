"""Editors and single settings as `ids run` builds them."""

from collections.abc import Sequence
from dataclasses import replace

from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import Editor
from ids.editing import DistillationEditor


def editor_of(words: str, more: Sequence[str] = ()) -> Editor:
    """The editor of a method, with further overrides: `ids fpr.n_iters=1`."""
    method, *overrides = words.split()
    (setting,) = compose_all([f"method={method}", *overrides, *more])
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, Editor)
    return editor


def distillation(words: str, n_steps: int, more: Sequence[str] = ()) -> DistillationEditor:
    """The editor of a distillation method with this number of steps."""
    editor = editor_of(words, more)
    assert isinstance(editor, DistillationEditor)
    return replace(editor, n_steps=n_steps)
