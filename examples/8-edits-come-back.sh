#!/bin/sh
# Somebody moves a piece in a vector editor, and packing goes on around it. The editor is sed here.
# usage: sh examples/8-edits-come-back.sh FOLDER
set -e
vertumnus pack icon:apple,lemon,leaf --icon-colors "tomato gold seagreen" --count 30 --shape heart --size 400 \
    --background white -o "$1/first.collage" -o "$1/first.svg"
sed 's/<g id="layer3"/<g id="layer3" transform="translate(-60 -20)"/' "$1/first.svg" > "$1/edited.svg"
vertumnus open "$1/edited.svg" --original "$1/first.collage" --lock moved -o "$1/opened.collage"
vertumnus pack --from "$1/opened.collage" -o "$1/again.collage" -o "$1/again.png"
