from protos.semcom.v1 import frame_pb2 as _frame_pb2
from protos.semcom.v1 import receiver_pb2 as _receiver_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LinkSettings(_message.Message):
    __slots__ = ("channel", "fading", "snr_db", "k_factor_db", "csi", "num_pilots", "seed", "symbol_rate_hz", "coherence_symbols", "doppler_hz", "frame_interval_ms", "nakagami_m", "delay_spread_ns", "csi_error_db", "trace", "snr_schedule", "network_delay_ms", "network_jitter_ms", "network_loss_rate", "record", "replay", "parameters", "num_subcarriers")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FADING_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    K_FACTOR_DB_FIELD_NUMBER: _ClassVar[int]
    CSI_FIELD_NUMBER: _ClassVar[int]
    NUM_PILOTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    COHERENCE_SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    DOPPLER_HZ_FIELD_NUMBER: _ClassVar[int]
    FRAME_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    NAKAGAMI_M_FIELD_NUMBER: _ClassVar[int]
    DELAY_SPREAD_NS_FIELD_NUMBER: _ClassVar[int]
    CSI_ERROR_DB_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    SNR_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    NETWORK_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_JITTER_MS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_LOSS_RATE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    NUM_SUBCARRIERS_FIELD_NUMBER: _ClassVar[int]
    channel: str
    fading: str
    snr_db: float
    k_factor_db: float
    csi: str
    num_pilots: int
    seed: int
    symbol_rate_hz: float
    coherence_symbols: int
    doppler_hz: float
    frame_interval_ms: float
    nakagami_m: float
    delay_spread_ns: float
    csi_error_db: float
    trace: str
    snr_schedule: SnrSchedule
    network_delay_ms: float
    network_jitter_ms: float
    network_loss_rate: float
    record: str
    replay: str
    parameters: _containers.ScalarMap[str, float]
    num_subcarriers: int
    def __init__(self, channel: _Optional[str] = ..., fading: _Optional[str] = ..., snr_db: _Optional[float] = ..., k_factor_db: _Optional[float] = ..., csi: _Optional[str] = ..., num_pilots: _Optional[int] = ..., seed: _Optional[int] = ..., symbol_rate_hz: _Optional[float] = ..., coherence_symbols: _Optional[int] = ..., doppler_hz: _Optional[float] = ..., frame_interval_ms: _Optional[float] = ..., nakagami_m: _Optional[float] = ..., delay_spread_ns: _Optional[float] = ..., csi_error_db: _Optional[float] = ..., trace: _Optional[str] = ..., snr_schedule: _Optional[_Union[SnrSchedule, _Mapping]] = ..., network_delay_ms: _Optional[float] = ..., network_jitter_ms: _Optional[float] = ..., network_loss_rate: _Optional[float] = ..., record: _Optional[str] = ..., replay: _Optional[str] = ..., parameters: _Optional[_Mapping[str, float]] = ..., num_subcarriers: _Optional[int] = ...) -> None: ...

class SnrSchedule(_message.Message):
    __slots__ = ("over", "interpolation", "at", "snr_db", "repeats")
    OVER_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    over: str
    interpolation: str
    at: _containers.RepeatedScalarFieldContainer[float]
    snr_db: _containers.RepeatedScalarFieldContainer[float]
    repeats: bool
    def __init__(self, over: _Optional[str] = ..., interpolation: _Optional[str] = ..., at: _Optional[_Iterable[float]] = ..., snr_db: _Optional[_Iterable[float]] = ..., repeats: _Optional[bool] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("name", "settings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: LinkSettings
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[LinkSettings, _Mapping]] = ...) -> None: ...

class GetLinkRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SetLinkRequest(_message.Message):
    __slots__ = ("link", "replace")
    LINK_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    link: Link
    replace: bool
    def __init__(self, link: _Optional[_Union[Link, _Mapping]] = ..., replace: _Optional[bool] = ...) -> None: ...

class RelayRequest(_message.Message):
    __slots__ = ("link", "overrides", "frames", "resent")
    LINK_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    RESENT_FIELD_NUMBER: _ClassVar[int]
    link: str
    overrides: LinkSettings
    frames: _containers.RepeatedCompositeFieldContainer[_frame_pb2.Frame]
    resent: bool
    def __init__(self, link: _Optional[str] = ..., overrides: _Optional[_Union[LinkSettings, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[_frame_pb2.Frame, _Mapping]]] = ..., resent: _Optional[bool] = ...) -> None: ...

class RelayResponse(_message.Message):
    __slots__ = ("results", "timings")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[InstanceResult]
    timings: HopTimings
    def __init__(self, results: _Optional[_Iterable[_Union[InstanceResult, _Mapping]]] = ..., timings: _Optional[_Union[HopTimings, _Mapping]] = ...) -> None: ...

class InstanceResult(_message.Message):
    __slots__ = ("answer", "state", "overhead")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_FIELD_NUMBER: _ClassVar[int]
    answer: _receiver_pb2.Answer
    state: _frame_pb2.ChannelState
    overhead: _frame_pb2.Overhead
    def __init__(self, answer: _Optional[_Union[_receiver_pb2.Answer, _Mapping]] = ..., state: _Optional[_Union[_frame_pb2.ChannelState, _Mapping]] = ..., overhead: _Optional[_Union[_frame_pb2.Overhead, _Mapping]] = ...) -> None: ...

class HopTimings(_message.Message):
    __slots__ = ("channel_ms", "downlink_ms", "decode_ms", "residence_ms")
    CHANNEL_MS_FIELD_NUMBER: _ClassVar[int]
    DOWNLINK_MS_FIELD_NUMBER: _ClassVar[int]
    DECODE_MS_FIELD_NUMBER: _ClassVar[int]
    RESIDENCE_MS_FIELD_NUMBER: _ClassVar[int]
    channel_ms: float
    downlink_ms: float
    decode_ms: float
    residence_ms: float
    def __init__(self, channel_ms: _Optional[float] = ..., downlink_ms: _Optional[float] = ..., decode_ms: _Optional[float] = ..., residence_ms: _Optional[float] = ...) -> None: ...

class PropagateRequest(_message.Message):
    __slots__ = ("link", "overrides", "frames")
    LINK_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    link: str
    overrides: LinkSettings
    frames: _containers.RepeatedCompositeFieldContainer[_frame_pb2.Frame]
    def __init__(self, link: _Optional[str] = ..., overrides: _Optional[_Union[LinkSettings, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[_frame_pb2.Frame, _Mapping]]] = ...) -> None: ...

class PropagateResponse(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[_frame_pb2.ReceivedFrame]
    def __init__(self, frames: _Optional[_Iterable[_Union[_frame_pb2.ReceivedFrame, _Mapping]]] = ...) -> None: ...

class CompleteInstancesRequest(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[InstanceTimings]
    def __init__(self, instances: _Optional[_Iterable[_Union[InstanceTimings, _Mapping]]] = ...) -> None: ...

class InstanceTimings(_message.Message):
    __slots__ = ("instance_id", "uplink_ms", "total_ms")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    UPLINK_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    uplink_ms: float
    total_ms: float
    def __init__(self, instance_id: _Optional[str] = ..., uplink_ms: _Optional[float] = ..., total_ms: _Optional[float] = ...) -> None: ...

class CompleteInstancesResponse(_message.Message):
    __slots__ = ("num_completed",)
    NUM_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    num_completed: int
    def __init__(self, num_completed: _Optional[int] = ...) -> None: ...
