#!/bin/sh
# Photographs for the other examples: parts of the pictures that scikit-image carries, in a folder.
# usage: sh examples/pictures.sh FOLDER
set -e
python - "$1" <<'END'
import sys
from pathlib import Path
from PIL import Image
from skimage import data
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name in ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry"):
    whole = Image.fromarray(getattr(data, name)())
    side = min(whole.size) // 3
    for n in range(9):
        left, top = (whole.width - side) * (n % 3) // 2, (whole.height - side) * (n // 3) // 2
        whole.crop((left, top, left + side, top + side)).save(folder / f"{name}-{n}.jpg", quality=92)
    whole.save(folder.parent / f"{name}.png")
END
