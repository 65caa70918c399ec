#!/bin/sh
# A logo filled with photographs, cut to its edge. usage: sh examples/1-logo-of-photographs.sh FOLDER
set -e
sh "$(dirname "$0")/pictures.sh" "$1/pictures"
vertumnus pack "$1/pictures" --shape icon:rocket --clip --rotation 8 --size 600 --background white -o "$1/logo.collage" -o "$1/logo.png"
