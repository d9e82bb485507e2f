"""Settings of the radio channel of a link."""

from __future__ import annotations

from dataclasses import dataclass, field

from channel_service.radio.random_streams import Complex


@dataclass(frozen=True)
class Channel:
    """Settings of one radio channel.

    Attributes:
        model: Name of a channel model in MODELS, e.g. awgn, rayleigh, rician.
        fading: Name of a fading in FADINGS: block, symbol or doppler.
        snr_db: Es/N0 per complex symbol [dB].
        k_factor_db: Rician: power of the line of sight over the power of the scattered paths [dB].
        seed: Seed, uint64; the draw depends on the seed and the frame number.
        num_pilots: Number of pilot symbols (1+0j) sent through the frame's gain; 0 for none.
        coherence_symbols: Block fading: number of symbols that share a gain; 0 for the whole frame.
        doppler_hz: Doppler fading: largest Doppler shift [Hz].
        frame_interval_ms: Doppler fading: time from the start of one frame to the start of the next [ms].
        nakagami_m: Nakagami: shape parameter m; m = 1 is Rayleigh.
        delay_spread_ns: TDL: root mean square delay spread [ns].
        symbol_rate_hz: Complex symbols a second [Hz]; TDL: the bandwidth.
        csi_error_db: Mean squared error of the gains that the receiver gets, over E|h|^2 [dB]; None for no
            error.
        trace_gains: Recorded gains, complex64, [num_gains], of unit mean power; None without a trace.
    """

    model: str = "awgn"
    fading: str = "block"
    snr_db: float = 12.0
    k_factor_db: float = 6.0
    seed: int = 0
    num_pilots: int = 0
    coherence_symbols: int = 0
    doppler_hz: float = 10.0
    frame_interval_ms: float = 1.0
    nakagami_m: float = 2.0
    delay_spread_ns: float = 100.0
    symbol_rate_hz: float = 1e6
    csi_error_db: float | None = None
    trace_gains: Complex | None = field(default=None, compare=False, repr=False)
