"""Put a trained model into the package: half precision, one file a part, what it was made with in each header.

    python bench/ship.py MODEL [--parts content,vae,ldm]

MODEL is a name under the data directory's `models/`. The files go to `stylebox/weights/base/` of this checkout.
"""

import argparse
from pathlib import Path

import torch

from stylebox.core import paths
from stylebox.core.config import load_preset
from stylebox.core.library import SHIPPED_MODEL, STAGES
from stylebox.core.weights import load_weights, save_weights

WEIGHTS = Path(__file__).parent.parent / "stylebox" / "weights" / SHIPPED_MODEL
LIMIT_MEGABYTES = 50
SAMPLING = {"draft_alone", "steps", "sampler", "guidance", "strength"}


def main() -> None:
    """Copy every part, halved, and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--parts", default=",".join(STAGES), help="which parts, separated by commas")
    arguments = parser.parse_args()
    for part in arguments.parts.split(","):
        source = paths.models_dir() / arguments.model / f"{part}.safetensors"
        if not source.is_file():
            print(f"{part:8} not there, left as it is")
            continue
        tensors, card = load_weights(source)
        if "diffusion" in card["config"]:  # how it was trained is its own; how it is sampled, the preset's
            sampling = load_preset(SHIPPED_MODEL).diffusion.model_dump(include=SAMPLING)
            card["config"]["diffusion"] |= sampling
        target = WEIGHTS / f"{part}.safetensors"
        save_weights(target, tensors, card, torch.float16)
        print(f"{part:8} step {card['step']}, {target.stat().st_size / 1e6:.2f} MB")
    total = sum(path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")) / 1e6
    print(f"together {total:.1f} MB")
    if total > LIMIT_MEGABYTES:
        raise SystemExit(f"more than {LIMIT_MEGABYTES} MB: too large to ship")


if __name__ == "__main__":
    main()
