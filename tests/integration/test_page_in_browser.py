"""The page in a real browser, before three real services with random weights."""

import re
import shutil
import statistics
from pathlib import Path

import pytest
from browser import Visit, open_browser
from services import Services

from shared.tasks import TASKS

AXE = Path(__file__).parents[1] / "assets" / "axe-core" / "axe.min.js"
VIEWS = ("send", "live", "links", "reports")
TOKEN = "a token of the tests"
# What the card of an answer holds, by the kind of the answer.
SHOWN = {
    "label": ".said + .bars li",
    "labels": ".said + .bars li",
    "text": "p.said",
    "transcript": "p.said",
    "image": ".pictures img",
}


@pytest.fixture(scope="module")
def services(tiny_weights, tiny_kin, tmp_path_factory):
    weights = tmp_path_factory.mktemp("both")
    for folder in (tiny_weights, tiny_kin):
        shutil.copytree(folder, weights, dirs_exist_ok=True)
    with Services(weights, tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def visit(services, browser):
    visiting = Visit(browser, services.urls["transmitter"])
    yield visiting
    visiting.close()


@pytest.mark.parametrize("task", TASKS)
def test_each_task_is_sent_and_its_answer_shown(visit, task):
    page = visit.open(f"?task={task}&channel=rayleigh")
    card = visit.answered("mfmsc")
    assert card.locator(SHOWN[TASKS[task].answer]).count() >= 1
    assert "realised" in card.locator(".numbers").inner_text()
    page.locator("#constellation-caption", has_text="symbols").wait_for()
    assert re.search(
        r"\d+ symbols; error after equalisation -?\d",
        page.locator("#constellation").get_attribute("aria-label"),
    )
    page.locator("#ledger li").nth(1).wait_for()
    assert page.locator("#latency .hops i").count() == 5
    assert visit.problems == []
    assert visit.requested_elsewhere() == []


def test_the_choices_are_in_the_address_and_come_back(visit):
    page = visit.open("?task=vqa")
    visit.answered("mfmsc")
    page.locator("#samples button").nth(2).click()
    page.locator("#snr").fill("-4")
    page.locator("select[name=channel]").select_option("rician")
    page.locator("input[name=k_factor_db]").fill("3")
    page.locator("input[name=k_factor_db]").press("Tab")
    visit.answered("mfmsc")
    text, address = page.locator("#input-text").input_value(), page.url
    page.goto("about:blank")
    page.goto(address)
    card = visit.answered("mfmsc")
    assert page.locator("#input-text").input_value() == text
    assert "-4.0 dB" in card.inner_text()
    assert page.locator("input[name=k_factor_db]").input_value() == "3"
    assert page.locator("#samples button[aria-pressed=true]").count() == 1


def test_a_text_of_one_s_own_comes_back_with_the_address(visit):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    page.locator("#input-text").fill("good film")
    page.wait_for_function("() => location.search.includes('text=good+film')")
    page.reload()
    visit.answered("mfmsc")
    assert page.locator("#input-text").input_value() == "good film"


def test_a_move_of_the_slider_shows_a_new_answer_at_once(visit):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    beyond_service_ms = []
    for snr_db in (3, -2, 8, 1, 6):
        shown_after_ms = page.evaluate(
            """(snr) => new Promise((resolve) => {
                const started = performance.now();
                new MutationObserver((_, observer) => {
                    const card = document.querySelector('#answer-mfmsc:not(.pending)');
                    if (!card?.innerText.includes(`requested ${snr.toFixed(1)} dB`)) return;
                    observer.disconnect();
                    resolve(performance.now() - started);
                }).observe(document.body, { subtree: true, childList: true, attributes: true });
                const slider = document.getElementById('snr');
                slider.value = snr;
                slider.dispatchEvent(new Event('input', { bubbles: true }));
            })""",
            snr_db,
        )
        total_ms = float(re.search(r"([\d.]+) ms in all", page.locator("#latency").inner_text())[1])
        beyond_service_ms.append(shown_after_ms - total_ms)
    assert statistics.median(beyond_service_ms) < 300


def test_several_systems_answer_one_request_over_the_same_draw(visit):
    page = visit.page
    with page.expect_response("**/transmit?*") as sent:
        visit.open("?task=vqa&systems=mfmsc,mmsc&channel=rayleigh&draw=5")
    outcomes = sent.value.json()
    assert [outcome["system"] for outcome in outcomes] == ["mfmsc", "mmsc"]
    assert {outcome["result"]["frame_number"] for outcome in outcomes} == {5}
    cards = [visit.answered(name) for name in ("mfmsc", "mmsc")]
    assert len([url for url in visit.requested if "/transmit?" in url]) == 1
    page.locator("#ledger li").nth(2).wait_for()
    page.locator("#answer-mmsc button").click()
    page.locator("#constellation-caption", has_text="mmsc").wait_for()
    page.locator("#systems label", has_text="mmsc").click()
    assert cards[1].count() == 0
    visit.answered("mfmsc")


def test_a_sweep_draws_a_curve_and_can_be_cancelled(visit):
    page = visit.open("?task=sentiment&systems=mfmsc,mfsc")
    visit.answered("mfmsc")
    page.locator("#sweep-draws").fill("50")
    page.locator("#sweep-start").click()
    page.locator("#sweep-state", has_text="sent").wait_for()
    page.locator("#sweep-cancel").click()
    page.locator("#sweep-state", has_text="Cancelled").wait_for()
    page.locator("#sweep-draws").fill("1")
    page.locator("#sweep-start").click()
    page.locator("#sweep-state", has_text="Done").wait_for()
    page.locator("#sweep-numbers summary").click()
    rows = page.locator("#sweep-table tbody tr").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["-6", "-3", "0", "3", "6", "9", "12", "15", "18"]
    assert all(0 <= float(value) <= 1 for row in rows for value in row.split()[1:])
    assert page.locator("#sweep-chart canvas").count() == 1


def test_a_wrong_file_and_a_wrong_setting_are_told_where_they_stand(visit):
    page = visit.open("?task=image_classification")
    visit.answered("mfmsc")
    wrong = {"name": "p.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("input[type=file]").set_input_files(wrong)
    message = page.locator('[data-field="image"] .error')
    message.wait_for()
    assert "a whole PNG, JPEG, WebP, BMP or GIF file" in message.inner_text()
    page.locator("#samples button").first.click()
    visit.answered("mfmsc")
    assert message.count() == 0
    page.locator("select[name=channel]").select_option("rician")
    page.locator("input[name=k_factor_db]").fill("400")
    page.locator("input[name=k_factor_db]").press("Tab")
    message = page.locator('[data-field="k_factor_db"] .error')
    message.wait_for()
    assert "400" in message.inner_text()


def test_a_stopped_receiver_is_named_and_its_return_is_seen_without_a_press(visit, services):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    services.stop("receiver")
    page.locator("#send-button").click()
    page.locator("#send-error", has_text="receiver").wait_for()
    services.start("receiver")
    visit.answered("mfmsc")
    assert page.locator("#send-error").is_hidden()


def test_a_system_that_fails_alone_says_why_in_its_own_card(visit):
    def fail_the_second(route):
        outcomes = route.fetch().json()
        outcomes[1] = {**outcomes[1], "result": None, "error": {"type": "TooLarge", "message": "too long"}}
        route.fulfill(json=outcomes)

    visit.page.route("**/transmit?*", fail_the_second)
    page = visit.open("?task=vqa&systems=mfmsc,mmsc")
    visit.answered("mfmsc")
    page.locator("#answer-mmsc .error", has_text="too long").wait_for()
    assert page.locator("#send-error").is_hidden()


# Status, headers and error of a service that is busy, and what the page says.
BUSY = (
    (
        (429, {"Retry-After": "1"}, "TooMany", "requests = '65' is not allowed; allowed: at most 64"),
        "at most 64. Try again in 1 s.",
    ),
    (
        (504, {}, "DeadlineExceeded", "transmitter did not answer within 30 s"),
        "transmitter did not answer within 30 s",
    ),
)


@pytest.mark.parametrize(("refusal", "words"), BUSY)
def test_a_busy_service_says_so_and_is_tried_again(visit, refusal, words):
    status, headers, kind, message = refusal
    refused = []

    def refuse_once(route):
        if refused:
            route.continue_()
            return
        refused.append(route)
        route.fulfill(status=status, headers=headers, json={"error": {"type": kind, "message": message}})

    visit.page.route("**/transmit?*", refuse_once)
    page = visit.open("?task=sentiment")
    page.locator("#send-error", has_text=words).wait_for()
    visit.answered("mfmsc")
    assert page.locator("#send-error").is_hidden()


def test_the_snr_falls_by_itself_and_stops_at_the_slider(visit):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    page.get_by_role("button", name="Let the SNR fall").click()
    page.wait_for_function("() => Number(document.getElementById('snr').value) <= 12")
    page.wait_for_function(
        "() => document.querySelector('#answer-mfmsc:not(.pending)')?.innerText.includes('requested 11.0 dB')"
    )
    page.locator("#snr").fill("20")
    page.get_by_role("button", name="Let the SNR fall").wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#snr").input_value() == "20"


def is_by_link(url):
    return "/transmit?" in url and "snr_db" not in url


def test_a_link_is_chosen_and_its_own_settings_hold(visit, services):
    visit.page.request.patch(f"{services.urls['channel_service']}/links/field", data={"snr_db": 7})
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    page.locator("#channel-fields select[name=link]").select_option("field")
    with page.expect_response(lambda response: is_by_link(response.url)) as sent:
        page.locator("select[name=settings]").select_option("link")
    result = sent.value.json()
    assert (result["link"], result["requested_snr_db"]) == ("field", 7)
    assert page.locator("#snr").is_hidden()
    with page.expect_response("**/transmit?*") as sent:
        page.locator("#send-button").click()
    assert sent.value.json()["frame_number"] == result["frame_number"] + 1
    assert "link=field&settings=link" in page.url


def test_a_recording_of_the_browser_is_understood_as_sound(visit):
    page = visit.open("?task=speech_recognition")
    visit.answered("mfmsc")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("button", name="Stop the recording").wait_for()
    page.wait_for_timeout(1200)
    with page.expect_response("**/transmit?*") as sent:
        page.get_by_role("button", name="Stop the recording").click()
    assert sent.value.status == 200, sent.value.text()
    visit.answered("mfmsc")


def test_a_picture_of_the_camera_is_sent(visit):
    page = visit.open("?task=image_classification")
    visit.answered("mfmsc")
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("() => document.querySelector('.preview video')?.videoWidth > 0")
    with page.expect_response("**/transmit?*") as sent:
        page.get_by_role("button", name="Take the picture").click()
    assert sent.value.status == 200, sent.value.text()


def test_a_picture_can_be_dropped_and_pasted(visit):
    page = visit.open("?task=image_classification")
    visit.answered("mfmsc")
    for event, target, carrier in (("drop", ".drop", "dataTransfer"), ("paste", "body", "clipboardData")):
        with page.expect_response("**/transmit?*") as sent:
            page.evaluate(
                """async ([event, target, carrier]) => {
                    const blob = await (await fetch('/page/samples/image_classification/ship.png')).blob();
                    const data = new DataTransfer();
                    data.items.add(new File([blob], 'ship.png', { type: 'image/png' }));
                    const made = new Event(event, { bubbles: true, cancelable: true });
                    Object.defineProperty(made, carrier, { value: data });
                    document.querySelector(target).dispatchEvent(made);
                }""",
                [event, target, carrier],
            )
        assert sent.value.status == 200
        visit.answered("mfmsc")


def test_everybody_s_frames_are_seen_live(visit, services):
    page = visit.open("?view=live")
    page.locator("#live-rate", has_text="frames").wait_for()
    page.wait_for_timeout(500)
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


def test_with_access_tokens_the_page_asks_for_one(browser, tiny_weights, tmp_path):
    with Services(tiny_weights, tmp_path, access_token=TOKEN) as services:
        visit = Visit(browser, services.urls["transmitter"])
        page = visit.open("?task=sentiment")
        page.locator("#token").fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        visit.answered("mfmsc")
        page.locator("#constellation-caption", has_text="symbols").wait_for()
        page.reload()
        visit.answered("mfmsc")
        assert not page.locator("#token-dialog").is_visible()
        visit.close()


def test_the_channel_service_sends_to_the_page(visit, services):
    page = visit.page
    page.goto(services.urls["channel_service"])
    assert page.url.startswith(f"{services.urls['transmitter']}/")
