from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SymbolEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYMBOL_ENCODING_UNSPECIFIED: _ClassVar[SymbolEncoding]
    SYMBOL_ENCODING_FLOAT32: _ClassVar[SymbolEncoding]
    SYMBOL_ENCODING_FLOAT16: _ClassVar[SymbolEncoding]
    SYMBOL_ENCODING_INT8: _ClassVar[SymbolEncoding]
SYMBOL_ENCODING_UNSPECIFIED: SymbolEncoding
SYMBOL_ENCODING_FLOAT32: SymbolEncoding
SYMBOL_ENCODING_FLOAT16: SymbolEncoding
SYMBOL_ENCODING_INT8: SymbolEncoding

class Symbols(_message.Message):
    __slots__ = ("data", "shape", "encoding", "scale")
    DATA_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    shape: _containers.RepeatedScalarFieldContainer[int]
    encoding: SymbolEncoding
    scale: float
    def __init__(self, data: _Optional[bytes] = ..., shape: _Optional[_Iterable[int]] = ..., encoding: _Optional[_Union[SymbolEncoding, str]] = ..., scale: _Optional[float] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("instance_id", "frame_number", "task", "system", "fingerprint", "symbols", "source_bytes", "num_source_values", "encode_ms", "information_bits", "coded_bits", "num_blocks", "request_id")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    FRAME_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_BYTES_FIELD_NUMBER: _ClassVar[int]
    NUM_SOURCE_VALUES_FIELD_NUMBER: _ClassVar[int]
    ENCODE_MS_FIELD_NUMBER: _ClassVar[int]
    INFORMATION_BITS_FIELD_NUMBER: _ClassVar[int]
    CODED_BITS_FIELD_NUMBER: _ClassVar[int]
    NUM_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    frame_number: int
    task: str
    system: str
    fingerprint: str
    symbols: Symbols
    source_bytes: int
    num_source_values: int
    encode_ms: float
    information_bits: int
    coded_bits: int
    num_blocks: int
    request_id: str
    def __init__(self, instance_id: _Optional[str] = ..., frame_number: _Optional[int] = ..., task: _Optional[str] = ..., system: _Optional[str] = ..., fingerprint: _Optional[str] = ..., symbols: _Optional[_Union[Symbols, _Mapping]] = ..., source_bytes: _Optional[int] = ..., num_source_values: _Optional[int] = ..., encode_ms: _Optional[float] = ..., information_bits: _Optional[int] = ..., coded_bits: _Optional[int] = ..., num_blocks: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class ChannelState(_message.Message):
    __slots__ = ("link", "channel", "fading", "csi", "requested_snr_db", "realised_snr_db", "noise_variance", "frame_number", "seed", "k_factor_db", "gains", "received_pilots", "lost", "network_delay_ms")
    LINK_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FADING_FIELD_NUMBER: _ClassVar[int]
    CSI_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_SNR_DB_FIELD_NUMBER: _ClassVar[int]
    REALISED_SNR_DB_FIELD_NUMBER: _ClassVar[int]
    NOISE_VARIANCE_FIELD_NUMBER: _ClassVar[int]
    FRAME_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    K_FACTOR_DB_FIELD_NUMBER: _ClassVar[int]
    GAINS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_PILOTS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    NETWORK_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    link: str
    channel: str
    fading: str
    csi: str
    requested_snr_db: float
    realised_snr_db: float
    noise_variance: float
    frame_number: int
    seed: int
    k_factor_db: float
    gains: Symbols
    received_pilots: Symbols
    lost: bool
    network_delay_ms: float
    def __init__(self, link: _Optional[str] = ..., channel: _Optional[str] = ..., fading: _Optional[str] = ..., csi: _Optional[str] = ..., requested_snr_db: _Optional[float] = ..., realised_snr_db: _Optional[float] = ..., noise_variance: _Optional[float] = ..., frame_number: _Optional[int] = ..., seed: _Optional[int] = ..., k_factor_db: _Optional[float] = ..., gains: _Optional[_Union[Symbols, _Mapping]] = ..., received_pilots: _Optional[_Union[Symbols, _Mapping]] = ..., lost: _Optional[bool] = ..., network_delay_ms: _Optional[float] = ...) -> None: ...

class Overhead(_message.Message):
    __slots__ = ("source_bytes", "real_values", "channel_uses", "num_pilots", "payload_bytes", "message_bytes", "airtime_ms", "bandwidth_ratio", "wire_bytes", "information_bits", "coded_bits", "num_blocks", "code_rate")
    SOURCE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REAL_VALUES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    NUM_PILOTS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    AIRTIME_MS_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_RATIO_FIELD_NUMBER: _ClassVar[int]
    WIRE_BYTES_FIELD_NUMBER: _ClassVar[int]
    INFORMATION_BITS_FIELD_NUMBER: _ClassVar[int]
    CODED_BITS_FIELD_NUMBER: _ClassVar[int]
    NUM_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    CODE_RATE_FIELD_NUMBER: _ClassVar[int]
    source_bytes: int
    real_values: int
    channel_uses: int
    num_pilots: int
    payload_bytes: int
    message_bytes: int
    airtime_ms: float
    bandwidth_ratio: float
    wire_bytes: int
    information_bits: int
    coded_bits: int
    num_blocks: int
    code_rate: float
    def __init__(self, source_bytes: _Optional[int] = ..., real_values: _Optional[int] = ..., channel_uses: _Optional[int] = ..., num_pilots: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., message_bytes: _Optional[int] = ..., airtime_ms: _Optional[float] = ..., bandwidth_ratio: _Optional[float] = ..., wire_bytes: _Optional[int] = ..., information_bits: _Optional[int] = ..., coded_bits: _Optional[int] = ..., num_blocks: _Optional[int] = ..., code_rate: _Optional[float] = ...) -> None: ...

class ReceivedFrame(_message.Message):
    __slots__ = ("frame", "state", "overhead")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    state: ChannelState
    overhead: Overhead
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., state: _Optional[_Union[ChannelState, _Mapping]] = ..., overhead: _Optional[_Union[Overhead, _Mapping]] = ...) -> None: ...
