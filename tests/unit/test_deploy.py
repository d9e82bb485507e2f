"""What is deployed: Kubernetes manifests, valid by the published schemas, and the settings of containers."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from shared.runtime.settings import ChannelSettings, ReceiverSettings, TransmitterSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
RESOURCES = [
    resource
    for file in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    for resource in yaml.safe_load_all((FOLDER / file).read_text())
]
DEPLOYMENTS = {r["metadata"]["name"]: r for r in RESOURCES if r["kind"] == "Deployment"}
CONFIG = next(r["data"] for r in RESOURCES if r["kind"] == "ConfigMap")


def fault_of(resource, version):
    """What the published schema says against a resource; None where nothing."""
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return None


@pytest.mark.parametrize("version", ["1.30", "1.33"])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: f"{r['kind']}-{r['metadata']['name']}")
def test_each_resource_is_valid(resource, version):
    assert fault_of(resource, version) is None


def test_the_validator_refuses_what_is_wrong():
    wrong = {**DEPLOYMENTS["receiver"], "spec": {"replicas": "two"}}
    assert "replicas" in fault_of(wrong, "1.33")


def test_every_file_is_listed():
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"} == listed


@pytest.mark.parametrize("kind", ["Service", "Deployment"])
def test_each_service_has_a(kind):
    names = {r["metadata"]["name"] for r in RESOURCES if r["kind"] == kind}
    assert names == {"transmitter", "channel-service", "receiver"}


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "PodDisruptionBudget"])
def test_what_may_run_several_times_has_a(kind):
    assert {r["metadata"]["name"] for r in RESOURCES if r["kind"] == kind} == {"transmitter", "receiver"}
    assert DEPLOYMENTS["channel-service"]["spec"]["replicas"] == 1


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_selectors_find_their_pods_and_probes_their_ports(name):
    spec = DEPLOYMENTS[name]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    (service,) = (r for r in RESOURCES if r["kind"] == "Service" and r["metadata"]["name"] == name)
    for selector in (spec["selector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= labels.items()
    (container,) = spec["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
    exposed = (ROOT / name.replace("-", "_") / "Dockerfile").read_text().split("EXPOSE ")[1].splitlines()[0]
    assert sorted(map(int, exposed.split())) == sorted(ports.values())


def test_settings_are_settings_of_the_services():
    known = {
        f"SEMCOM_{field.upper()}"
        for cls in (TransmitterSettings, ChannelSettings, ReceiverSettings)
        for field in cls.model_fields
    }
    used = {
        v["name"] for d in DEPLOYMENTS.values() for v in d["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert CONFIG.keys() | used <= known
    assert "SEMCOM_ACCESS_TOKEN" in used


def test_containers_take_every_limit_of_the_example_with_its_default():
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=") for line in lines if line.startswith("SEMCOM_"))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    taken = {value for service in services for value in service["environment"].values()}
    limits = {name: value for name, value in example.items() if not name.endswith("_PORT")}
    assert {f"${{{name}:-{value}}}" for name, value in limits.items()} <= taken


@pytest.fixture
def probed():
    """A service that answers a probe with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status = 200
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["transmitter", "channel_service", "receiver"])
def test_health_checks_of_containers_go_past_a_proxy(name, probed):
    command = re.search(r"HEALTHCHECK .*\n +CMD (.*)", (ROOT / name / "Dockerfile").read_text())[1]
    _, *arguments = json.loads(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{probed.server_port}", command))
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    environment["http_proxy"] = "http://127.0.0.1:9"
    codes = []
    for probed.status in (200, 503):
        check = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, check=False
        )
        codes.append(check.returncode)
    assert codes == [0, 1]


@pytest.mark.parametrize("dockerfile", sorted(ROOT.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_what_an_image_copies_is_sent_to_its_build(dockerfile):
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile.read_text(), re.MULTILINE)
    assert copied
    assert {name.strip("/") for line in copied for name in line.split()} <= let_through
