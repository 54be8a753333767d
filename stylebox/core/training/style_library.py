"""The style library: style tokens and vector of each instrument of a dataset, and its playing range."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.errors import DatasetError
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS
from stylebox.core.training.crops import random_start, read_mel

CLIPS_PER_STYLE = 24


def style_library(
    encoder: StyleEncoder,
    dataset: Dataset,
    content: ContentCache,
    recordings: Mapping[str, list[Recording]],
    num_frames: int,
) -> dict[str, Tensor]:
    """Each instrument's mean tokens and vector over clips of its reference timbre, and its playing range.

    Args:
        encoder: Trained, in evaluation mode.
        dataset: Holds the recordings.
        content: Posteriors of the recordings.
        recordings: Of each instrument's reference timbre, by instrument.
        num_frames: Length of a clip.

    Shape:
        ``styles.<name>.tokens`` is ``(K, D)``, ``.vector`` ``(D',)``, and ``.keys`` ``(2,)``: the lowest and highest
        MIDI number.
    """
    device = encoder.queries.device
    library: dict[str, Tensor] = {}
    for name, own in recordings.items():
        tokens, vector = encoder(reference_clips(dataset, own, CLIPS_PER_STYLE, num_frames).to(device))
        library[f"styles.{name}.tokens"], library[f"styles.{name}.vector"] = tokens.mean(0), vector.mean(0)
        library[f"styles.{name}.keys"] = torch.tensor(played_keys(own, content))
    return library


def reference_clips(dataset: Dataset, recordings: list[Recording], count: int, num_frames: int) -> Tensor:
    """Clips drawn at random from an instrument's recordings, the same ones each time.

    Args:
        dataset: Holds the recordings.
        recordings: To draw from.
        count: Number of clips.
        num_frames: Length of a clip.

    Shape:
        ``(count, M, num_frames)`` in [-1, 1].
    """
    rng = np.random.default_rng(3)
    clips = []
    for _ in range(count):
        recording = recordings[rng.integers(len(recordings))]
        clips.append(read_mel(dataset, recording, random_start(recording, num_frames, rng), num_frames))
    return torch.stack(clips)


def played_keys(recordings: list[Recording], content: ContentCache) -> tuple[int, int]:
    """Lowest and highest MIDI number, without the rarest hundredth of playing time at either end."""
    time_on_key = np.zeros(NUM_KEYS)
    for recording in recordings:
        frame = content.read(recording, recording.start_frame, recording.stop_frame - recording.start_frame)[0]
        time_on_key += (frame > 0.5).sum(1).numpy()
    if not time_on_key.any():
        return LOWEST_KEY, LOWEST_KEY + NUM_KEYS - 1
    share = np.cumsum(time_on_key) / time_on_key.sum()
    return LOWEST_KEY + int(np.argmax(share > 0.01)), LOWEST_KEY + int(np.argmax(share >= 0.99))


def reference_timbres(
    recordings: Sequence[Recording], wanted: Mapping[str, str] | None = None
) -> dict[str, list[Recording]]:
    """The recordings of one timbre of each instrument, by instrument.

    One timbre, because the mean of several sounds like none of them. By default recordings of players come before
    SoundFonts, and those before single recorded notes, which are uneven.

    Args:
        recordings: To choose from.
        wanted: Instrument -> part of the name of the timbre to take.

    Raises:
        DatasetError: No timbre of that instrument has such a name.
    """
    ranked: dict[str, dict[tuple[int, str], list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        ranked[recording.instrument][_rank(recording)].append(recording)
    for name, part in (wanted or {}).items():
        timbres = ranked.get(name, {})
        ranked[name] = {rank: of_timbre for rank, of_timbre in timbres.items() if part in rank[1]}
        if not ranked[name]:
            names = ", ".join(timbre for _, timbre in sorted(timbres) if timbre) or "none"
            raise DatasetError(
                f"no timbre of {name} has {part!r} in its name, as `reference_timbres` wants; there are: {names}"
            )
    return {name: timbres[min(timbres)] for name, timbres in sorted(ranked.items())}


def _rank(recording: Recording) -> tuple[int, str]:
    if recording.timbre is None:
        return 0, ""
    sampled = "/notes/" in recording.timbre
    return (2 if sampled else 1), recording.timbre
