#!/usr/bin/env bash
# How the shipped model is made, in order: from sources to the files of weights/base. Each stretch starts from the file
# before it.
#
#   runs/base.sh NOTES WORK           one hour on a large GPU, days on a CPU
#   runs/base.sh --tiny NOTES WORK    the same steps with tiny networks and little material, in about a minute
#
# NOTES is a folder of recorded notes (docs/training.md). WORK receives everything: sources, dataset, models, weights.
# Recordings of players belong in WORK/sources/<instrument>/ before the start (docs/data-card.md). Two differences to
# the shipped weights remain: the player recordings and the Philharmonia notes are not ours to pass on, and the fourth
# stretch of the content encoder had synthetic voices (configs/base/content-4.toml).
set -euo pipefail
cd "$(dirname "$0")/.."

size=base
if [ "${1:-}" = --tiny ]; then size=tiny; shift; fi
if [ $# -ne 2 ]; then echo "usage: runs/base.sh [--tiny] NOTES WORK" >&2; exit 2; fi
mkdir -p "$2"
notes=$(realpath "$1") work=$(realpath "$2")
python=${PYTHON:-python}
fluid=${FLUIDR3:-/usr/share/sounds/sf2/FluidR3_GM.sf2}
musescore=${MUSESCORE:-/usr/share/sounds/sf3/MuseScore_General_Full.sf3}
export STYLEBOX_HOME=$work

if [ $size = base ]; then
  fonts=(--soundfont "$fluid" --soundfont "$musescore")
  all=(--instruments all --minutes 4.5 --timbres 3) shipped=(--minutes 26 --pedal 0.5)
else
  fonts=(--soundfont "$fluid")
  all=(--instruments violin,flute --minutes 0.6) shipped=(--instruments violin,flute --minutes 0.6 --pedal 0.5)
fi

stylebox() { "$python" -m stylebox --quiet "$@"; }
train() {  # train STAGE CONFIG MODEL [options]
  local stage=$1 config=$2 model=$3
  shift 3
  stylebox train "$stage" --preset $size --config "configs/$size/$config.toml" --dataset "$work/dataset" \
    --name "$model" --resume "$@"
}

# 1. Material. TimGM6mb is kept out of training.
stylebox render "${fonts[@]}" --samples "$notes" "${all[@]}" --seed 31 --to "$work/sources"
stylebox render "${fonts[@]}" --samples "$notes" "${shipped[@]}" --seed 11 --to "$work/sources"
stylebox build "$work/sources" --dataset "$work/dataset"

# 2. Content encoder: four stretches, then the average of the last two.
train content content-1 content-1 --max-steps 5000
train content content-2 content-2 --max-steps 1000
train content content-3 content-3 --max-steps 1500
train content content-4 content-4
mkdir -p "$work/models/final"
"$python" -m tools.average_weights "$work/models/content-3/content.safetensors" \
  "$work/models/content-4/content.safetensors" --to "$work/models/final/content.safetensors"

# 3. Autoencoder, vocoder, then style encoder, draft and denoiser together.
train vae vae final
train vocoder vocoder final
train ldm ldm final

# 4. A style for every timbre of the material, then the named ones in half precision: the files that ship.
"$python" -m tools.timbre_library "$work/models/final/ldm.safetensors" "$work/dataset" --to "$work/parts/ldm.safetensors"
cp "$work/models/final/content.safetensors" "$work/models/final/vae.safetensors" "$work/models/final/vocoder.safetensors" "$work/parts/"
"$python" -m tools.assemble_base "$work/parts" --preset $size --styles "configs/$size/styles.toml" --to "$work/weights"
