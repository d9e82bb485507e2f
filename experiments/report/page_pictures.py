"""Pictures of the web page for the README, taken in a real browser before the three services.

python -m experiments.report.page_pictures results

It needs Debian's Chromium (or the browser that SEMCOM_BROWSER names) and playwright, which `[dev]` installs.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from semcom.stack import Stack

WIDTH, HEIGHT = 1280, 980
_TIMEOUT_MS = 120_000


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: Of the file, without its ending.
        search: Of the page's address.
        scheme: light or dark.
        has_sweep: Whether a sweep is made and shown.
    """

    name: str
    search: str
    scheme: str
    has_sweep: bool = False


PICTURES = (
    Picture("page", "?task=image_reconstruction&snr_db=4&draw=3", "light"),
    Picture("page-sweep", "?task=vqa&channel=rayleigh&snr_db=0&draw=3", "dark", has_sweep=True),
)


def take_pictures(folder: Path) -> list[Path]:
    """Start the services, take every picture with every loaded system chosen, stop.

    Args:
        folder: Where the PNG files go.

    Returns:
        The files.
    """
    browser_path = os.environ.get("SEMCOM_BROWSER") or shutil.which("chromium")
    with Stack.start(free_ports=True) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        paths = [_take(browser, stack.base_url, picture, folder) for picture in PICTURES]
        browser.close()
    return paths


def _take(browser: Any, url: str, picture: Picture, folder: Path) -> Path:
    size = {"width": WIDTH, "height": HEIGHT}
    page = browser.new_page(viewport=size, color_scheme=picture.scheme, reduced_motion="reduce")
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(f"{url}/{picture.search}")
    _wait_for_answers(page)
    for chip in page.locator("#systems label:has(input:not(:checked))").all_inner_texts():
        page.locator("#systems label", has_text=chip).last.click()
    _wait_for_answers(page)
    if picture.has_sweep:
        page.locator("#sweep-start").click()
        page.locator("#sweep-state", has_text="Done").wait_for()
        page.evaluate("() => document.getElementById('cost-title').parentElement.scrollIntoView()")
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path)
    page.close()
    return path


def _wait_for_answers(page: Any) -> None:
    page.wait_for_function(
        "() => document.querySelector('.answer') && !document.querySelector('.answer.pending')"
    )
    page.locator("#constellation-caption", has_text="symbols").wait_for()


if __name__ == "__main__":
    for written in take_pictures(Path(sys.argv[1])):
        print(written)
