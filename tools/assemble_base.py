"""Put trained networks into the package: half precision, one file per part, settings and style library in each header.

    python -m tools.assemble_base FOLDER [--styles configs/base/styles.toml]

FOLDER holds `vae.safetensors`, `ldm.safetensors` and `vocoder.safetensors`, with the sizes of preset `base` and, in
the second, the tokens and vector of each timbre as `timbres.<timbre>.tokens` and `.vector`. The files go to
`stylebox/weights/base/` of this checkout. The table of styles says which timbre is had by which name.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylebox.core.config import Preset, load_preset
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.store.weights import fingerprint, load_into, load_weights, save_weights
from tools.style_table import read_style_table

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "stylebox" / "weights" / "base"
LIMIT_MEGABYTES = 45


def main() -> None:
    """Check every network against the preset, write the files, print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--styles", type=Path, default=ROOT / "configs" / "base" / "styles.toml")
    arguments = parser.parse_args()
    preset = load_preset("base")
    vae = VAE(preset.vae)
    assemble(arguments.folder, "vae", preset, {"vae": vae}, ("mel", "vae"))
    assemble(arguments.folder, "vocoder", preset, {"vocoder": Vocoder(preset.vocoder, preset.mel)}, ("mel", "vocoder"))
    networks = {
        "style_encoder": StyleEncoder(preset.style),
        "draft": DraftNetwork(preset.draft, preset.style, preset.mel),
        "denoiser": Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel),
    }
    sections = ("mel", "style", "draft", "vae", "denoiser", "diffusion")
    assemble(arguments.folder, "ldm", preset, networks, sections, arguments.styles, {"vae": fingerprint(vae)})
    total = sum(path.stat().st_size for path in WEIGHTS.glob("*.safetensors")) / 1e6
    print(f"together {total:.1f} MB")
    if total > LIMIT_MEGABYTES:
        raise SystemExit(f"more than {LIMIT_MEGABYTES} MB: too large to ship")


def assemble(
    folder: Path,
    part: str,
    preset: Preset,
    networks: dict[str, nn.Module],
    sections: tuple[str, ...],
    styles: Path | None = None,
    provenance: dict[str, Any] | None = None,
) -> None:
    """One part: its networks' weights checked by loading them, its library of styles named by the table."""
    tensors, _ = load_weights(folder / f"{part}.safetensors")
    kept: dict[str, Tensor] = {}
    for name, network in networks.items():
        load_into(network, tensors, f"{name}.", folder / f"{part}.safetensors")
        kept |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    card: dict[str, Any] = {
        "config": {name: getattr(preset, name).model_dump() for name in sections},
        "provenance": provenance or {},
    }
    if styles is not None:
        table = read_style_table(styles)
        for name, style in table.items():
            for kind in ("tokens", "vector"):
                kept[f"styles.{name}.{kind}"] = tensors[f"timbres.{style.timbre}.{kind}"]
        card["styles"] = {name: {"learnt_from": style.learnt_from} for name, style in table.items()}
    target = WEIGHTS / f"{part}.safetensors"
    save_weights(target, kept, card, torch.float16)
    print(f"{part:8} {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
