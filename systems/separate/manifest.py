"""Writes the manifest of the system `separate`, which has no tensors.

python -m systems.separate.manifest WEIGHTS

The manifest names the weights of the clean model by their fingerprint, so it is written again after each
training of those.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from shared.weights import Manifest, find_weights, load_joint_manifest, save_weights
from systems.layers.profiles import get_profile
from systems.registry import DEFAULT_SYSTEM, get_system
from systems.separate.config import SeparateConfig

SYSTEM = "separate"


def write_manifest(weights: Path) -> Manifest:
    """Write the manifest with the tasks and labels of the clean model, which is the default system.

    Args:
        weights: Folder that holds a folder of weights for each system.

    Returns:
        The manifest as written.

    Raises:
        KeyError: If the folder holds no weights of the clean model.
    """
    clean = load_joint_manifest(find_weights(weights)[DEFAULT_SYSTEM])
    sizes = get_profile(str(clean.config["profile"]))
    config = SeparateConfig(clean.system, clean.fingerprint, sizes.video_frames, sizes.video_size)
    manifest = Manifest(get_system(SYSTEM).name, clean.tasks, clean.labels, config.to_json())
    return save_weights(weights / SYSTEM, manifest, {}, None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the manifest of the system that has no tensors.")
    parser.add_argument("weights", type=Path, help="folder of the weights of all systems")
    print(write_manifest(parser.parse_args().weights).fingerprint)
