"""What the REST edge answers, documented field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, Field, create_model

from shared.answers import ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer
from shared.errors import SemcomError
from shared.ledger import HOPS, OVERHEAD
from shared.runtime.http_runtime import ErrorDetail
from shared.tasks import get_task
from systems.registry import DEFAULT_SYSTEM
from transmitter.instances import TransmitResult

if TYPE_CHECKING:
    OverheadAnswer = BaseModel
    LatencyAnswer = BaseModel
else:
    OverheadAnswer = create_model(
        "OverheadAnswer",
        __doc__="What the instance cost on the link.",
        **{own.name: (own.type, Field(description=own.help, examples=[own.example])) for own in OVERHEAD},
    )
    LatencyAnswer = create_model(
        "LatencyAnswer",
        __doc__="Time of every hop [ms]; `total` is their sum.",
        **{hop: (float, Field(description=f"{holds} [ms].", examples=[1.2])) for hop, holds in HOPS.items()},
    )


class TransmitAnswer(BaseModel):
    """The answer to one instance, the channel as applied, and what it cost."""

    request_id: str = Field(
        description="In the log lines of all services: from traceparent or X-Request-Id, else made.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    )
    instance_id: str = Field(
        description="Of the row in the report store.", examples=["3f0c8a52-6f6e-4f9f-9d55-0d1a8e0b6a11"]
    )
    task: str = Field(description="As asked for.", examples=["vqa"])
    system: str = Field(description="As asked for, or the default.", examples=[DEFAULT_SYSTEM])
    options: dict[str, int | float | str] = Field(
        description="Of the system, as the instance was sent; what was left to the link is chosen.",
        examples=[{"mcs": "16qam-1/2", "quality": 50}],
    )
    link: str = Field(description="Link the frame took.", examples=["default"])
    channel: str = Field(description="Channel model.", examples=["awgn"])
    fading: str = Field(description="block, symbol or doppler.", examples=["block"])
    csi: str = Field(description="perfect, estimated, mismatched or none.", examples=["perfect"])
    snr_db: float = Field(description="Requested Es/N0 per complex symbol [dB].", examples=[12.0])
    requested_snr_db: float = Field(description="The same as snr_db [dB].", examples=[12.0])
    realised_snr_db: float = Field(description="Measured on this frame [dB].", examples=[11.8])
    post_equalisation_snr_db: float = Field(
        description="As the receiver estimates it after its equaliser [dB].", examples=[11.9]
    )
    noise_variance: float = Field(description="Per complex symbol [linear].", examples=[0.0631])
    k_factor_db: float | None = Field(description="Rician K factor [dB]; null elsewhere.", examples=[None])
    network_delay_ms: float = Field(
        description="Of the link's emulated network, jitter included; downlink holds it [ms].", examples=[0.0]
    )
    frame_number: int = Field(description="Number of the frame on its link.", examples=[7])
    seed: int = Field(description="Seed of the draw.", examples=[0])
    fingerprint: str = Field(description="Of the weights at both ends.", examples=["9d41c0aa02f3be17"])
    answer: LabelAnswer | LabelsAnswer | TextAnswer | ImageAnswer = Field(
        description="What the receiver made of the frame; its shape depends on the task."
    )
    outage: bool = Field(
        description="True if something of the source did not come across (a wrong CRC, a file that cannot be "
        "read); the answer is then the best without it. Systems without channel coding have no outage.",
        examples=[False],
    )
    blocks_in_error: int = Field(description="Blocks of the channel code whose CRC is wrong.", examples=[0])
    unknown_pieces: int = Field(
        description="Word pieces of the text that the system's vocabulary cannot spell, such as an emoji, "
        "and characters that it leaves out, such as an accent that makes no letter; they cannot come back.",
        examples=[0],
    )
    scores: dict[str, float] = Field(
        description="psnr_db (picture, against the source as brought to 32x32 pixels) or bleu (reconstructed "
        "text, against the source); else empty.",
        examples=[{}],
    )
    overhead: OverheadAnswer
    latency_ms: LatencyAnswer

    @classmethod
    def of(cls, sent: TransmitResult) -> TransmitAnswer:
        """Flatten what came back."""
        frame, answer, state = sent.frame, sent.result.answer, sent.result.state
        has_k_factor = state.HasField("k_factor_db")
        return cls(
            instance_id=frame.instance_id,
            request_id=frame.request_id,
            task=frame.task,
            system=frame.system,
            options=dict(sent.options),
            link=state.link,
            channel=state.channel,
            fading=state.fading,
            csi=state.csi,
            snr_db=state.requested_snr_db,
            requested_snr_db=state.requested_snr_db,
            realised_snr_db=state.realised_snr_db,
            post_equalisation_snr_db=answer.post_equalisation_snr_db,
            noise_variance=state.noise_variance,
            k_factor_db=state.k_factor_db if has_k_factor else None,
            network_delay_ms=state.network_delay_ms,
            frame_number=state.frame_number,
            seed=state.seed,
            fingerprint=frame.fingerprint,
            answer=cast(Any, get_task(frame.task).answer.of(answer)),
            outage=answer.outage,
            blocks_in_error=answer.blocks_in_error,
            unknown_pieces=sent.num_unknown_pieces,
            scores=sent.scores,
            overhead=OverheadAnswer.model_validate(sent.result.overhead, from_attributes=True),
            latency_ms=LatencyAnswer.model_validate(sent.latency, from_attributes=True),
        )


class SystemOutcome(BaseModel):
    """What came of one system, where several were asked for: `result`, or `error` and null."""

    system: str = Field(description="Name of the system.", examples=[DEFAULT_SYSTEM])
    result: TransmitAnswer | None = Field(description="As for one system; null where it failed.")
    error: ErrorDetail | None = Field(description="Why it failed; null where it did not.")

    @classmethod
    def of(cls, system: str, outcome: TransmitResult | SemcomError) -> SystemOutcome:
        """Show what came of a system."""
        if isinstance(outcome, TransmitResult):
            return cls(system=system, result=TransmitAnswer.of(outcome), error=None)
        return cls(system=system, result=None, error=ErrorDetail.model_validate(outcome.to_dict()))


class TaskInfo(BaseModel):
    """One task of GET /tasks."""

    name: str = Field(examples=["vqa"])
    modalities: list[str] = Field(description="Fields to send.", examples=[["image", "text"]])
    answer: str = Field(description="Kind of answer.", examples=["label"])
    metric: str = Field(description="The paper's measure of the task.", examples=["accuracy"])
    description: str = Field(examples=["Answer a question about a picture."])
    trained_in: list[str] = Field(
        description="Loaded systems with trained weights for it.", examples=[[DEFAULT_SYSTEM]]
    )


class OptionInfo(BaseModel):
    """One option of a system."""

    name: str = Field(description="Of the parameter of POST /transmit.", examples=["quality"])
    description: str = Field(examples=["Quality of the picture's codec."])
    type: str = Field(description="integer, number or string.", examples=["integer"])
    unit: str = Field(description="Empty where the value has none.", examples=["percent"])
    default: int | float | str = Field(description="Taken where it is absent.", examples=[50])
    minimum: float | None = Field(description="Lowest value; null without a limit.", examples=[1])
    maximum: float | None = Field(description="Highest value; null without a limit.", examples=[100])
    choices: list[int | float | str] = Field(
        description="All allowed values; empty where the limits alone say it.", examples=[[]]
    )
    tasks: list[str] = Field(
        description="For which a client may choose; empty for all.", examples=[["image_reconstruction"]]
    )


class SystemInfo(BaseModel):
    """One loaded system of GET /systems."""

    name: str = Field(examples=[DEFAULT_SYSTEM])
    description: str = Field(examples=["One set of weights for all tasks."])
    profile: str = Field(
        description="Size of its networks; empty where the system has one size.", examples=["compact"]
    )
    fingerprint: str = Field(description="Of its weights.", examples=["9d41c0aa02f3be17"])
    tasks: list[str] = Field(description="Trained tasks.", examples=[["sentiment", "vqa"]])
    options: list[OptionInfo] = Field(
        description="What a client may choose for each instance, as parameters of POST /transmit.",
        examples=[[]],
    )
