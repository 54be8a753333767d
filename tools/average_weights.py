"""Average two trainings of one part, weight by weight: what both learnt, with less of what either forgot.

    python -m tools.average_weights FIRST.safetensors SECOND.safetensors --to FILE [--second 0.5]

Reference:
    Wortsman et al. (2022), Model soups. arXiv:2203.05482. It works where the second training began with the first.
"""

import argparse
from pathlib import Path

import torch

from stylebox.core.store.weights import check_names, load_weights, save_weights


def main() -> None:
    """Read both, average, write with the metadata of the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--to", type=Path, required=True, help="file to write")
    parser.add_argument("--second", dest="share", type=float, default=0.5, help="share of the second, 0 to 1")
    arguments = parser.parse_args()
    first, card = load_weights(arguments.first)
    second, _ = load_weights(arguments.second)
    check_names(first, second, arguments.second)
    mean = {name: torch.lerp(first[name].float(), second[name].float(), arguments.share) for name in first}
    save_weights(arguments.to, mean, card, torch.float16)


if __name__ == "__main__":
    main()
