"""Put trained networks into the package: half precision, one file per part, with settings and styles in each header.

    python -m tools.assemble_base FOLDER [--styles configs/base/styles.toml] [--preset base] [--to FOLDER]

FOLDER holds `content.safetensors` (optional), `vae.safetensors`, `ldm.safetensors` and `vocoder.safetensors`, with the
sizes of the preset. The ldm file has the tokens and vector of each timbre as `timbres.<timbre>.tokens` and `.vector`
(`tools.timbre_library` adds them). The table of styles gives the timbre of each name. Where the material lacked it, an
instrument has the sound that the training chose for it, and any other name is left out. The files go to
`stylebox/weights/base/` of this checkout by default.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylebox.core.config import Preset, load_preset
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.style_encoder import StyleEncoder
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.store.weights import fingerprint, load_into, load_weights, save_weights
from tools.style_table import NamedTimbre, read_style_table

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "stylebox" / "weights" / "base"
LIMIT_MEGABYTES = 45
FINGERPRINTS = ("dataset", "configuration")  # of the training that made a part


def main() -> None:
    """Check every network against the preset, write the files, print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--styles", type=Path, default=ROOT / "configs" / "base" / "styles.toml")
    parser.add_argument("--preset", default="base")
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    preset = load_preset(arguments.preset)
    for part in parts(preset, arguments.styles):
        source, target = arguments.folder / f"{part.name}.safetensors", arguments.to / f"{part.name}.safetensors"
        if part.name == "content" and not source.exists():
            continue
        tensors, card = checked(part, source, preset)
        save_weights(target, tensors, card, torch.float16)
        print(f"{part.name:8} {target.stat().st_size / 1e6:.2f} MB")
    total = sum(path.stat().st_size for path in arguments.to.glob("*.safetensors")) / 1e6
    print(f"together {total:.1f} MB")
    if total > LIMIT_MEGABYTES:
        raise SystemExit(f"more than {LIMIT_MEGABYTES} MB: too large to ship")


@dataclass(frozen=True)
class PartPlan:
    """What one file holds.

    Attributes:
        name: Of the part.
        networks: By name, in the sizes of the preset.
        sections: Of the preset, for the header.
        styles: The table of styles, for the part that has them.
    """

    name: str
    networks: dict[str, nn.Module]
    sections: tuple[str, ...]
    styles: Path | None = None


def parts(preset: Preset, styles: Path) -> list[PartPlan]:
    """The parts of a model; the VAE comes before the ldm part, whose header names it."""
    latent_diffusion = {
        "style_encoder": StyleEncoder(preset.style),
        "draft": DraftNetwork(preset.draft, preset.style, preset.mel),
        "denoiser": Denoiser(preset.denoiser, preset.vae, preset.style, preset.mel),
    }
    sections = ("mel", "style", "draft", "vae", "denoiser", "diffusion")
    return [
        PartPlan("content", {"content_encoder": ContentEncoder(preset.content)}, ("content",)),
        PartPlan("vae", {"vae": VAE(preset.vae)}, ("mel", "vae")),
        PartPlan("vocoder", {"vocoder": Vocoder(preset.vocoder, preset.mel)}, ("mel", "vocoder")),
        PartPlan("ldm", latent_diffusion, sections, styles),
    ]


def checked(part: PartPlan, source: Path, preset: Preset) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A part's tensors and header: the weights checked by loading them, the styles named by the table.

    Args:
        part: What the file must hold.
        source: A file of trained weights; the VAE's lies beside it.
        preset: Sizes, for the header.

    Raises:
        ModelError: The file does not fit the networks.
    """
    tensors, trained = load_weights(source)
    kept: dict[str, Tensor] = {}
    for name, network in part.networks.items():
        load_into(network, tensors, f"{name}.", source)
        kept |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    config = {name: getattr(preset, name).model_dump() for name in part.sections}
    made_of = {key: value for key, value in trained.get("provenance", {}).items() if key in FINGERPRINTS}
    card: dict[str, Any] = {"config": config, "provenance": made_of}
    if part.styles is not None:
        vae = VAE(preset.vae)
        load_into(
            vae, load_weights(source.with_name("vae.safetensors"))[0], "vae.", source.with_name("vae.safetensors")
        )
        made_of["vae"] = fingerprint(vae)
        table = read_style_table(part.styles)
        styles, left_out = named_tensors(tensors, table)
        kept |= styles
        names = [name for name in table if f"timbres.{table[name].timbre}.tokens" in tensors]
        card["styles"] = {name: {"learnt_from": table[name].learnt_from} for name in names}
        if left_out:
            print(f"without {len(left_out)} styles that the material lacks: {', '.join(left_out)}")
    return kept, card


def named_tensors(
    tensors: Mapping[str, Tensor], table: Mapping[str, NamedTimbre]
) -> tuple[dict[str, Tensor], list[str]]:
    """Tokens and vector of each name of a table, and the names for which there are none.

    Args:
        tensors: Of a trained ldm part, with ``timbres.<timbre>`` and, of the training, ``styles.<instrument>``.
        table: The timbre of each name.

    Shape:
        ``styles.<name>.tokens`` is ``(K, D)``, ``.vector`` ``(D',)``.
    """
    found: dict[str, Tensor] = {}
    left_out = []
    for name, style in table.items():
        known = (f"timbres.{style.timbre}", f"styles.{name}")
        source = next((one for one in known if f"{one}.tokens" in tensors), None)
        if source is None:
            left_out.append(name)
            continue
        found |= {f"styles.{name}.{kind}": tensors[f"{source}.{kind}"] for kind in ("tokens", "vector")}
    return found, left_out


if __name__ == "__main__":
    main()
