"""The page by keyboard alone, and what axe-core finds in each view, light and dark, wide and narrow."""

import re
from pathlib import Path

import pytest
from browser import Visit

AXE = Path(__file__).parents[1] / "assets" / "axe-core" / "axe.min.js"
VIEWS = ("send", "live", "links", "reports")


def test_the_page_can_be_used_by_keyboard_alone(visit):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
        if seen[-1] == "snr":
            break
    assert {"task", "input-text", "snr"} <= set(seen)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "() => document.querySelector('#answer-mfmsc:not(.pending)')?.innerText.includes('11.5 dB')"
    )
    page.locator("input[name=task]:checked").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('task=text_reconstruction')")
    visit.answered("mfmsc")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_violation_of_accessibility_at_any_width(services, browser, view, scheme):
    visit = Visit(browser, services.urls["transmitter"], color_scheme=scheme, bypass_csp=True)
    page = visit.open(f"?view={view}&task=vqa")
    page.locator(f"#view-{view} .panel").first.wait_for()
    if view == "send":
        visit.answered("mfmsc")
    page.add_script_tag(path=AXE)
    for width in (1360, 380):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        serious = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found
                   if rule["impact"] in ("serious", "critical")]  # fmt: skip
        assert serious == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness < 64) == (scheme == "dark")
    visit.close()
