"""Add a style for every timbre of a dataset to a trained ldm part, for `tools.assemble_base`.

    python -m tools.timbre_library ldm.safetensors DATASET --to FILE

`stylebox train` stores one style per instrument. A dataset has several timbres of an instrument; each becomes
``timbres.<timbre>.tokens`` and ``.vector``, the mean over 24 clips of 4.5 seconds.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor

from stylebox.core.config import parse_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.models.style_encoder import CLIP_SECONDS, StyleEncoder
from stylebox.core.store.weights import load_into, load_weights, save_weights
from stylebox.core.training.style_library import CLIPS_PER_STYLE, reference_clips


def main() -> None:
    """Read the part, compute the styles, write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ldm", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--to", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    tensors, card = load_weights(arguments.ldm)
    preset = parse_preset({"name": "timbres", **card["config"]}, str(arguments.ldm))
    encoder = StyleEncoder(preset.style)
    load_into(encoder, tensors, "style_encoder.", arguments.ldm)
    styles = timbre_styles(encoder.eval(), Dataset.open(arguments.dataset))
    save_weights(arguments.to, tensors | styles, card)
    print(f"{len(styles) // 2} timbres")


@torch.no_grad()
def timbre_styles(encoder: StyleEncoder, dataset: Dataset) -> dict[str, Tensor]:
    """The mean tokens and vector of each timbre of the training split.

    Shape:
        ``timbres.<timbre>.tokens`` is ``(K, D)``, ``.vector`` ``(D',)``.
    """
    by_timbre: dict[str, list[Recording]] = defaultdict(list)
    for recording in dataset.split("train"):
        by_timbre[recording.timbre or f"{recording.instrument}/real"].append(recording)
    num_frames = round(CLIP_SECONDS * dataset.mel_config.frames_per_second)
    styles: dict[str, Tensor] = {}
    for timbre, recordings in sorted(by_timbre.items()):
        tokens, vector = encoder(reference_clips(dataset, recordings, CLIPS_PER_STYLE, num_frames))
        styles[f"timbres.{timbre}.tokens"], styles[f"timbres.{timbre}.vector"] = tokens.mean(0), vector.mean(0)
    return styles


if __name__ == "__main__":
    main()
