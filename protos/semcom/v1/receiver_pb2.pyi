from protos.semcom.v1 import frame_pb2 as _frame_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecodeRequest(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[_frame_pb2.ReceivedFrame]
    def __init__(self, frames: _Optional[_Iterable[_Union[_frame_pb2.ReceivedFrame, _Mapping]]] = ...) -> None: ...

class DecodeResponse(_message.Message):
    __slots__ = ("answers", "decode_ms")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    DECODE_MS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    decode_ms: float
    def __init__(self, answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., decode_ms: _Optional[float] = ...) -> None: ...

class LabelScore(_message.Message):
    __slots__ = ("label", "probability")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    label: str
    probability: float
    def __init__(self, label: _Optional[str] = ..., probability: _Optional[float] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("instance_id", "labels", "scores", "text", "image_png", "post_equalisation_snr_db", "outage", "blocks_in_error")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_PNG_FIELD_NUMBER: _ClassVar[int]
    POST_EQUALISATION_SNR_DB_FIELD_NUMBER: _ClassVar[int]
    OUTAGE_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_IN_ERROR_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    scores: _containers.RepeatedCompositeFieldContainer[LabelScore]
    text: str
    image_png: bytes
    post_equalisation_snr_db: float
    outage: bool
    blocks_in_error: int
    def __init__(self, instance_id: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., scores: _Optional[_Iterable[_Union[LabelScore, _Mapping]]] = ..., text: _Optional[str] = ..., image_png: _Optional[bytes] = ..., post_equalisation_snr_db: _Optional[float] = ..., outage: _Optional[bool] = ..., blocks_in_error: _Optional[int] = ...) -> None: ...
