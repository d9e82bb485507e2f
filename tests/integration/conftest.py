"""Fixtures of the tests of the page: a real browser before three real services with random weights."""

import shutil

import pytest
from browser import Visit, open_browser


@pytest.fixture(scope="module")
def services(tiny_weights, tiny_variants, tmp_path_factory):
    """The three services with two kinds of systems; a file with other needs has its own."""
    from services import Services  # tests of one service alone need no torch

    weights = tmp_path_factory.mktemp("both")
    for folder in (tiny_weights, tiny_variants):
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
