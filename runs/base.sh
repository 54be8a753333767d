#!/usr/bin/env bash
# The shipped model, from nothing but packages and downloads to the files of weights/base. Each stretch of training
# starts from the file before it. docs/scaling.md says what each stretch takes.
#
#   runs/base.sh WORK [NOTES]           some two days on two CPU cores, under an hour on a large GPU
#   runs/base.sh --tiny WORK [NOTES]    the same steps with tiny networks and little material, in about a minute
#
# WORK receives everything: sources, dataset, models, weights, times.tsv. NOTES is a folder of recorded notes. The
# material that is missing is named, with the place to get it, and the run goes on without it: configs/base/MATERIAL.md
# lists it all. A second call goes on where the first one stopped. Differences to the shipped weights remain: some
# material has to be fetched by hand, and the content encoder had other material in its second and fourth stretch
# (configs/base/content-2.toml, content-4.toml).
set -euo pipefail
cd "$(dirname "$0")/.."

size=base
if [ "${1:-}" = --tiny ]; then size=tiny; shift; fi
if [ $# -lt 1 ] || [ $# -gt 2 ]; then echo "usage: runs/base.sh [--tiny] WORK [NOTES]" >&2; exit 2; fi
mkdir -p "$1"
work=$(realpath "$1")
python=${PYTHON:-python}
fluid=${FLUIDR3:-/usr/share/sounds/sf2/FluidR3_GM.sf2}
musescore=${MUSESCORE:-/usr/share/sounds/sf3/MuseScore_General_Full.sf3}
export STYLEBOX_HOME=$work

stylebox() { "$python" -m stylebox --quiet "$@"; }
without() { echo "runs/base.sh: goes on without $1: $2 (configs/base/MATERIAL.md)" >&2; }
stretch() {  # stretch NAME COMMAND...: run it and note how long it took
  local name=$1 started=$SECONDS
  shift
  "$@" || return
  printf '%s\t%d\n' "$name" "$((SECONDS - started))" >> "$work/times.tsv"
}
train() {  # train STAGE CONFIG MODEL [options]
  local stage=$1 config=$2 model=$3
  shift 3
  stretch "$config" stylebox train "$stage" --preset $size --config "configs/$size/$config.toml" \
    --dataset "$work/dataset" --name "$model" --resume "$@"
}

# 1. Material. TimGM6mb is kept out of training.
if [ ! -f "$fluid" ]; then echo "runs/base.sh: no $fluid; apt install fluid-soundfont-gm, or set FLUIDR3" >&2; exit 1; fi
sounds=(--soundfont "$fluid")
if [ $# -eq 2 ]; then sounds+=(--samples "$(realpath "$2")"); else without "recorded notes" "no folder NOTES is given"; fi
if [ $size = base ]; then
  if [ -f "$musescore" ]; then sounds+=(--soundfont "$musescore")
  else without "MuseScore_General" "no $musescore; apt install musescore-general-soundfont, or set MUSESCORE"; fi
  stretch fetch stylebox fetch configs/base/performances.csv --to "$work/sources" ||
    without "some recordings of players" "they could not be downloaded"
  all=(--instruments all --minutes 4.5 --timbres 3) shipped=(--minutes 26 --pedal 0.5)
else
  all=(--instruments violin,flute --minutes 0.6) shipped=(--instruments violin,flute --minutes 0.6 --pedal 0.5)
fi
stretch render-all stylebox render "${sounds[@]}" "${all[@]}" --seed 31 --to "$work/sources"
stretch render-shipped stylebox render "${sounds[@]}" "${shipped[@]}" --seed 11 --to "$work/sources"
stretch build stylebox build "$work/sources" --dataset "$work/dataset"

# 2. Content encoder: four stretches, then the average of the last two.
train content content-1 content-1 --from-scratch --max-steps 5000
train content content-2 content-2 --max-steps 1000
train content content-3 content-3 --max-steps 1500
train content content-4 content-4
mkdir -p "$work/models/final"
"$python" -m tools.average_weights "$work/models/content-3/content.safetensors" \
  "$work/models/content-4/content.safetensors" --to "$work/models/final/content.safetensors"

# 3. Autoencoder, vocoder, then style encoder, draft and denoiser together.
train vae vae final --from-scratch
train vocoder vocoder final --from-scratch
train ldm ldm final --from-scratch

# 4. A style for every timbre of the material, then the named ones in half precision: the files that ship.
"$python" -m tools.timbre_library "$work/models/final/ldm.safetensors" "$work/dataset" --to "$work/parts/ldm.safetensors"
cp "$work/models/final/content.safetensors" "$work/models/final/vae.safetensors" "$work/models/final/vocoder.safetensors" "$work/parts/"
"$python" -m tools.assemble_base "$work/parts" --preset $size --styles "configs/$size/styles.toml" --to "$work/weights"
