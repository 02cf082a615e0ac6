"""A page of a synthetic store in headless Chromium; screenshots go to `build/screenshots`."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import report_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"


@dataclass
class Opened:
    """The open page, and everything that it complained about."""

    page: "Page"
    url: str
    faults: list[str]

    def go(self, place: str) -> None:
        self.page.goto(f"{self.url}#{place}")

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def until(self, script: str, seconds: float = 10) -> None:
        """Wait until a script is true. Playwright's own wait evaluates text in the page, which the
        page's policy forbids.
        """
        end = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < end, script
            self.page.wait_for_timeout(50)

    def value(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "expected Chromium; none was found; install the chromium package"
    with sync_playwright() as playwright:
        # as root, and with the little shared memory of a container
        args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=found, args=args)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page of 40 cases with hostile ids, prompts, tags, labels and claims."""
    from ids.report.pages.page import write_page
    from ids.results.selection import Selection

    root, hostile = tmp_path_factory.mktemp("report"), report_store.HOSTILE
    names = ("dds", "ids", f"x{hostile}")
    inputs = report_store.write_store(root / "store", 40, names, side=48, hostile=hostile)
    path, _ = write_page(Selection(root / "store"), root / "page", inputs)
    return path.as_uri()


@pytest.fixture(scope="session")
def scene_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page of one scene under two methods."""
    from ids.report.pages.page import write_page
    from ids.results.selection import Selection

    root = tmp_path_factory.mktemp("scenes")
    inputs = report_store.write_scene_store(root / "store")
    path, _ = write_page(Selection(root / "store"), root / "page", inputs)
    return path.as_uri()


@pytest.fixture
def opened(browser: "Browser", report: str) -> Iterator[Opened]:
    """The page of images, see `_opened`."""
    yield from _opened(browser, report)


@pytest.fixture
def scene_page(browser: "Browser", scene_report: str) -> Iterator[Opened]:
    """The page of scenes, see `_opened`."""
    yield from _opened(browser, scene_report)


def _opened(browser: "Browser", report: str) -> Iterator[Opened]:
    """The page at 1280 x 860 pixels. A console message, an error, a request that fails or leaves
    the disk, and hostile text that ran fail the test.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    opened = Opened(page, report, [])
    page.on("console", lambda message: opened.faults.append(message.text))
    page.on("pageerror", lambda error: opened.faults.append(str(error)))
    page.on("requestfailed", lambda request: opened.faults.append(f"failed: {request.url}"))
    page.on("request", lambda request: _check(request.url, opened.faults))
    opened.go("overview")
    yield opened
    assert opened.value("window.hacked") is None
    page.close()
    assert opened.faults == []


def _check(url: str, faults: list[str]) -> None:
    if not url.startswith(("file:", "data:")):
        faults.append(f"left the disk: {url}")
