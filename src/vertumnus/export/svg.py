"""SVG with the pictures inside and drawings as drawings: the same in a browser and in Inkscape, layer for layer."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape, quoteattr

from vertumnus.document.bundle import used_pictures
from vertumnus.document.collage import Collage, Layer
from vertumnus.document.table import layer_fields
from vertumnus.elements.drawing import stored_drawing
from vertumnus.imaging.colour import parse_colour
from vertumnus.render.tone import tone_table
from vertumnus.writing import atomic_write

NAMESPACE = "urn:vertumnus:collage"  # of attributes that say what SVG has no word for (`vertumnus.export.edited`)
POSE = ("x", "y", "scale", "rotation", "flip", "squeeze", "shear", "opacity", "visible", "locked", "name", "image")
STEPS = 51  # of a tone's table: five bytes to a step
T = TypeVar("T")
MEDIA = {".png": "image/png", ".jpg": "image/jpeg"}


def save_svg(collage: Collage, path: str | Path) -> None:
    """Writes a collage as SVG.

    Every picture is embedded once, one that was made of a drawing as that drawing, with ids of its own and without
    scripts or references to anything outside; every layer is a named Inkscape layer with the document's own
    transform, its crop and outline a clip path, its gain and offset a filter. What Inkscape does not open everywhere
    (WebP and linked formats) is embedded as PNG. Of the other render methods SVG knows one: what is drawn by
    transparency adds up its light there too, by mix-blend-mode plus-lighter, in browsers; by the others it is laid
    over each other.

    Raises `VertumnusError` if a picture is gone or the place cannot be written.
    """
    path = Path(path)
    collage.name_layers()
    names = {name: f"p{index}" for index, name in enumerate(used_pictures(collage))}
    clips = _named("c", map(_clip_of, collage.layers))
    tones = _named("t", map(_tone_of, collage.layers))
    with atomic_write(path) as stream:
        stream.write(_head(collage).encode())
        for name, own in names.items():
            stream.write(_picture(collage, name, own).encode())
        for clip, mark in clips.items():
            if clip is not None and mark is not None:
                stream.write(_clip(clip, mark, collage).encode())
        for tone, mark in tones.items():
            if tone is not None and mark is not None:
                stream.write(_tone(tone, mark).encode())
        if collage.clip is not None:
            stream.write(
                f'<clipPath id="canvas"><path clip-rule="evenodd" d="{collage.clip}"/></clipPath>\n'.encode()
            )
        stream.write(b"</defs>\n")
        if collage.background is not None:
            red, green, blue, alpha = parse_colour(collage.background)
            stream.write(
                f'<rect vertumnus:background="yes" width="{collage.width}" height="{collage.height}"'
                f' fill="rgb({red},{green},{blue})" fill-opacity="{alpha / 255:.4g}"/>\n'.encode()
            )
        if collage.clip is not None:
            stream.write(
                b'<g id="clipped" inkscape:groupmode="layer" inkscape:label="clipped" clip-path="url(#canvas)">\n'
            )
        for number, layer in enumerate(collage.layers):
            size = collage.pictures.size(layer.image)
            stream.write(
                _layer(
                    layer,
                    number,
                    names[layer.image],
                    size,
                    clips[_clip_of(layer)],
                    tones[_tone_of(layer)],
                    collage.rendering == "transparency",
                ).encode()
            )
        stream.write(b"</svg>\n" if collage.clip is None else b"</g>\n</svg>\n")


# What of a picture is shown: its name where its size matters, its crop, its outline.
Clip = tuple[str, tuple[int, int, int, int] | None, str]
Tone = tuple[str, tuple[float, float, float], tuple[float, float, float]]


def _named(letter: str, used: Iterable[T | None]) -> dict[T | None, str | None]:
    """A name for each different one, none for none."""
    return {one: None if one is None else f"{letter}{n}" for n, one in enumerate(dict.fromkeys(used))}


def _clip_of(layer: Layer) -> Clip | None:
    if layer.crop is None and layer.outline == "rectangle":
        return None
    return (layer.image if layer.crop is None else "", layer.crop, layer.outline)


def _tone_of(layer: Layer) -> Tone | None:
    return (layer.light, layer.gain, layer.offset) if layer.toned else None


def _head(collage: Collage) -> str:
    title = f"<title>{escape(plain(collage.prompt))}</title>\n" if collage.prompt else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
        ' xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"'
        f' xmlns:vertumnus="{NAMESPACE}" vertumnus:document={quoteattr(_about(collage))}'
        f' width="{collage.width}" height="{collage.height}"'
        f' viewBox="0 0 {collage.width} {collage.height}">\n{title}<defs>\n'
    )


def _about(collage: Collage) -> str:
    """What is kept of the document itself."""
    facts = {name: getattr(collage, name) for name in ("background", "clip", "rendering", "prompt", "seed")}
    return plain(json.dumps({name: value for name, value in facts.items() if name != "clip" or value}))


def _kept(layer: Layer) -> str:
    """What is kept of a layer beside what the SVG itself says."""
    return plain(json.dumps({name: value for name, value in layer_fields(layer).items() if name not in POSE}))


def _picture(collage: Collage, name: str, own: str) -> str:
    drawing = collage.pictures.drawing(name)
    if drawing is not None:
        return _drawing(drawing, collage.pictures.size(name), name, own, collage.pictures.drawing_name(name) or name)
    suffix = Path(name).suffix
    data = collage.pictures.read(name)
    if suffix not in MEDIA:
        buffer = io.BytesIO()
        collage.pictures.decoded(name).save(buffer, "PNG")
        data, suffix = buffer.getvalue(), ".png"
    width, height = collage.pictures.size(name)
    return (
        f'<image id="{own}" width="{width}" height="{height}" preserveAspectRatio="none"'
        f' xlink:href="data:{MEDIA[suffix]};base64,{base64.b64encode(data).decode()}"/>\n'
    )


def _drawing(data: bytes, size: tuple[int, int], name: str, own: str, where: str) -> str:
    """A drawing on a canvas of its picture's pixels, its ids beginning with its own; it says which picture it is."""
    drawing = stored_drawing(data, size, where)
    inner = plain(drawing.apart(f"{own}-"))
    if not drawing.within:
        inner = f'<svg width="{size[0]}" height="{size[1]}">{inner}</svg>'
    return f'<g id="{own}" vertumnus:picture={quoteattr(name)} vertumnus:size="{size[0]} {size[1]}">{inner}</g>\n'


