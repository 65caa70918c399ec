#!/bin/sh
# Fruit poured into a bowl, which is drawn here. usage: sh examples/3-bowl.sh FOLDER
set -e
cat > "$1/bowl.svg" <<'END'
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 330"><path d="M10 10H490C490 180 400 300 330 320H170C100 300 10 180 10 10Z"/></svg>
END
vertumnus pack icon:apple,lemon,carrot,pumpkin,pepper-hot --icon-colors "crimson gold darkorange chocolate firebrick" --count 60 \
    --shape "$1/bowl.svg" --open --element-size 37 --size 500 --background white -o "$1/bowl.png"
