"""Transmitter, channel and receiver in one process, for figures without a network.

`SemanticLink` runs the same sides, draws and equaliser as the services: its answers are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from channel_service.radio.channels import Channel, apply, draw
from channel_service.relay.frames import write_csi
from protos.semcom.v1 import frame_pb2
from receiver.equaliser import equalise_frame
from shared.errors import UnknownName, WeightsMismatch
from shared.source import Source
from shared.weights import find_weights
from systems.base import EncodedInstance, KnownLink, Received, ReceiverSystem, TaskAnswer, TransmitterSystem
from systems.loading import load_receivers, load_transmitters
from systems.registry import get_system
from systems.rows import Options, OptionValue


@dataclass(frozen=True)
class LinkAnswer:
    """One instance's way through the link.

    Attributes:
        answer: The receiver's.
        channel_uses: Complex symbols sent.
        payload_bytes: As float32.
        realised_snr_db: Measured on this frame [dB].
        information_bits: Of the source code; 0 without channel coding.
        coded_bits: That the symbols carry, signalling included; 0 without channel coding.
    """

    answer: TaskAnswer
    channel_uses: int
    payload_bytes: int
    realised_snr_db: float
    information_bits: int = 0
    coded_bits: int = 0


_Passed = tuple[EncodedInstance, Received, float]
"""What was sent, what the receiver has of it after its equaliser, and the SNR measured on the frame [dB]."""


def weights_of(weights: Path, system: str) -> tuple[Path, ...]:
    """The folders with a system's weights: one, or one a task.

    Raises:
        UnknownName: If `weights` holds none of that system.
    """
    folders = find_weights(weights)
    if system not in folders:
        raise UnknownName("system", system, ", ".join(folders) or "none: the folder holds no weights")
    return folders[system]


class SemanticLink:
    """The services' own parts in one process: encode -> draw, apply -> equalise -> decode.

    Args:
        transmitter: Of a system.
        receiver: Of the same system and weights.

    Raises:
        WeightsMismatch: If they are of different weights.
    """

    def __init__(self, transmitter: TransmitterSystem, receiver: ReceiverSystem) -> None:
        if transmitter.fingerprint != receiver.fingerprint:
            raise WeightsMismatch(transmitter.fingerprint, receiver.fingerprint)
        self.transmitter, self.receiver = transmitter, receiver

    @classmethod
    def load(cls, weights: Path, system: str) -> SemanticLink:
        """Both sides of a system from a folder of weights.

        Raises:
            UnknownName: If the folder holds no weights of the system.
        """
        weights_of(weights, system)  # raises where there are none
        return cls(load_transmitters(weights, [system])[system], load_receivers(weights, [system])[system])

    def send(
        self,
        task: str,
        sources: Sequence[Source],
        channels: Sequence[Channel],
        frame_numbers: Sequence[int],
        options: Options | None = None,
        *,
        csi: str = "perfect",
    ) -> list[list[LinkAnswer]]:
        """Encode instances of one task, send them over each channel, and have them answered.

        They are encoded once for all channels. A system that adapts to the link encodes them once for each
        of its choices.

        Args:
            task: Name of the task.
            sources: Instances.
            channels: Settings; a channel's seed and a frame's number fix the draw.
            frame_numbers: One an instance.
            options: Of the system; those that are absent take their default.
            csi: What the receiver knows of the gains. Channels have pilots for "estimated", and an error of
                the gains for "mismatched".

        Returns:
            For each channel the answers, in order.

        Raises:
            InvalidField: If the system has no such option, or a value is not allowed.
        """
        chosen = get_system(self.transmitter.name).read_options(task, options or {})
        encoded: dict[tuple[tuple[str, OptionValue], ...], list[EncodedInstance]] = {}
        passed: list[_Passed] = []
        answers: list[LinkAnswer] = []
        for channel in channels:
            adapted = self._adapt(chosen, channel)
            key = tuple(sorted(adapted.items()))
            if key not in encoded:
                encoded[key] = self.transmitter.encode(task, sources, adapted)
            passed += self._pass(encoded[key], channel, frame_numbers, csi)
            if sum(sent.symbols.size for sent, *_ in passed) >= self.receiver.symbols_at_a_time:
                answers += self._answer(task, passed)
                passed = []
        rest = iter(answers + self._answer(task, passed))
        return [list(islice(rest, len(sources))) for _ in channels]

    def encode(
        self, task: str, sources: Sequence[Source], channel: Channel, options: Options
    ) -> list[EncodedInstance]:
        """What is sent of instances of one task over a channel; for the arguments see `send`."""
        chosen = get_system(self.transmitter.name).read_options(task, options)
        return self.transmitter.encode(task, sources, self._adapt(chosen, channel))

    def _adapt(self, options: Options, channel: Channel) -> Options:
        """The options for a channel, as the transmitter's service takes them."""
        if not self.transmitter.needs_link(options):
            return options
        return self.transmitter.adapt(options, KnownLink(channel.model, channel.snr_db))

    def _pass(
        self, encoded: Sequence[EncodedInstance], channel: Channel, frame_numbers: Sequence[int], csi: str
    ) -> list[_Passed]:
        """Instances on the far side of a channel, in order."""
        passed = []
        for instance, number in zip(encoded, frame_numbers, strict=True):
            drawn = draw(channel, number, instance.symbols.shape)
            y, realised_snr_db = apply(instance.symbols, drawn)
            state = frame_pb2.ChannelState(csi=csi, noise_variance=drawn.noise_variance)
            write_csi(state, drawn)
            received = equalise_frame(y, state, self.receiver.equaliser).received
            passed.append((instance, received, realised_snr_db))
        return passed

    def _answer(self, task: str, passed: Sequence[_Passed]) -> list[LinkAnswer]:
        """The receiver's answers, in order."""
        answers = self.receiver.decode(task, [received for _, received, _ in passed]) if passed else []
        return [
            LinkAnswer(
                answer,
                sent.symbols.size,
                sent.symbols.nbytes,
                realised_snr_db,
                sent.information_bits,
                sent.coded_bits,
            )
            for answer, (sent, _, realised_snr_db) in zip(answers, passed, strict=True)
        ]
