#!/bin/sh
# A sentence arranges the pieces. usage: sh examples/5-a-sentence.sh FOLDER
set -e
vertumnus compose icon:apple,lemon,leaf,pumpkin,carrot --icon-colors "tomato gold seagreen" --count 48 --prompt "a cat" \
    --background white -o "$1/cat.collage" -o "$1/cat.png"
