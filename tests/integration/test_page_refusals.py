"""What the page says, in a real browser, where a service refuses, is busy, is away, or asks for a token."""

import pytest
from browser import Visit
from services import Services

TOKEN = "a token of the tests"


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

    def refuse(route):
        route.fulfill(status=status, headers=headers, json={"error": {"type": kind, "message": message}})

    visit.page.route("**/transmit?*", refuse)
    page = visit.open("?task=sentiment")
    page.locator("#send-error", has_text=words).wait_for()
    page.unroute("**/transmit?*", refuse)
    visit.answered("mfmsc")
    assert page.locator("#send-error").is_hidden()


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
