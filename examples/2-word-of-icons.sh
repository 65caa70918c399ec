#!/bin/sh
# A word made of icons, as paths for any printer. usage: sh examples/2-word-of-icons.sh FOLDER
set -e
vertumnus pack icon:heart,star,moon,sun,cat,dog,fish,leaf --icon-colors "tomato gold seagreen steelblue orchid" --count 160 \
    --shape text:LOVE --size 800x300 --background white -o "$1/love.svg" -o "$1/love.png"
