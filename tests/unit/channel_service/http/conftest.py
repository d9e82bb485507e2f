"""The HTTP app with an empty store."""

import pytest
from channel_app import Service


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path / "reports.sqlite3")
    yield made
    made.store.close()
