"""The view Send in a real browser: every task, every kind of input, the channel's controls, the sweep."""

import re
import statistics

import pytest

from shared.tasks import TASKS

# What the card of an answer holds, by the kind of the answer.
SHOWN = {
    "label": ".said + .bars li",
    "labels": ".said + .bars li",
    "text": "p.said",
    "transcript": "p.said",
    "image": ".pictures img",
}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_is_sent_and_its_answer_shown(visit, task):
    page = visit.open(f"?task={task}&channel=rayleigh")
    card = visit.answered("mfmsc")
    assert card.locator(SHOWN[TASKS[task].answer.kind]).count() >= 1
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
    assert statistics.median(beyond_service_ms) < 600


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


def test_the_snr_falls_by_itself_and_stops_at_the_slider(visit):
    page = visit.open("?task=sentiment")
    visit.answered("mfmsc")
    page.get_by_role("button", name="Let the SNR fall").click()
    page.wait_for_function(
        """() => {
            const requested = document.getElementById('answer-mfmsc').innerText.match(/requested (\\S+) dB/);
            return requested && Number(requested[1]) <= 11;
        }"""
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
