#!/bin/sh
# A page for the printer: bleed, crop marks, drawings as paths. usage: sh examples/9-for-print.sh FOLDER
set -e
vertumnus pack icon:star,moon,sun,cloud --icon-colors "gold khaki white lightblue" --count 70 --shape circle --size 500 \
    --background midnightblue -o "$1/sky.collage" -o "$1/sky.png"
vertumnus render "$1/sky.collage" -o "$1/sky.pdf" --print-size 20cm --bleed 3mm --crop-marks
