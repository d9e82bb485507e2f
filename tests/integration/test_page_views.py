"""The views Live, Links and Reports in a real browser, and the way to the page."""

from pathlib import Path

import pytest


def test_everybody_s_frames_are_seen_live(visit, services):
    page = visit.page
    with page.expect_response("**/channel/frames?*"):  # from then on the page gets every frame
        visit.open("?view=live")
    page.locator("#live-rate", has_text="frames").wait_for()
    for link in ("here", "there"):
        page.request.patch(f"{services.urls['channel_service']}/links/{link}", data={"snr_db": 3})
        services.transmit("sentiment", {"text": (None, "good film")}, link=link)
    page.locator("#live-rows tr", has_text="there").wait_for()
    page.locator("input[name=live_link]").fill("here")
    page.locator("input[name=live_link]").press("Tab")
    page.wait_for_function("() => !document.getElementById('live-rows').innerText.includes('there')")
    assert page.locator("#live-rows tr", has_text="here").count() == 1
    assert visit.problems == []


def test_a_link_is_made_changed_scheduled_and_deleted(visit, services):
    page = visit.open("?view=links")
    page.locator("#new-link").fill("car")
    page.get_by_role("button", name="Create").click()
    page.locator("#link-form h2", has_text="car").wait_for()
    page.locator("#link-form [name=channel]").select_option("rayleigh")
    page.locator("#link-form [name=doppler_hz]").fill("-5")
    page.locator("#link-form [name=snr_schedule]").fill("0,20\n100,0")
    assert page.locator("#link-form .chart canvas").count() == 1
    page.get_by_role("button", name="Save").click()
    page.locator('[data-field="doppler_hz"] .error').wait_for()
    page.locator("#link-form [name=doppler_hz]").fill("70")
    page.get_by_role("button", name="Save").click()
    page.locator("#link-changes td", has_text="rayleigh").wait_for()
    link = services.get("channel_service", "/links/car").json()
    assert (link["channel"], link["doppler_hz"]) == ("rayleigh", 70)
    assert link["snr_schedule"]["snr_db"] == [20, 0]
    page.get_by_role("button", name="Delete this link").click()
    page.locator("#link-form h2", has_text="default").wait_for()
    assert services.get("channel_service", "/links/car").status_code == 404


def test_a_schedule_is_drawn_by_mouse_and_by_keys(visit, services):
    page = visit.open("?view=links")
    page.locator("#new-link").fill("drive")
    page.get_by_role("button", name="Create").click()
    page.locator("#link-form h2", has_text="drive").wait_for()
    for _ in range(3):
        page.get_by_role("button", name="Add a point").click()
    lines = page.locator("#link-form [name=snr_schedule]")
    assert lines.input_value() == "0,12\n100,12\n200,12"
    places = [page.get_by_role("slider", name=f"Point {number}").bounding_box()["x"] for number in (1, 2, 3)]
    assert places[2] - places[1] == pytest.approx(places[1] - places[0], abs=2)
    assert places[1] - places[0] > 100
    page.get_by_role("slider", name="Point 3").focus()
    for key in ("ArrowUp", "ArrowUp", "PageDown", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert lines.input_value() == "0,12\n100,12\n198,8"
    assert page.get_by_role("slider", name="Point 3").get_attribute("aria-valuetext") == "8.0 dB at 198"
    handle = page.get_by_role("slider", name="Point 2").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 1000, y - 40, steps=5)
    page.mouse.up()
    moved = lines.input_value().splitlines()[1].split(",")
    assert int(moved[0]) == 197, "a point stays between its neighbours"
    assert float(moved[1]) > 14
    page.get_by_role("slider", name="Point 1").focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Save").click()
    page.locator("#link-changes td", has_text="snr_schedule").wait_for()
    schedule = services.get("channel_service", "/links/drive").json()["snr_schedule"]
    assert (schedule["at"], schedule["snr_db"]) == ([197, 198], [float(moved[1]), 8])
    assert visit.problems == []


def test_reports_are_sorted_filtered_and_downloaded(visit, services):
    for text in ("good", "bad"):
        services.transmit("sentiment", {"text": (None, text)})
    page = visit.open("?view=reports&report=instances&report_task=sentiment")
    page.get_by_role("button", name="requested snr db").click()
    values = page.locator("#report-table tbody tr td.number").first
    values.wait_for()
    head = page.locator("th", has=page.get_by_role("button", name="requested snr db"))
    assert head.get_attribute("aria-sort") == "ascending"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("instance_id,")
    assert len(lines) >= 3
    page.locator("input[name=link]").fill("nowhere")
    page.locator("input[name=link]").press("Tab")
    page.get_by_text("No instance matches.").wait_for()


def test_the_channel_service_sends_to_the_page(visit, services):
    page = visit.page
    page.goto(services.urls["channel_service"])
    assert page.url.startswith(f"{services.urls['transmitter']}/")


def test_numbers_that_a_browser_s_own_cannot_hold_stay_exact(visit, services):
    largest, odd = 2**64 - 1, 2**53 + 1
    url = f"{services.urls['channel_service']}/links/exact"
    visit.page.request.patch(url, data=f'{{"seed": {largest}}}', headers={"Content-Type": "application/json"})
    page = visit.open("?view=links&edit=exact")
    seed = page.locator("#link-form [name=seed]")
    seed.wait_for()
    assert seed.input_value() == str(largest)
    seed.fill(str(odd))
    page.get_by_role("button", name="Save").click()
    page.locator("#link-changes td", has_text=str(odd)).wait_for()
    assert services.get("channel_service", "/links/exact").json()["seed"] == odd
    page = visit.open(f"?draw={odd}")
    page.get_by_role("button", name="New draw").click()
    page.wait_for_url(f"**draw={odd + 1}*")
