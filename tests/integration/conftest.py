"""Three real services with random weights in this process for the session, and a real browser before them."""

import shutil

import pytest
from browser import Visit, open_browser
from channel_harness import channel_service


@pytest.fixture
async def harness(tmp_path):
    """The channel service over real gRPC before a receiver whose answers the test chooses."""
    async with channel_service(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def services(tiny_weights, tiny_variants, tmp_path_factory):
    """The three services with two kinds of systems; a test that stops one starts it again."""
    from services import Services  # tests of one service alone need no torch

    weights = tmp_path_factory.mktemp("both")
    for folder in (tiny_weights, tiny_variants):
        shutil.copytree(folder, weights, dirs_exist_ok=True)
    with Services(weights, tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="module")
def browser():
    """Of a file of tests: while it is open, its event loop runs, and no other test could start one."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def visit(services, browser):
    visiting = Visit(browser, services.urls["transmitter"])
    yield visiting
    visiting.close()