def _clip(clip: Clip, own: str, collage: Collage) -> str:
    """A clip path in the picture's own pixels."""
    name, crop, outline = clip
    left, top, width, height = crop if crop is not None else (0, 0, *collage.pictures.size(name))
    if outline == "hexagon":
        middle, right, bottom = left + width / 2, left + width, top + height
        upper, lower = top + height / 4, bottom - height / 4
        points = ((middle, top), (right, upper), (right, lower), (middle, bottom), (left, lower), (left, upper))
        shape = f'<polygon points="{" ".join(f"{x!r},{y!r}" for x, y in points)}"/>'
    else:
        shape = f'<rect x="{left}" y="{top}" width="{width}" height="{height}"/>'
    return f'<clipPath id="{own}">{shape}</clipPath>\n'


def _tone(tone: Tone, own: str) -> str:
    """A filter that does what gain and offset do, alpha as it is.

    In linear light it is a table of sRGB values: programs keep eight bits of linear light, too few for shadows.
    """
    light, gain, offset = tone
    parts = []
    table = tone_table(gain, offset, STEPS)
    for channel, values, slope, intercept in zip("RGB", table, gain, offset, strict=True):
        if light == "linear":
            numbers = " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values)
            parts.append(f'<feFunc{channel} type="table" tableValues="{numbers}"/>')
        else:
            parts.append(f'<feFunc{channel} type="linear" slope="{slope:.6g}" intercept="{intercept:.6g}"/>')
    return (
        f'<filter id="{own}" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">'
        f"<feComponentTransfer>{''.join(parts)}</feComponentTransfer></filter>\n"
    )


def _layer(
    layer: Layer,
    number: int,
    picture: str,
    size: tuple[int, int],
    clip: str | None,
    tone: str | None,
    adding: bool = False,
) -> str:
    left, top, width, height = layer.crop if layer.crop is not None else (0, 0, *size)
    across, down = -layer.scale if layer.flip else layer.scale, layer.scale * layer.squeeze
    form = f" skewX({layer.shear!r})" if layer.shear else ""
    transform = (
        f"translate({layer.x!r} {layer.y!r}) rotate({layer.rotation!r}){form}"
        f" scale({f'{across!r} {down!r}' if across != down else repr(across)})"
        f" translate({-left - width / 2!r} {-top - height / 2!r})"
    )
    inner = f'<use xlink:href="#{picture}" transform="{transform}"/>'
    if clip is not None:
        inner = f'<g transform="{transform}"><use xlink:href="#{picture}" clip-path="url(#{clip})"/></g>'
    more = ""
    if layer.opacity != 1.0:
        more += f' opacity="{layer.opacity!r}"'
    if tone is not None:
        more += f' filter="url(#{tone})"'
    # Compositing and Blending 2: premultiplied colours and alphas are added up to 1, which is the formula.
    style = [*(["display:none"] if not layer.visible else []), *(["mix-blend-mode:plus-lighter"] if adding else [])]
    if style:
        more += f' style="{";".join(style)}"'
    if layer.locked:
        more += ' sodipodi:insensitive="true"'
    return (
        f'<g id="layer{number}" inkscape:groupmode="layer" inkscape:label={quoteattr(plain(layer.name))}'
        f" vertumnus:layer={quoteattr(_kept(layer))}{more}>"
        f"{inner}</g>\n"
    )


def plain(text: str) -> str:
    """The text without characters that XML cannot hold, each shown as a sign of its own."""
    return "".join(sign if sign >= " " or sign in "\t\n" else "\N{REPLACEMENT CHARACTER}" for sign in text).translate(
        dict.fromkeys((0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}")
    )
