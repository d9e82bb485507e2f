"""Cores shared among batches that are at work at a time."""

import threading

import torch

from shared.runtime.cores import Cores


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
