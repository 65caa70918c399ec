"""How much of anything is taken, once for all rooms: what is beyond is a slip or an attack, and one sentence."""

from __future__ import annotations

MAX_PIXELS = 80_000_000  # of one picture that is read
MAX_PICTURE_BYTES = 512 << 20  # of one encoded picture
MAX_JSON_BYTES = 256 << 20  # of a document's text
MAX_UNPACKING = 200  # times that a member of an archive may grow; pictures are compressed already

MAX_CANVAS = 1_000_000  # canvas pixels a side
MAX_RENDER = 300_000  # pixels a side that are drawn
MAX_JPEG = 65_500  # pixels a side that a JPEG holds: libjpeg's limit
MAX_WEBP = 16_383  # pixels a side that a WebP holds

# Of a placement: finite, and such that single precision still tells pixels apart.
MAX_LENGTH = 1e7  # canvas pixels from the origin
MIN_SCALE, MAX_SCALE = 1e-6, 1e6
MAX_ROTATION = 1e6  # degrees
MIN_SQUEEZE, MAX_SQUEEZE = 1e-3, 1e3
MAX_SHEAR = 89.0  # degrees; at 90 the picture would be infinitely long
MAX_GAIN = 1e3
