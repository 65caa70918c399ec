#!/bin/sh
# What weighs more is larger. usage: sh examples/10-weights-that-matter.sh FOLDER
set -e
printf 'name,weight\napple,8\nlemon,4\nleaf,1\nstar,1\ncarrot,2\n' > "$1/weights.csv"
vertumnus pack icon:apple,lemon,leaf,star,carrot --icon-colors "crimson gold seagreen orchid darkorange" --count 40 \
    --weights "$1/weights.csv" --shape square --size 400 --background white -o "$1/weights.png"
