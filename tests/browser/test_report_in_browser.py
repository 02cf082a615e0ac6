"""The report page in Chromium: every interaction, on hostile text, at three widths."""

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from open_page import Opened

pytestmark = pytest.mark.browser
pytest_plugins = ("open_page",)
PAGES = ("overview", "tables", "gallery", "notable", "curves", "provenance")


def open_case(opened: "Opened", nth: int = 0) -> None:
    opened.go("gallery")
    opened.page.locator("#rows .who a").nth(nth).click()
    opened.page.wait_for_selector("#viewer[open]")


def column(opened: "Opened", index: int) -> list[str]:
    rows = opened.page.locator("#page-tables table").first.locator("tbody tr")
    return [rows.nth(i).locator("th, td").nth(index).inner_text() for i in range(rows.count())]


@pytest.mark.parametrize("place", PAGES)
def test_each_page_is_shown_alone(opened: "Opened", place: str) -> None:
    opened.page.locator(f"nav a[href='#{place}']").click()
    visible = opened.value(
        "[...document.querySelectorAll('.page')].filter((p) => !p.hidden).map((p) => p.id)"
    )
    assert visible == [f"page-{place}"]
    assert opened.page.locator("nav a[aria-current]").get_attribute("href") == f"#{place}"
    opened.page.wait_for_timeout(200)
    opened.shot(place)


def test_columns_sort_both_ways(opened: "Opened") -> None:
    opened.go("tables")
    header = opened.page.locator("#page-tables table").first.locator(".sort").nth(2)
    header.click()
    up = [float(re.split("[ ±]", text)[0]) for text in column(opened, 2)]
    header.click()
    down = [float(re.split("[ ±]", text)[0]) for text in column(opened, 2)]
    assert up == sorted(up)
    assert down == up[::-1]
    assert up[0] < up[-1]


def test_a_number_names_its_command_cases_and_weights(opened: "Opened") -> None:
    opened.go("tables")
    opened.page.locator(".cell[data-label='ids'][data-column='success']").first.click()
    text = opened.page.locator("#source").inner_text()
    assert "40 cases" in text
    assert "ids run method=ids" in text
    assert "ids table --output-dir" in text
    assert "no network" in text
    opened.shot("cell")
    opened.page.locator("#source .links a").first.click()
    opened.page.wait_for_selector("#viewer[open]")
    assert "dev-0000" in opened.page.locator("#viewer-title").inner_text()


def test_search_tag_and_order_select_cases(opened: "Opened") -> None:
    opened.go("gallery")
    opened.page.wait_for_selector("#rows .case")
    opened.page.locator("#search").fill("dev-0007")
    opened.until("document.querySelectorAll('#rows .case').length === 1")
    opened.page.locator("#search").fill("")
    opened.until("document.querySelectorAll('#rows .case').length > 1")
    opened.page.locator("#tag").select_option("shape")
    assert re.match(r"1[34] of 40 cases", opened.page.locator("#count").inner_text())
    opened.page.locator("#tag").select_option("")
    first = opened.page.locator("#rows .who a").first
    before = first.text_content()  # inner_text is empty until the row is laid out
    opened.page.locator("#order").select_option(label="worst success first")
    assert first.text_content() == before  # of the synthetic numbers, which rise
    assert "dds" in (opened.page.locator("#rows .case").first.text_content() or "")
    opened.page.locator("#methods button").nth(1).click()
    assert "dds" not in (opened.page.locator("#rows .case").first.text_content() or "")


def test_rows_are_built_as_they_are_scrolled_to(opened: "Opened") -> None:
    opened.page.set_viewport_size({"width": 1280, "height": 300})
    opened.go("gallery")
    opened.page.wait_for_selector("#rows .case")
    assert opened.page.locator("#rows .case").count() == 24
    opened.value("window.scrollTo(0, document.body.scrollHeight)")
    opened.until("document.querySelectorAll('#rows .case').length === 40")


def test_flip_and_difference_show_both_sides(opened: "Opened") -> None:
    open_case(opened)
    opened.page.keyboard.press("f")
    flag = opened.page.locator(".flag")
    assert flag.inner_text() == "A: source"
    opened.page.keyboard.press("Space")
    assert flag.inner_text().startswith("B: ")
    opened.page.keyboard.press("d")
    assert opened.page.locator("#panes .zoom img").count() == 2
    blend = "getComputedStyle(document.querySelectorAll('#panes .zoom img')[1]).mixBlendMode"
    assert opened.value(blend) == "difference"
    opened.page.wait_for_timeout(200)
    opened.shot("difference")
    opened.page.locator("#side-b").select_option(label="source")
    opened.page.locator("#side-a").select_option(label="source")
    opened.page.wait_for_timeout(300)
    assert _brightest(opened) == 0  # an image minus itself is black


