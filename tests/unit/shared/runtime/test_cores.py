"""Cores shared among batches that are at work at a time."""

import threading

import pytest
import torch

from shared.runtime import cores as cores_module
from shared.runtime.cores import Cores, count_cores, cpu_quota


def in_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def share_of(cores):
    with cores.share() as share:
        assert torch.get_num_threads() == share
        return share


def test_batches_at_work_together_split_the_cores_and_one_alone_has_them_all():
    cores = Cores(4)
    with cores.share() as alone:
        second = in_thread(lambda: share_of(cores))
        with cores.share():
            third = in_thread(lambda: share_of(cores))
    again = in_thread(lambda: share_of(cores))
    assert (alone, second, third, again) == (4, 2, 1, 4)


def test_nobody_gets_less_than_one_thread():
    cores = Cores(1)
    with cores.share():
        assert in_thread(lambda: share_of(cores)) == 1


def test_a_share_is_that_of_its_own_thread():
    before = torch.get_num_threads()
    in_thread(lambda: share_of(Cores(before + 3)))
    assert torch.get_num_threads() == before


V2, V1 = "0::/semcom.slice/a.scope\n", "4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "50000 100000"}, 0.5),
        (V2, {"semcom.slice/a.scope/cpu.max": "max 100000", "semcom.slice/cpu.max": "150000 100000"}, 1.5),
        (V2, {"semcom.slice/a.scope/cpu.max": "20000 100000", "semcom.slice/cpu.max": "max 100000"}, 0.2),
        (V2, {"semcom.slice/a.scope/cpu.max": "max 100000"}, float("inf")),
        (V2, {}, float("inf")),
        # A container of version 1 sees its own group as the root, under the name that the host gave it.
        (V1, {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        (
            V1,
            {
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "25000",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "50000",
            },
            0.5,
        ),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ("not a membership\n", {}, float("inf")),
    ],
)
def test_the_quota_is_the_smallest_of_all_groups(membership, files, quota, tmp_path):
    (tmp_path / "membership").write_text(membership)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert cpu_quota(tmp_path / "membership", tmp_path) == quota


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert cpu_quota(tmp_path / "nothing", tmp_path) == float("inf")


@pytest.mark.parametrize(("quota", "num_cores"), [(0.5, 1), (1.5, 2), (64.0, 4), (float("inf"), 4)])
def test_cores_are_those_that_the_quota_pays_for(quota, num_cores, monkeypatch):
    monkeypatch.setattr(cores_module.os, "sched_getaffinity", lambda _: set(range(4)))
    monkeypatch.setattr(cores_module, "cpu_quota", lambda: quota)
    assert count_cores() == num_cores
