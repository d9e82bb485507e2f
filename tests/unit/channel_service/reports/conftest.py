"""An empty report store."""

import pytest

from channel_service.reports.store import Store


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "made" / "reports.sqlite3")


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()
