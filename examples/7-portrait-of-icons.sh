#!/bin/sh
# A cat's face of icons that take its colours. usage: sh examples/7-portrait-of-icons.sh FOLDER
set -e
sh "$(dirname "$0")/pictures.sh" "$1/pictures"
vertumnus compose icon:leaf,apple,lemon,carrot,star,heart --like "$1/chelsea.png" --count 600 --iterations 80 \
    -o "$1/face.collage" -o "$1/face.png"