def _brightest(opened: "Opened") -> int:
    import io

    from PIL import Image

    content = opened.page.locator("#panes .stage").screenshot()
    image = Image.open(io.BytesIO(content)).convert("L")
    inner = image.crop((20, 20, image.width - 20, image.height - 20))
    return int(inner.getextrema()[1])


def test_zoom_is_shared_by_all_panes(opened: "Opened") -> None:
    open_case(opened)
    stage = opened.page.locator("#panes .stage").nth(1)
    stage.hover()
    opened.page.mouse.wheel(0, -400)
    transform = "[...document.querySelectorAll('.zoom')].map((z) => getComputedStyle(z).transform)"
    opened.until(
        "getComputedStyle(document.querySelector('.zoom')).transform !== 'matrix(1, 0, 0, 1, 0, 0)'"
    )
    found = opened.value(transform)
    assert len(set(found)) == 1
    assert float(found[0].removeprefix("matrix(").split(",")[0]) > 2
    opened.shot("zoom")
    opened.page.keyboard.press("0")
    assert set(opened.value(transform)) == {"matrix(1, 0, 0, 1, 0, 0)"}


def test_the_slider_shows_kept_states(opened: "Opened") -> None:
    open_case(opened)
    image = "document.querySelectorAll('#panes .zoom img')[2].src"
    final = opened.value(image)
    opened.page.locator("#step").evaluate(
        "(s) => { s.value = 1; s.dispatchEvent(new Event('input')); }"
    )
    assert opened.page.locator("#step-text").inner_text() == "state after 10 steps"
    assert opened.value(image) != final
    assert "0.15" in opened.page.locator("#panes figcaption").nth(2).inner_text()
    opened.page.keyboard.press(".")
    opened.page.keyboard.press(".")
    assert opened.value(image) == final


def test_masks_are_laid_over_images(opened: "Opened") -> None:
    open_case(opened)
    assert opened.page.locator("#panes img.mask").count() == 0
    opened.page.keyboard.press("m")
    assert opened.page.locator("#panes img.mask").count() > 3
    opened.page.wait_for_timeout(200)
    opened.shot("mask")


def test_the_keyboard_reaches_everything(opened: "Opened") -> None:
    open_case(opened)
    title = opened.page.locator("#viewer-title")
    opened.page.keyboard.press("ArrowRight")
    assert "dev-0001" in title.inner_text()
    opened.page.keyboard.press("ArrowLeft")
    opened.page.keyboard.press("ArrowLeft")
    assert "dev-0039" in title.inner_text()
    chosen = opened.page.locator("#side-b").input_value()
    opened.page.keyboard.press("ArrowUp")
    assert opened.page.locator("#side-b").input_value() != chosen
    opened.page.keyboard.press("Escape")
    opened.until("!document.getElementById('viewer').open && location.hash === '#gallery'")
    opened.page.keyboard.press("2")
    opened.until("location.hash === '#tables'")
    opened.page.keyboard.press("/")
    opened.until("document.activeElement.id === 'search'")


def test_a_link_opens_one_case(opened: "Opened") -> None:
    open_case(opened, nth=5)
    link = opened.value("location.href")
    title = opened.page.locator("#viewer-title").inner_text()
    assert "#case=" in link
    opened.page.goto("about:blank")
    opened.page.goto(link)
    opened.page.wait_for_selector("#viewer[open]")
    assert opened.page.locator("#viewer-title").inner_text() == title
    opened.shot("case")


def test_dark_and_light(opened: "Opened") -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.value(colour)
    opened.page.locator("#theme").click()
    dark = opened.value(colour)
    assert dark != light
    opened.page.reload()
    assert opened.value(colour) == dark
    opened.shot("dark")
    opened.page.locator("#theme").click()
    opened.page.evaluate("localStorage.clear(); delete document.documentElement.dataset.theme")
    opened.page.emulate_media(color_scheme="dark")
    assert opened.value(colour) == dark


@pytest.mark.parametrize("width", [360, 768])
def test_no_page_scrolls_sideways(opened: "Opened", width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 740})
    for place in PAGES:
        opened.go(place)
        opened.page.wait_for_timeout(150)
        assert opened.value("document.documentElement.scrollWidth") <= width, place
        opened.shot(f"{width}-{place}")
    open_case(opened)
    assert opened.value("document.getElementById('viewer').scrollWidth") <= width
    opened.page.wait_for_timeout(200)
    opened.shot(f"{width}-case")


def test_hostile_text_is_shown_as_text(opened: "Opened") -> None:
    opened.go("gallery")
    assert "</script><img src=x" in opened.page.locator("#rows .who").first.inner_text()
    assert opened.page.locator("img[src='x'], img[onerror]").count() == 0
    for place in PAGES:
        opened.go(place)
    opened.go("case=</script><img src=x onerror=window.hacked=1>")
    opened.go("%22%3E%3Cimg%20src=x%20onerror=window.hacked=1%3E")
