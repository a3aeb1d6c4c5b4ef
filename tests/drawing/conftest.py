"""A browser for the tests of pages; they are skipped where there is none."""

import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    """A browser without a window."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def show(browser, tmp_path):
    """A function that opens a page; afterwards nothing was requested, and no error was logged.

    `ready` selects what the page has when it can be used.
    """
    wrong, requests = [], []
    context = browser.new_context(viewport={"width": 1200, "height": 800})

    def opened(text, more="", ready="#controls"):
        path = Path(tmp_path, "page.html")
        path.write_text(text, encoding="utf-8")
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + more)
        page.wait_for_selector(ready)
        assert requests == [path.as_uri() + more.partition("#")[0]]
        return page

    yield opened
    assert len(requests) == 1
    assert wrong == []
    context.close()
