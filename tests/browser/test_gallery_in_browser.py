"""A gallery of many methods, on a phone, and with long text, in Chromium."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from open_page import Opened

pytestmark = pytest.mark.browser
pytest_plugins = ("open_page",)


def test_one_of_many_methods_is_chosen_by_two_clicks(opened: "Opened") -> None:
    opened.go("gallery")
    opened.page.wait_for_selector("#rows .case")
    first, images = opened.page.locator("#rows .case").first, "#rows .case:first-child figure"
    before = opened.page.locator(images).count()
    opened.page.locator("#none").click()
    assert opened.page.locator("#chosen").inner_text() == "0 of 5"
    opened.page.locator("#methods button").nth(1).click()
    assert "dds" in (first.text_content() or "")
    assert "ids" not in (first.text_content() or "").replace("test", "")
    opened.page.locator("#all").click()
    assert opened.page.locator(images).count() == before


def test_a_long_name_or_tag_leaves_a_case_its_size(opened: "Opened") -> None:
    opened.go("gallery")
    opened.page.wait_for_selector("#rows .case")
    who = "document.querySelector('#rows .case .who')"
    opened.value(f"{who}.querySelector('a').textContent = 'long name '.repeat(999)")
    opened.value(f"{who}.querySelector('.tag').textContent = 'long tag '.repeat(999)")
    assert opened.value(f"{who}.scrollHeight") < 400
    assert opened.value("document.documentElement.scrollWidth <= innerWidth")


def test_a_phone_shows_the_chosen_page_in_its_bar(opened: "Opened") -> None:
    opened.page.set_viewport_size({"width": 390, "height": 844})
    for name in ("provenance", "overview"):
        opened.go(name)
        opened.until(f"document.querySelector('nav [aria-current]').hash === '#{name}'")
        box = opened.page.locator("nav [aria-current]").bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390
