"""A field of the ledger is declared once, and the wire contract holds it."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from protos.semcom.v1 import frame_pb2, receiver_pb2
from shared.ledger import LEDGER, OVERHEAD, OVERHEAD_NAMES, RECEIVER_NAMES, Overhead

_TYPES = {
    int: {FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_UINT32},
    float: {FieldDescriptor.TYPE_DOUBLE},
    bool: {FieldDescriptor.TYPE_BOOL},
}


def types_of(message) -> dict[str, int]:
    return {field.name: field.type for field in message.DESCRIPTOR.fields}


def test_the_contract_has_every_field_with_its_type():
    sent, answered = types_of(frame_pb2.Overhead), types_of(receiver_pb2.Answer)
    assert sent.keys() == set(OVERHEAD_NAMES)
    for own in LEDGER:
        contract = answered if own.is_of_receiver else sent
        assert contract[own.name] in _TYPES[own.type], own.name


def test_an_overhead_is_written_field_by_field():
    overhead = Overhead(**{own.name: own.type(number) for number, own in enumerate(OVERHEAD, 1)})
    message = frame_pb2.Overhead()
    overhead.write(message)
    assert [getattr(message, name) for name in OVERHEAD_NAMES] == list(range(1, len(OVERHEAD) + 1))


def test_reports_state_means_of_numbers_and_counts_of_what_is_true():
    names = {own.name: own.report_name for own in LEDGER}
    assert names["outage"] == "num_outages"
    assert names["blocks_in_error"] == "blocks_in_error"
    assert set(RECEIVER_NAMES) == {"blocks_in_error", "outage"}
    with pytest.raises(TypeError):
        Overhead(source_bytes=1)
