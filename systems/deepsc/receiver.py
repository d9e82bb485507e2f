"""The receiver of U-DeepSC and T-DeepSC."""

from __future__ import annotations

from shared.errors import InvalidField
from shared.tasks import Task, get_task
from shared.weights import Manifest
from systems.deepsc.config import grid_of, num_clip_tokens, num_symbols, picture_size, sends_every_token
from systems.deepsc.networks import ReceiverNetwork
from systems.layers.config import NetworkConfig
from systems.layers.profiles import Profile
from systems.learned import MAX_TOKENS, LearnedReceiver


class Receiver(LearnedReceiver):
    """x_hat -> channel decoders -> decoder with the task's queries -> head -> answer; see the base class."""

    @classmethod
    def build_network(cls, manifest: Manifest) -> ReceiverNetwork:
        """See the base class."""
        config = NetworkConfig.of(manifest.config)
        return ReceiverNetwork(config.sizes, manifest.tasks, manifest.labels, config.vocab_size)

    def check_shape(self, task: str, shape: tuple[int, ...]) -> None:
        """See the base class."""
        fewest, most = _num_rows(get_task(task), self._config.sizes)
        symbols = num_symbols(get_task(task))
        if len(shape) != 2 or not fewest <= shape[0] <= most or shape[1] != symbols:
            rows = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise InvalidField("symbols.shape", list(shape), f"[{rows}, {symbols}] for {task}")


def _num_rows(task: Task, profile: Profile) -> tuple[int, int]:
    """Fewest and most rows of a task's frame."""
    if not sends_every_token(task):
        return 1, 1
    (modality,) = task.modalities
    if modality == "video":
        return (num_clip_tokens(profile),) * 2
    if modality == "image":
        _, rows, columns = grid_of(picture_size(task, profile))
        return (rows * columns,) * 2
    return 1, profile.max_text_tokens if modality == "text" else MAX_TOKENS
