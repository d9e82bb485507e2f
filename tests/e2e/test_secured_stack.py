"""The three services with an access token and certificates of their own, as `semcom up` starts them."""

import pytest
import trustme

from semcom.api import Client, ServiceError
from semcom.stack import Stack

TOKEN = "a-token-of-a-class-2026"


@pytest.fixture
def secured(monkeypatch, tmp_path):
    """Settings in the environment, where the services and the client read them."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    paths = {name: tmp_path / f"{name}.pem" for name in ("certificate", "key", "authority")}
    certificate.cert_chain_pems[0].write_to_path(paths["certificate"])
    certificate.private_key_pem.write_to_path(paths["key"])
    authority.cert_pem.write_to_path(paths["authority"])
    monkeypatch.setenv("SEMCOM_ACCESS_TOKEN", TOKEN)
    for name, path in paths.items():
        monkeypatch.setenv(f"SEMCOM_TLS_{name.upper()}", str(path))
    return paths


def test_an_instance_crosses_and_strangers_are_refused(secured, tiny_weights, monkeypatch, tmp_path):
    with Stack.start(weights=tiny_weights, free_ports=True, run_folder=tmp_path / "run") as stack:
        assert stack.base_url.startswith("https://")
        with stack.client() as client:
            answer = client.transmit("sentiment", text="a fine film", snr_db=12.0, seed=1, frame_number=1)
            assert answer["answer"]["label"] in ("positive", "negative")
            assert client.set_link("lesson", snr_db=3.0)["snr_db"] == 3.0
            assert client.report("instances")[0]["task"] == "sentiment"
        monkeypatch.delenv("SEMCOM_ACCESS_TOKEN")
        urls = (stack.base_url, stack.channel_url)
        with Client(*urls, authority=secured["authority"]) as stranger:
            for refused in (
                lambda: stranger.transmit("sentiment", text="a fine film"),
                lambda: stranger.set_link("lesson", snr_db=30.0),
                lambda: stranger.report("instances"),
            ):
                with pytest.raises(ServiceError) as caught:
                    refused()
                assert caught.value.status == 401
        logs = "".join(path.read_text() for path in (tmp_path / "run").glob("*.log"))
    assert [service.status() for service in stack.services] == [0, 0, 0]
    assert '"status": 401' in logs
    assert logs.count('"event": "ready"') == 3
    assert TOKEN not in logs
