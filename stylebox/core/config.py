"""Presets: every size, rate and weight of a model, in one frozen tree that is read from a TOML file.

Each part receives its own section. Unknown keys are errors; derived values are properties.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stylebox.core.errors import ConfigError
from stylebox.core.toml_file import read_toml

SAMPLE_RATE = 44100  # Hz; of mels, rendered recordings and results
ANALYSIS_RATE = 22050  # Hz; of what needs no treble: notes, pitch, the classifiers of instruments

MAX_LAYERS = 256  # and most tokens, blocks and windows
MAX_SIZE = 1 << 16  # of channels, windows and hops
MAX_SIZES = {"sample_rate": 1_000_000, "n_mels": 4096}

Count = Annotated[int, Field(ge=1, le=10**9)]
CountOrZero = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Amount = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A frozen group of settings; unknown keys are errors, and so are numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sizes(Section):
    """Sizes of networks and transforms, which a weights file from elsewhere may choose."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        """Every size is from 1 to a bound, and harmonics are positive: a network of these sizes can be built."""
        for name, value in self:
            most = MAX_LAYERS if name.startswith("num_") else MAX_SIZES.get(name, MAX_SIZE)
            least = 0.1 if name == "harmonics" else 1
            values = value if isinstance(value, tuple) else (value,) if isinstance(value, int) else ()
            if len(values) > MAX_LAYERS or any(not least <= size <= most for size in values):
                raise ValueError(f"{name}: give numbers from {least} to {most}, not {value}")
        return self


class MelConfig(Sizes):
    """The mel front end. Every weights file and dataset stores the one it was made with."""

    sample_rate: int = SAMPLE_RATE  # Hz
    n_fft: int = 2048  # samples
    hop_length: int = 512  # samples
    n_mels: int = 160
    floor_db: float = -50.0  # power of a mel band that becomes -1
    ceiling_db: float = 40.0  # power of a mel band that becomes +1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.floor_db >= self.ceiling_db:
            raise ValueError(f"floor_db: give a number below ceiling_db, {self.ceiling_db}, not {self.floor_db}")
        return self

    @property
    def frames_per_second(self) -> float:
        """Frame rate in Hz."""
        return self.sample_rate / self.hop_length


class ContentEncoderConfig(Sizes):
    """The transcriber: log-frequency spectrogram -> frame and onset posteriors of 88 keys.

    It has its own sample rate and frame rate: notes need less bandwidth and time resolution than the mel.
    """

    sample_rate: int = ANALYSIS_RATE  # Hz
    hop_length: int = 512  # samples
    windows: tuple[int, ...] = (1024, 4096, 8192)  # samples; one input channel each
    bins_per_semitone: int = 3
    harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 7)
    channels: int = 48
    num_blocks: int = 5

    @property
    def frames_per_second(self) -> float:
        """Frame rate in Hz."""
        return self.sample_rate / self.hop_length


class StyleEncoderConfig(Sizes):
    """The style encoder: clip -> style tokens and one style vector."""

    channels: tuple[int, ...] = (48, 96, 128, 192)
    num_tokens: int = 8
    token_dim: int = 128
    vector_dim: int = 128


class DraftConfig(Sizes):
    """The draft network: content map and style -> draft mel; a small 2-D U-Net on patches."""

    patch: int = 2
    channels: tuple[int, ...] = (96, 144, 208)
    num_blocks: int = 1


class VAEConfig(Sizes):
    """The autoencoder: mel <-> latent, fully convolutional."""

    patch: int = 2
    channels: tuple[int, ...] = (64, 128)
    latent_channels: int = 8
    num_blocks: int = 1

    @property
    def stride(self) -> int:
        """Mel bands, and frames, per latent cell."""
        return self.patch * int(2 ** (len(self.channels) - 1))


class DenoiserConfig(Sizes):
    """The diffusion network on the latent."""

    channels: tuple[int, ...] = (144, 208, 288)
    num_blocks: int = 1
    time_dim: int = 128


class DiffusionConfig(Section):
    """The noise of training, and the defaults of sampling."""

    schedule: Literal["flow"] = "flow"
    steps: CountOrZero = 5  # network calls of a transfer; 0 gives the draft
    sampler: Literal["dpm"] = "dpm"
    guidance: Amount = 1.0  # 1 disables it; above 1 every step needs two network calls
    strength: Share = 1.0  # noise that sampling starts from: 0 is the draft, 1 is pure noise
    condition_dropout: Share = 0.15


class VocoderConfig(Sizes):
    """The vocoder: mel and notes -> magnitudes of a spectrum with this window and hop."""

    dim: int = 384
    intermediate_dim: int = 1152
    num_layers: int = 6
    fold: int = 8  # bins per position of the 2-D convolutions
    channels: int = 48
    num_blocks: int = 2
    n_fft: int = 2048
    hop_length: int = 256


class PaperConfig(Section):
    """The numbers of the paper (Prioteasa & Stempel-Hauburger 2025)."""

    num_steps: Count = 200
    beta_start: BelowOne = 1e-4
    beta_end: BelowOne = 0.02
    eta: Share = 0.0
    steps: CountOrZero = 50  # network calls of a transfer
    strength: Share = 0.7


class TrainConfig(Section):
    """The training of one stage."""

    steps: Count = 20000
    batch_size: Count = 16
    crop_frames: Count = 128
    learning_rate: Amount = 3e-4
    betas: tuple[BelowOne, BelowOne] = (0.9, 0.99)
    weight_decay: Amount = 0.01
    clip: Amount = 1.0
    warmup_steps: CountOrZero = 200
    schedule: Literal["constant", "cosine", "plateau"] = "cosine"
    ema: BelowOne = 0.999
    validate_every: Count = 500
    patience: Count | None = None  # validations without a new best after which the run ends; None: never
    checkpoint_minutes: Amount = 5.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    weights: dict[str, float] = Field(default_factory=dict)  # of the loss terms, by name; see `weights_over`
    begin_with: str | None = None  # model to start from; None starts from random weights
    frozen: tuple[str, ...] = ()  # parts that are not trained, by name
    reference_timbres: dict[str, str] = Field(default_factory=dict)  # instrument -> part of the name of its timbre

    def weights_over(self, defaults: dict[str, float]) -> dict[str, float]:
        """Weights of the loss terms of a stage: those of the configuration, defaults for the others.

        Args:
            defaults: All loss terms of the stage.

        Raises:
            ConfigError: The configuration names a term that the stage does not have.
        """
        if unknown := sorted(set(self.weights) - set(defaults)):
            raise ConfigError(f"weights: there is no loss term {', '.join(unknown)}; there are: {', '.join(defaults)}")
        return defaults | self.weights


class Preset(Section):
    """A whole model: its parts and their training."""

    name: str
    family: Literal["base", "paper"] = "base"
    mel: MelConfig = MelConfig()
    content: ContentEncoderConfig = ContentEncoderConfig()
    style: StyleEncoderConfig = StyleEncoderConfig()
    draft: DraftConfig = DraftConfig()
    vae: VAEConfig = VAEConfig()
    denoiser: DenoiserConfig = DenoiserConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    vocoder: VocoderConfig = VocoderConfig()
    paper: PaperConfig = PaperConfig()
    train: dict[Literal["vae", "ldm", "content", "vocoder"], TrainConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_sizes(self) -> "Preset":
        if self.mel.n_mels % self.vae.stride:
            raise ValueError(f"vae: {self.mel.n_mels} mel bands are not a multiple of its stride {self.vae.stride}")
        if self.mel.hop_length % self.vocoder.hop_length:
            raise ValueError("mel.hop_length must be a multiple of vocoder.hop_length")
        if self.vocoder.n_fft % (2 * self.vocoder.fold):
            raise ValueError("vocoder.n_fft must be a multiple of twice vocoder.fold")
        return self

    def stage(self, name: str) -> TrainConfig:
        """Training settings of one stage; defaults if the preset has none."""
        stages: dict[str, TrainConfig] = {stage: config for stage, config in self.train.items()}  # noqa: C416 (wider keys)
        return stages.get(name, TrainConfig())


def preset_names() -> list[str]:
    """Names of the presets of this package."""
    folder = resources.files("stylebox") / "presets"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load_preset(name: str = "base", overrides: Path | None = None, *, adapting: bool = False) -> Preset:
    """Load a preset of this package.

    Args:
        name: One of `preset_names`.
        overrides: TOML file whose keys replace those of the preset.
        adapting: Replace the training settings of the preset by those for training that starts from the shipped model,
            where it has such settings (its section ``adapt``).

    Raises:
        ConfigError: There is no such preset, or the file is missing, malformed or has unknown keys.
    """
    if name not in preset_names():
        raise ConfigError(f"there is no preset {name!r}; choose one of {', '.join(preset_names())}")
    values = tomllib.loads((resources.files("stylebox") / "presets" / f"{name}.toml").read_text("utf-8"))
    values.setdefault("name", name)
    adapted = values.pop("adapt", {})
    if adapting:
        values = _merged(values, {"train": adapted})
    if overrides is not None:
        values = _merged(values, read_toml(overrides))
    return parse_preset(values, str(overrides or f"preset {name}"))


def parse_preset(values: dict[str, Any], where: str) -> Preset:
    """Validate a preset.

    Args:
        values: Its sections and keys.
        where: Name of the preset or file, for the error.

    Raises:
        ConfigError: A key is unknown or a value is not valid; names the first one.
    """
    try:
        return Preset.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "preset"
        reason = "unknown setting; correct or remove it" if first["type"] == "extra_forbidden" else first["msg"]
        raise ConfigError(f"{where}: {key}: {reason}") from error


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge two tables key by key; the values of `above` replace those of `below`."""
    both = dict(below)
    for key, value in above.items():
        inner = both.get(key)
        both[key] = _merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return both
