import base64
import json
import os
import subprocess
import sys

import pytest

from semcom.setting_options import RADIO_SETTINGS
from shared.link_settings import link_settings


def test_help_lists_every_command_without_loading_what_is_heavy():
    loaded = (
        "import sys; sys.argv = ['semcom', '--help']\n"
        "from semcom.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'grpc', 'experiments', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("up", "send", "link", "report", "tasks", "demo", "train", "evaluate", "data"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_terminal_cannot_show_is_replaced(service, encoding):
    service.answer = {**service.answer, "task": "text_reconstruction", "answer": {"text": "wait… 中"}}
    command = [sys.executable, "-m", "semcom.cli"]
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (
        ("send", "--task=text_reconstruction", "--text=x", f"--url={service.url}"),
        ("report", "overhead", f"--channel-url={service.url}"),
    ):
        done = subprocess.run([*command, *arguments], capture_output=True, env=variables, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert (b"wait? ?" if arguments[0] == "send" else b"?") in done.stdout
        service.answer = [{"task": "vqa", "num_instances": 1, "code_rate": None}]


def test_send_takes_every_setting_that_the_client_takes(semcom, service):
    options = [part for name in RADIO_SETTINGS for part in (f"--{name.replace('_', '-')}", "7")]
    assert semcom("send", "--task=sentiment", "--text=fine", *options)[0] == 0
    query = service.asked[0].query
    assert {name: float(query[name][0]) for name in RADIO_SETTINGS} == dict.fromkeys(RADIO_SETTINGS, 7.0)


def outcomes(service):
    picture = {
        **service.answer,
        "task": "image_reconstruction",
        "answer": {"image_png_base64": base64.b64encode(b"PNG").decode()},
    }
    error = {"type": "TaskNotTrained", "message": "task 'vqa' has no trained weights"}
    return [
        {"system": "mfmsc", "result": picture, "error": None},
        {"system": "mmsc", "result": None, "error": error},
        {"system": "separate", "result": {**picture, "outage": True}, "error": None},
    ]


def test_send_by_several_systems_shows_them_side_by_side(semcom, service, tmp_path):
    service.answer = outcomes(service)
    send = ("send", "--task=vqa", "--text=q", "--system=mfmsc,mmsc,separate")
    status, out, _ = semcom(*send, "-o", str(tmp_path / "got.png"))
    assert status == 0
    assert service.asked[0].query["system"] == ["mfmsc,mmsc,separate"]
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    assert "128" in lines["mfmsc"]
    assert "no trained weights" in lines["mmsc"]
    assert "yes" in lines["separate"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got-mfmsc.png", "got-separate.png"]
    status, out, _ = semcom(*send, "--json")
    assert json.loads(out) == service.answer


def test_send_passes_options_of_the_system_on(semcom, service):
    send = ("send", "--task=text_reconstruction", "--text=fine")
    assert semcom(*send, "--option", "symbols_per_token=8", "--option=mode=a=b")[0] == 0
    query = service.asked[0].query
    assert (query["symbols_per_token"], query["mode"]) == (["8"], ["a=b"])
    for wrong in (["--option=8"], ["--option==8"], ["--option=a=1", "--option=a=2"]):
        status, _, err = semcom(*send, *wrong)
        assert (status, "--option" in err) == (2, True)
    assert len(service.asked) == 1


def test_send_shows_answer_cost_and_latency(semcom):
    status, out, _ = semcom("send", "--task=vqa", "--text=q", "--snr-db=-6")
    assert status == 0
    for words in (
        "red 0.75",
        "rayleigh",
        "-6.10 dB",
        "channel uses",
        "16",
        "payload bytes",
        "128",
        "total ms",
        "15.00",
    ):
        assert words in out


@pytest.mark.parametrize(
    ("task", "answer", "shown"),
    [
        ("vqa", {"label": "yes", "probabilities": {"yes": 0.98}}, "yes 0.98"),
        (
            "movie_genres",
            {"labels": ["Drama", "War"], "probabilities": {"Drama": 0.9, "War": 0.6, "Comedy": 0.1}},
            "Drama 0.90, War 0.60",
        ),
        ("movie_genres", {"labels": [], "probabilities": {"Comedy": 0.1}}, "none"),
        ("text_reconstruction", {"text": "[bold]hello there"}, "[bold]hello there"),
        ("image_reconstruction", {"image_png_base64": "A" * 400}, "PNG picture, 300 bytes"),
    ],
)
def test_every_kind_of_answer_is_shown(semcom, service, task, answer, shown):
    service.answer = {**service.answer, "task": task, "answer": answer, "scores": {"psnr_db": 31.25}}
    status, out, _ = semcom("send", "--task", "vqa", "--text", "q")
    assert status == 0
    assert shown in out
    assert "31.25" in out


def test_a_picture_goes_into_a_file(semcom, service, tmp_path):
    png, target = b"\x89PNG and so on", tmp_path / "build" / "back.png"
    answer = {"image_png_base64": base64.b64encode(png).decode()}
    service.answer = {**service.answer, "task": "image_reconstruction", "answer": answer}
    status, out, _ = semcom("send", "--task", "image_reconstruction", "--text", "q", "--output", str(target))
    assert status == 0
    assert "PNG picture" in out
    assert target.read_bytes() == png


def test_an_answer_that_is_no_picture_is_shown_but_not_written(semcom, service, tmp_path):
    target = tmp_path / "back.png"
    status, out, err = semcom("send", "--task", "vqa", "--text", "q", "-o", str(target))
    assert status == 1
    assert "red 0.75" in out
    assert err.count("\n") == 1
    assert str(target) in err
    assert "the answer of vqa holds no picture" in err
    assert not target.exists()


def test_a_refusal_is_one_line_and_status_1(semcom, service):
    service.status = 404
    message = "task = 'nope' is not allowed; allowed: " + ", ".join(f"task_{number}" for number in range(40))
    service.answer = {"error": {"type": "UnknownName", "message": message}}
    assert semcom("send", "--task", "nope", "--text", "x") == (1, "", f"error: {message}\n")


def test_bad_usage_is_status_2(semcom, service, tmp_path):
    for args in (
        ("send",),
        ("send", "--task", "vqa", "--image", str(tmp_path / "nothing.png")),
        ("send", "--task", "vqa", "--snr-db", "loud"),
        ("report", "cost"),
        ("demo", "--snr-db", "0,x"),
        ("no-such-command",),
    ):
        status, out, err = semcom(*args)
        assert (status, out) == (2, "")
        assert err
    assert service.asked == []


def test_link_shows_and_sets(semcom, service):
    settings = {"name": "default", "channel": "awgn", "snr_db": 3.0, "num_pilots": 8}
    service.answer = [settings]
    status, out, _ = semcom("link")
    assert status == 0
    assert "awgn" in out
    service.answer = settings
    status, out, _ = semcom("link", "--snr-db", "3", "--json")
    assert (status, json.loads(out)) == (0, settings)
    assert semcom("link", "far", "--channel", "rician", "--k-factor-db", "-5")[0] == 0
    assert [(asked.method, asked.path) for asked in service.asked] == [
        ("GET", "/links"),
        ("PATCH", "/links/default"),
        ("PATCH", "/links/far"),
    ]
    assert json.loads(service.asked[2].body) == {"channel": "rician", "k_factor_db": -5.0}


def test_link_takes_every_setting_and_can_replace_and_delete(semcom, service):
    service.answer = {"name": "far", "channel": "nakagami", "snr_schedule": None, "record": ""}
    fields = {
        name: "walk" if setting.type == "string" else setting.maximum
        for name, setting in link_settings().items()
    }
    assert {"channel", "k_factor_db", "network_loss_rate", "record", "replay"} <= fields.keys()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in fields.items()]
    assert semcom("link", "far", *options, "--replace")[0] == 0
    assert (service.asked[0].method, service.asked[0].path) == ("PUT", "/links/far")
    assert json.loads(service.asked[0].body) == fields
    assert semcom("link", "far", "--delete") == (0, "", "")
    assert (service.asked[1].method, service.asked[1].path) == ("DELETE", "/links/far")
    assert semcom("link", "far", "--option", "blocked_share=0.5")[0] == 0
    assert json.loads(service.asked[2].body) == {"blocked_share": 0.5}


def test_link_follows_a_csv_file_and_stops_following(semcom, service, tmp_path):
    schedule = {"at": [0.0, 90.0], "snr_db": [20.0, -3.0], "over": "time_s", "interpolation": "hold"}
    service.answer = {"name": "far", "channel": "awgn", "snr_schedule": schedule}
    drive = tmp_path / "drive.csv"
    drive.write_text("at,snr_db\n0,20\n90,-3\n")
    status, out, _ = semcom(
        "link", "far", "--schedule", str(drive), "--schedule-over=time_s", "--schedule-interpolation=hold"
    )
    assert status == 0
    assert "20 dB at 0 … -3 dB at 90 (2 points)" in out
    asked = service.asked[0]
    assert (asked.method, asked.path, asked.content_type) == ("PUT", "/links/far/schedule", "text/csv")
    assert asked.query == {"over": ["time_s"], "interpolation": ["hold"], "repeats": ["false"]}
    assert asked.body == drive.read_bytes()
    assert semcom("link", "far", "--no-schedule")[0] == 0
    assert (service.asked[1].method, service.asked[1].path) == ("DELETE", "/links/far/schedule")


def test_link_shows_what_was_done_to_it(semcom, service):
    service.answer = [
        {"time": "2026-01-31T12:00:00Z", "origin": "http 127.0.0.1:5", "action": "set",
         "settings": {"snr_db": 3.0}}
    ]  # fmt: skip
    status, out, _ = semcom("link", "far", "--changes")
    assert status == 0
    for words in ("http 127.0.0.1:5", "set", "snr_db=3"):
        assert words in out
    assert json.loads(semcom("link", "far", "--changes", "--json")[1]) == service.answer
    assert service.asked[0].path == "/links/far/changes"


def test_tasks_tell_what_is_trained(semcom, service):
    row = {
        "name": "vqa",
        "modalities": ["image", "text"],
        "answer": "label",
        "metric": "accuracy",
        "description": "?",
    }
    service.answer = [{**row, "trained_in": ["mfmsc"]}, {**row, "name": "movie_genres", "trained_in": []}]
    status, out, _ = semcom("tasks")
    assert status == 0
    assert "image + text" in out
    assert "mfmsc" in out
    assert "not yet" in out
    assert json.loads(semcom("tasks", "--json")[1]) == service.answer


def test_latency_report_has_a_column_a_hop(semcom, service):
    hops = {"encode": 5.0, "uplink": 1.0, "channel": 2.0, "downlink": 1.5, "decode": 4.25, "total": 13.75}
    service.answer = [
        {"task": "vqa", "system": "mfmsc", "hop": hop, "num_instances": 9}
        | {f"{statistic}_ms": value for statistic in ("mean", "p50", "p90", "p99")}
        for hop, value in hops.items()
    ]
    status, out, _ = semcom("report", "latency")
    assert status == 0
    lines = [line for line in out.splitlines() if "p90" in line]
    assert len(lines) == 1
    assert "13.75" in lines[0]
    assert "4.25" in lines[0]
    assert json.loads(semcom("report", "latency", "--format", "json")[1]) == service.answer


def test_overhead_report_as_table_and_csv(semcom, service):
    service.answer = [{"task": "vqa", "system": "mfmsc", "num_instances": 9, "payload_bytes": 128.0}]
    status, out, _ = semcom("report", "overhead", "--task", "vqa")
    assert status == 0
    assert "payload bytes" in out
    assert " 128 " in out
    service.answer = "task,system\nvqa,mfmsc\n"
    assert semcom("report", "overhead", "--format", "csv") == (0, "task,system\nvqa,mfmsc\n", "")


def test_a_report_asks_for_what_the_options_say(semcom, service):
    service.answer = []
    options = {
        "group-by": "task,channel,snr_bin", "snr-bin-db": "3.0", "task": "vqa", "channel": "awgn",
        "fading": "block", "csi": "none", "status": "OK", "min-snr-db": "-3.0", "max-snr-db": "6.0",
        "since": "2026-01-01", "until": "2026-02-01",
    }  # fmt: skip
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    assert semcom("report", "overhead", *arguments)[0] == 0
    asked = {name.replace("-", "_"): [value] for name, value in options.items()}
    assert service.asked[0].query == asked


def test_reports_show_the_groups_they_have(semcom, service):
    hops = ("encode", "uplink", "channel", "downlink", "decode", "total")
    statistics = {f"{name}_ms": 2.5 for name in ("mean", "p50", "p90", "p99")}
    service.answer = [
        {"channel": "awgn", "snr_bin": 6.0, "hop": hop, "num_instances": 9, **statistics} for hop in hops
    ]
    _, out, _ = semcom("report", "latency", "--group-by", "channel,snr_bin")
    assert "snr_bin" in out
    assert "awgn" in out
    service.answer = [{"num_instances": 9, "num_failed": 0, "payload_bytes": 128.0}]
    assert "128" in semcom("report", "overhead", "--group-by", "")[1]


def test_the_papers_table_has_a_row_a_task_and_a_column_a_system(semcom, service):
    service.answer = [
        {"task": "vqa", "system": "mfmsc", "num_instances": 1, "kilobytes": 0.128},
        {"task": "vqa", "system": "separate", "num_instances": 1, "kilobytes": 1.5},
        {"task": "sentiment", "system": "mfmsc", "num_instances": 1, "kilobytes": 0.256},
    ]
    status, out, _ = semcom("report", "paper")
    assert status == 0
    vqa, sentiment = (
        next(line for line in out.splitlines() if name in line) for name in ("vqa", "sentiment")
    )
    assert "0.128" in vqa
    assert "1.500" in vqa
    assert "0.256" in sentiment
    assert "–" in sentiment


def test_instances_are_listed_with_outcome_and_cost(semcom, service):
    service.answer = [
        {
            "created": "2026-01-01T10:00:00Z", "task": "vqa", "system": "mfmsc", "link": "default",
            "channel": "awgn", "requested_snr_db": 6.0, "realised_snr_db": 5.87, "status": "OK",
            "payload_bytes": 128, "wire_bytes": 253, "total_ms": None,
        }
    ]  # fmt: skip
    status, out, _ = semcom("report", "instances", "--limit", "5", "--offset", "10")
    assert status == 0
    for words in ("01-01 10:00:00", "5.87", "253", "OK"):
        assert words in out
    assert service.asked[0].query == {"limit": ["5"], "offset": ["10"]}


def test_a_report_goes_into_a_file(semcom, service, tmp_path):
    service.answer = "task\nvqa\n"
    target = tmp_path / "report.parquet"
    assert semcom("report", "paper", "--format", "parquet", "-o", str(target)) == (0, "", "")
    assert target.read_text() == service.answer
    assert service.asked[0].query == {"format": ["parquet"]}


@pytest.mark.parametrize("kind", ["overhead", "paper", "latency", "instances"])
def test_an_empty_report_is_still_a_table(semcom, service, kind):
    service.answer = []
    assert semcom("report", kind)[0] == 0
