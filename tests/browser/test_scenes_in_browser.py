"""Edited scenes of the report page in Chromium: all methods at one viewpoint."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from open_page import Opened

pytestmark = pytest.mark.browser
pytest_plugins = ("open_page",)
LOADED = "[...document.querySelectorAll('#panes .zoom img')].every((i) => i.naturalWidth > 0)"


def open_case(opened: "Opened") -> None:
    opened.go("gallery")
    opened.page.locator("#rows .who a").first.click()
    opened.page.wait_for_selector("#viewer[open]")


def test_scenes_share_a_viewpoint_and_what_is_shown(scene_page: "Opened") -> None:
    opened = scene_page
    open_case(opened)
    images = "[...document.querySelectorAll('#panes .zoom img')].map((image) => image.src)"
    shown = opened.page.locator("#shown")
    first = opened.value(images)
    assert len(first) == 4  # source, two methods, true edit
    opened.until(LOADED)
    opened.shot("scene")
    opened.page.locator("#viewpoint").evaluate(
        "(slider) => { slider.value = 3; slider.dispatchEvent(new Event('input')); }"
    )
    moved = opened.value(images)
    assert not set(first) & set(moved)
    assert opened.page.locator("#viewpoint-text").inner_text() != ""
    step = "(slider, n) => { slider.value = n; slider.dispatchEvent(new Event('input')); }"
    opened.page.locator("#step").evaluate(step, 1)
    assert opened.page.locator("#step-text").inner_text() == "state after 4 steps"
    assert opened.page.locator("#viewpoint").get_attribute("max") == "1"
    opened.until(LOADED)
    opened.shot("scene-state")
    opened.page.locator("#step").evaluate(step, 3)
    opened.page.locator("#viewpoint").evaluate(step, 3)
    assert opened.value(images) == moved
    opened.page.locator("#mask").check()
    masks = "[...document.querySelectorAll('#panes img')].map((image) => image.src)"
    assert len(set(opened.value(masks)) - set(moved)) == 1
    opened.until(LOADED)
    opened.shot("scene-mask")
    opened.page.locator("#mask").uncheck()
    for kind, count in (("distance", 3), ("error", 3), ("video", 2)):
        shown.select_option(kind)
        assert len(opened.value(images)) == count
        opened.until(LOADED)
        opened.shot(f"scene-{kind}")
    shown.select_option("render")
    assert opened.value(images) == moved
    opened.page.keyboard.press("f")
    assert len(opened.value(images)) == 1


def test_a_page_of_images_has_no_viewpoints(opened: "Opened") -> None:
    open_case(opened)
    assert not opened.page.locator("#viewpoints").is_visible()
