"""VGGish as a perceptual distance of two mels: the only module that knows torchvggish and its weights.

Transfer does not need it. Training runs without it where its weights cannot be downloaded.
"""

import hashlib
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylebox.core.audio.filter_banks import mel_frequencies
from stylebox.core.config import MelConfig
from stylebox.core.errors import ModelError
from stylebox.core.files import atomic_path
from stylebox.core.models.frozen import freeze
from stylebox.core.paths import home
from stylebox.core.progress import Progress, ProgressCallback, silent

WEIGHTS_SHA256 = "10086976245803799d9194e9a73d9b6c1549c71d1b80106f5cade5608a561f4b"

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0
_VGGISH_WINDOW_SAMPLES = 400  # 25 ms at its 16 kHz
_VGGISH_FFT = 512


class VGGishInput(nn.Module):
    """From our mel to the input of VGGish: a differentiable approximation that needs no audio.

    The input of VGGish is log(magnitude + 0.01) in 64 HTK bands from 125 to 7500 Hz, 100 frames per second. Our mel is
    power in dB in Slaney bands with a longer window. The steps are: dB to magnitude, interpolation to the FFT bins of
    VGGish, sum over its bands, resampling in time, logarithm. The level of noise is right to 1 dB. So is the peak of a
    pure tone, but not its skirts, which depend on the window.

    Args:
        config: Settings of our mel.

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)`` in [-1, 1] -> ``(B, 1, T', 64)``, T' = T at 100 frames per second, and
        at least 96 (one patch of VGGish).
    """

    resample: Tensor

    def __init__(self, config: MelConfig) -> None:
        from torchvggish import vggish_params  # slow to import: its package imports numba, through resampy

        super().__init__()
        self.config = config
        self.frames_per_second = 1 / vggish_params.STFT_HOP_LENGTH_SECONDS
        self.min_frames: int = vggish_params.NUM_FRAMES
        self.log_offset: float = vggish_params.LOG_OFFSET
        self.register_buffer("resample", torch.from_numpy(_band_matrix(config)), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Convert the mel."""
        c = self.config
        mel = mel.squeeze(1) if mel.dim() == 4 else mel
        db = (mel + 1) / 2 * (c.ceiling_db - c.floor_db) + c.floor_db
        magnitude = self.resample @ torch.pow(10.0, db / 20)
        frames = max(round(mel.shape[-1] * self.frames_per_second / c.frames_per_second), self.min_frames)
        magnitude = F.interpolate(magnitude, size=frames, mode="linear", align_corners=False)
        return torch.log(magnitude + self.log_offset).mT[:, None]


class VGGishFeatures(nn.Module):
    """Maps of the six convolutions of VGGish, from a mel. The weights are frozen; the mel receives the gradient.

    VGGish was trained on patches of 96 frames by 64 bands. Its convolutions take any length, so the whole clip is one
    input without seams.

    Shape:
        ``(B, M, T)`` or ``(B, 1, M, T)`` in [-1, 1] -> six maps ``(B, C, H, W)``, C from 64 to 512.

    Reference:
        Hershey et al. (2017). arXiv:1609.09430.
    """

    def __init__(self, config: MelConfig, weights: dict[str, Tensor] | None = None) -> None:
        """Make the network and freeze it.

        Args:
            config: Settings of the mel.
            weights: State dict of torchvggish; None leaves the weights random, for tests.

        Raises:
            ModelError: The weights do not fit VGGish.
        """
        from torchvggish import torchvggish

        super().__init__()
        self.input = VGGishInput(config)
        self.layers = torchvggish.make_layers()
        if weights is not None:
            prefix = "features."
            mine = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
            try:
                self.layers.load_state_dict(mine)
            except RuntimeError as error:
                raise ModelError("VGGish weights do not fit torchvggish's network; delete them and retry") from error
        freeze(self)

    def forward(self, mel: Tensor) -> list[Tensor]:
        """Compute the maps."""
        x, maps = self.input(mel), []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                maps.append(x)
        return maps


def load_features(config: MelConfig, progress: ProgressCallback = silent) -> VGGishFeatures:
    """VGGish with its trained weights, which are downloaded once to the user data directory (about 290 MB).

    Args:
        config: Settings of the mel.
        progress: Called as the download goes on.

    Raises:
        ModelError: The weights cannot be downloaded or read. Training can run without them.
    """
    from torchvggish import torchvggish

    url = torchvggish.VGGISH_WEIGHTS
    path = home() / "cache" / url.rsplit("/", 1)[-1]
    if not path.exists():
        download(url, path, WEIGHTS_SHA256, progress)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on a damaged file
        raise ModelError(f"{path}: cannot be read as VGGish weights; delete it and retry") from error
    return VGGishFeatures(config, weights)


def download(
    url: str,
    path: Path,
    sha256: str,
    progress: ProgressCallback = silent,
    urlopen: Callable[..., Any] = urllib.request.urlopen,
) -> None:
    """Download a file. It appears at `path` only when it is complete and its checksum is right.

    Args:
        url: Where the file is.
        path: Where to write it.
        sha256: Expected checksum, in hexadecimal.
        progress: Called after every block, in bytes.
        urlopen: Opens the connection; tests give their own.

    Raises:
        ModelError: There is no connection, or the checksum differs. No partial file is kept.
    """
    task, digest, done = f"downloading {path.name}", hashlib.sha256(), 0
    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, atomic_path(path) as partial:
            total = float(answer.headers.get("Content-Length") or 0) or None
            with partial.open("wb") as file:
                while block := answer.read(_BLOCK_BYTES):
                    file.write(block)
                    digest.update(block)
                    done += len(block)
                    progress(Progress(task, done, total))
            if digest.hexdigest() != sha256:
                raise ModelError(f"{url}: came with another checksum than expected; not kept, try again")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"{path.name}: cannot be downloaded ({reason}); put it at {path} or go online") from error


def _band_matrix(config: MelConfig) -> np.ndarray:
    """Matrix from root power in our bands to magnitude in the bands of VGGish, float32 ``(64, M)``."""
    from torchvggish import mel_features, vggish_params

    rate = vggish_params.SAMPLE_RATE
    bins_hz = np.linspace(0.0, rate / 2, _VGGISH_FFT // 2 + 1)
    bands_hz = mel_frequencies(config.n_mels + 2, config.sample_rate / 2)[1:-1]
    to_bins = np.stack([np.interp(bins_hz, bands_hz, band) for band in np.eye(config.n_mels)], axis=1)
    to_bands = mel_features.spectrogram_to_mel_matrix(
        vggish_params.NUM_BANDS, len(bins_hz), rate, vggish_params.MEL_MIN_HZ, vggish_params.MEL_MAX_HZ
    )

    # White noise sets the scale. A Slaney band has area 1, so its power is the mean power of its bins times the bins
    # per hertz. A bin of VGGish has the same density at another rate and with another Hann window. Its magnitude is
    # Rayleigh distributed, with a mean of sqrt(pi / 4) times its root power.
    ours = config.n_fft * config.n_fft / config.sample_rate
    theirs = _VGGISH_WINDOW_SAMPLES * rate / config.sample_rate
    matrix: np.ndarray = (np.sqrt(np.pi / 4 * theirs / ours) * to_bands.T @ to_bins).astype(np.float32)
    return matrix
