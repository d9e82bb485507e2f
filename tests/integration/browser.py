"""A real browser for tests of the page: Debian's Chromium, or the one that SEMCOM_BROWSER names."""

import os
import shutil
from contextlib import contextmanager

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# A microphone and a camera that need no device and no leave; tests may run as root, where the sandbox cannot.
_ARGUMENTS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@contextmanager
def open_browser():
    """A browser; the test skips where none is installed."""
    path = os.environ.get("SEMCOM_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: one of {', '.join(_NAMES)}, e.g. apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


class Visit:
    """One page of a browser, with what it logged and requested.

    Args:
        browser: Of `open_browser`.
        url: Of the transmitter, without a slash at its end.
        options: Of the browser's context, such as viewport or color_scheme.
    """

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(reduced_motion="reduce", **options)
        self.url, self.page = url, self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.problems, self.requested = [], []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requested.append(request.url))

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def open(self, search=""):
        """Go to an address of the page."""
        self.page.goto(f"{self.url}/{search}")
        return self.page

    def answered(self, system):
        """The card of a system, once its answer is there."""
        self.page.locator(f"#answer-{system}:not(.pending) .numbers").wait_for()
        return self.page.locator(f"#answer-{system}")

    def requested_elsewhere(self):
        """What was requested beyond the page's own service; pictures of the page itself are no requests."""
        own = (f"{self.url}/", "data:", f"blob:{self.url}/")
        return [url for url in self.requested if not url.startswith(own)]

    def close(self):
        self.context.close()
