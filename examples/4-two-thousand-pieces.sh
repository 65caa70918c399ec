#!/bin/sh
# Two thousand pieces, drawn at 8,000 pixels. usage: sh examples/4-two-thousand-pieces.sh FOLDER
set -e
vertumnus pack icon:leaf,clover,seedling,tree,feather --icon-colors "#31572c #4f772d #7d9b3c #9db453 #bc4b22" --count 2000 \
    --shape icon:tree --size 800 --scale 10 --background white -o "$1/tree.collage" -o "$1/tree-8000.png"
vertumnus render "$1/tree.collage" -o "$1/tree.png" --scale 0.75
