"""The parts alone: real recordings to mels and back to sound, without a transfer. What is lost is theirs."""

from collections.abc import Sequence

import numpy as np
import torch

from bench.external_transcriber import COLUMNS, ExternalTranscriber
from bench.page import Cell, Section, Table
from bench.stft_distance import multi_resolution_stft_distance
from bench.systems import Recording
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.metrics.distance import mel_distance_db
from stylebox.core.evaluation.systems import make_systems
from stylebox.core.pipeline.pipeline import BasePipeline

_TOLD = (
    "The mel of each recording made audible again. F1 is the judge's, against what it hears in the recording; "
    "STFT is the multi-resolution distance of Yamamoto et al. (2020), beside it its ratio to Griffin-Lim's (32 "
    "iterations); mel is in dB."
)
SHOWN = {"vocoder only": "vocoder", "VAE only": "autoencoder, then vocoder", "Griffin-Lim": "Griffin-Lim"}


def parts(
    pipeline: BasePipeline, model: str, judge: ExternalTranscriber, recordings: Sequence[Recording], seed: int
) -> Section:
    """Each way back from a mel: notes found again, and two distances to the recording itself; then by instrument."""
    rows = make_systems(pipeline, seed)
    ways = {title: rows[name] for name, title in SHOWN.items()}
    found: dict[str, list[list[float]]] = {title: [] for title in (*ways, "`harmonic`")}
    for recording in recordings:
        audio = np.asarray(normalise_loudness(recording.audio, pipeline.sample_rate)[0], np.float32)
        case = Case(recording.name, audio, "")
        made = {title: answer.audio for title, row in ways.items() if (answer := row(case)) is not None}
        made["`harmonic`"] = _harmonic(pipeline, audio)
        notes = judge.module.transcribe(audio)
        for title, back in made.items():
            heard = judge.module.transcribe(back)
            figures = [float(judge.module.f1(notes, heard, seconds)) for seconds in COLUMNS.values()]
            distance = float(
                multi_resolution_stft_distance(torch.from_numpy(back)[None], torch.from_numpy(audio)[None])
            )
            found[title].append([*figures, distance, mel_distance_db(audio, back, pipeline.mel_config)])
    means = {title: np.mean(figures, axis=0).tolist() for title, figures in found.items() if figures}
    worst = means[SHOWN["Griffin-Lim"]][len(COLUMNS)]
    table: list[list[Cell]] = [
        [title, *figures[:-1], figures[len(COLUMNS)] / worst, figures[-1]] for title, figures in means.items()
    ]
    return Section(
        "The parts alone",
        [
            _TOLD,
            Table(["", "F1, 50 ms", "100 ms", "STFT", "of Griffin-Lim's", "mel"], table),
            "F1 at 50 ms and the ratio to Griffin-Lim's STFT distance, by instrument.",
            by_instrument(recordings, found),
        ],
    )


def by_instrument(recordings: Sequence[Recording], found: dict[str, list[list[float]]]) -> Table:
    """A row for each instrument: how many recordings, then two columns for each way."""
    shown = [title for title, figures in found.items() if figures and title != SHOWN["Griffin-Lim"]]
    rows: list[list[Cell]] = []
    for instrument in sorted({recording.instrument for recording in recordings}):
        mine = [i for i, recording in enumerate(recordings) if recording.instrument == instrument]
        mean = {title: np.mean([figures[i] for i in mine], axis=0) for title, figures in found.items() if figures}
        worst = mean[SHOWN["Griffin-Lim"]]
        cells = [float(x) for title in shown for x in (mean[title][0], mean[title][2] / worst[2])]
        rows.append([instrument, len(mine), float(worst[0]), *cells])
    return Table(["", "recordings", "Griffin-Lim", *(head for title in shown for head in (title, "STFT"))], rows)


@torch.no_grad()
def _harmonic(pipeline: BasePipeline, audio: np.ndarray) -> np.ndarray:
    mel = pipeline.mel_transform(torch.from_numpy(audio).to(pipeline.device))
    keys = pipeline.transcribe(audio).frame
    return harmonic_inversion(mel, keys, pipeline.mel_config, len(audio)).cpu().numpy()
