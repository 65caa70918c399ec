#!/bin/sh
# Fruit poured into a bowl. usage: sh examples/3-bowl.sh FOLDER
set -e
vertumnus pack icon:apple,lemon,carrot,pumpkin,pepper-hot --icon-colors "crimson gold darkorange chocolate firebrick" --count 60 \
    --shape icon:bowl-food --open --element-size 34 --size 500 --background white -o "$1/bowl.png"
