"""Random identifiers."""

import random

from shared.identifiers import new_uuid


def test_they_are_uuids_of_version_4_that_differ_and_no_seed_of_others_repeats_them():
    random.seed(0)
    first = [new_uuid() for _ in range(1000)]
    random.seed(0)
    second = [new_uuid() for _ in range(1000)]
    assert len({*first, *second}) == 2000
    assert {identifier.version for identifier in first} == {4}
