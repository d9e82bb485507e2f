"""Where torch computes: on a CPU or a GPU, and in which precision."""

from __future__ import annotations

import torch

from shared.errors import InvalidField


def get_device(name: str) -> torch.device:
    """The device of that name, once it is seen to work; on a GPU, attention is set up for training.

    Raises:
        InvalidField: If torch finds no such device.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidField("device", name, f"cpu, or cuda where torch finds a GPU ({reason})") from error
    if device.type == "cuda":
        # cuDNN's attention makes a new plan for each length that it has not seen; other kernels do not.
        torch.backends.cuda.enable_cudnn_sdp(False)
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; a CPU that does not is ten times slower with it."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return bool(torch.cuda.is_bf16_supported())
