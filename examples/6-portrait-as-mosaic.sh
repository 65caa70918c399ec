#!/bin/sh
# A portrait rebuilt from photographs. usage: sh examples/6-portrait-as-mosaic.sh FOLDER
set -e
sh "$(dirname "$0")/pictures.sh" "$1/pictures"
vertumnus mosaic "$1/astronaut.png" --tiles "$1/pictures" --count 1500 --tone mean-std:0.7 --size 600 -o "$1/portrait.png"
