"""Who may call: the token's comparison, the HTTP middleware, and what settings are refused at the start."""

import asyncio
import socket

import httpx
import pytest
import trustme
from prometheus_client import CollectorRegistry

from shared.errors import InvalidField, Unauthenticated
from shared.runtime.access import OPEN, Access, open_access
from shared.runtime.grpc_runtime import bind, build_server
from shared.runtime.http_runtime import build_app
from shared.runtime.settings import ReceiverSettings, load_settings

TOKEN = "a-token-of-a-class-2026"
BEARER = f"Bearer {TOKEN}"
SECURED = Access(TOKEN)


@pytest.fixture
def files(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    paths = {name: tmp_path / f"{name}.pem" for name in ("certificate", "key", "authority", "rubbish")}
    certificate.private_key_pem.write_to_path(paths["key"])
    certificate.cert_chain_pems[0].write_to_path(paths["certificate"])
    authority.cert_pem.write_to_path(paths["authority"])
    paths["rubbish"].write_text("no certificate")
    return paths


def lets_in(access, sent):
    try:
        access.check(sent)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("sent", [BEARER, f"bearer {TOKEN}", f"Bearer  {TOKEN} ", BEARER.encode()])
def test_the_token_lets_in(sent):
    assert lets_in(Access(TOKEN), sent)


@pytest.mark.parametrize(
    "sent",
    [None, "", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", BEARER + "x", BEARER[:-1], "Bearer é", b"\xff"],
)
def test_anything_else_does_not_and_is_not_shown(sent):
    with pytest.raises(Unauthenticated) as caught:
        Access(TOKEN).check(sent)
    assert TOKEN not in caught.value.message
    assert TOKEN not in repr(Access(TOKEN))


def test_without_a_token_everybody_may_call():
    assert lets_in(OPEN, None)
    assert not lets_in(Access(TOKEN), None)
    OPEN.check_metadata(None)


def get(path: str, headers: dict[str, str] | None = None, access: Access = SECURED) -> httpx.Response:
    async def ready() -> None:
        return None

    app = build_app(
        "t", "d", ready=ready, registry=CollectorRegistry(), access=access, open_paths=("/static/",)
    )

    @app.get("/static/page")
    @app.get("/links")
    async def links() -> str:
        return "links"

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(send())


@pytest.mark.parametrize(
    "path", ["/links", "/metrics", "/openapi.json", "/docs", "/nothing", "/readyzz/../links"]
)
def test_every_path_needs_the_token(path):
    refused = get(path)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.json()["error"]["type"] == "Unauthenticated"
    assert refused.json()["error"]["field"] == "authorization"
    assert get(path, {"Authorization": BEARER}).status_code in (200, 404)
    assert get(path, access=OPEN).status_code in (200, 404)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/page"])
def test_probes_and_open_paths_do_not(path):
    assert get(path).status_code == 200


def test_the_api_description_names_the_scheme_where_a_token_is_asked_for():
    described = get("/openapi.json", {"Authorization": BEARER}).json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "securitySchemes" not in get("/openapi.json", access=OPEN).json().get("components", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.7", "::1", "localhost"])
def test_loopback_needs_nothing(host):
    assert open_access(ReceiverSettings(host=host)) == OPEN


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "lab-machine"])
def test_a_network_needs_token_and_tls_or_the_word_insecure(host, files):
    tls = {"tls_certificate": files["certificate"], "tls_key": files["key"]}
    for settings in ({}, {"access_token": TOKEN}, tls):
        with pytest.raises(InvalidField, match="SEMCOM_HOST") as caught:
            open_access(ReceiverSettings(host=host, **settings))
        assert "SEMCOM_INSECURE=yes" in caught.value.message
    open_access(ReceiverSettings(host=host, access_token=TOKEN, **tls))
    open_access(ReceiverSettings(host=host, insecure=True))


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ({"tls_certificate": "certificate"}, "SEMCOM_TLS_KEY"),
        ({"tls_key": "key"}, "SEMCOM_TLS_CERTIFICATE"),
        ({"tls_authority": "authority"}, "SEMCOM_TLS_CERTIFICATE"),
        ({"tls_certificate": "rubbish", "tls_key": "key"}, "SEMCOM_TLS_CERTIFICATE"),
        ({"tls_certificate": "certificate", "tls_key": "rubbish"}, "SEMCOM_TLS_CERTIFICATE"),
        (
            {"tls_certificate": "certificate", "tls_key": "key", "tls_authority": "rubbish"},
            "SEMCOM_TLS_AUTHORITY",
        ),
    ],
)
def test_files_that_do_not_fit_are_named(names, field, files):
    with pytest.raises(InvalidField) as caught:
        open_access(ReceiverSettings(**{name: files[file] for name, file in names.items()}))
    assert caught.value.field == field


def test_a_missing_file_is_named(files, tmp_path):
    with pytest.raises(InvalidField, match=r"SEMCOM_TLS_CERTIFICATE = .*absent\.pem"):
        open_access(ReceiverSettings(tls_certificate=tmp_path / "absent.pem", tls_key=files["key"]))


@pytest.mark.parametrize(
    "token",
    [
        "swordfish",
        "swordfish-swordfish ",
        "\tswordfish-swordfish",
        "swordfish-swordfish\n",
        "swordfish" * 2 + "é",
    ],
)
def test_a_token_that_is_short_or_that_no_header_carries_is_refused_and_not_printed(
    token, monkeypatch, capsys
):
    monkeypatch.setenv("SEMCOM_ACCESS_TOKEN", token)
    with pytest.raises(SystemExit):
        load_settings(ReceiverSettings)
    said = capsys.readouterr().err
    assert "SEMCOM_ACCESS_TOKEN = (hidden)" in said
    assert "swordfish" not in said


def test_a_token_may_have_blanks_within(monkeypatch):
    monkeypatch.setenv("SEMCOM_ACCESS_TOKEN", "correct horse battery")
    access = open_access(load_settings(ReceiverSettings))
    assert lets_in(access, "Bearer correct horse battery")
    assert not lets_in(access, "Bearer correct horse")


def test_an_empty_token_counts_as_none(monkeypatch):
    monkeypatch.setenv("SEMCOM_ACCESS_TOKEN", "")
    assert open_access(load_settings(ReceiverSettings)).token is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
async def test_a_grpc_server_listens_where_its_http_side_does(host):
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6 address")

    server, _ = build_server(())
    returned = bind(server, host, 0, OPEN, "SEMCOM_RECEIVER_GRPC_PORT")
    assert returned


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True
