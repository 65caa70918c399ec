"""SVG with the pictures inside: opens the same in a browser and in Inkscape, a layer for a layer."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from vertumnus.document.atomic import atomic_write
from vertumnus.document.bundle import used_pictures
from vertumnus.document.collage import Collage, Layer
from vertumnus.imaging.colour import parse_colour

MEDIA = {".png": "image/png", ".jpg": "image/jpeg"}


def save_svg(collage: Collage, path: Path) -> None:
    """Writes a collage as SVG.

    Every picture is embedded once; every layer is a named Inkscape layer with the document's own transform.
    WebP, which Inkscape does not open everywhere, is embedded as PNG.

    Raises `VertumnusError` if a picture is gone or the place cannot be written.
    """
    with atomic_write(path) as stream:
        stream.write(_head(collage).encode())
        for index, name in enumerate(used_pictures(collage)):
            stream.write(_picture(collage, name, index).encode())
        stream.write(_filters(collage).encode())
        stream.write(b"</defs>\n")
        if collage.background is not None:
            red, green, blue, alpha = parse_colour(collage.background)
            stream.write(
                f'<rect width="{collage.width}" height="{collage.height}"'
                f' fill="rgb({red},{green},{blue})" fill-opacity="{alpha / 255:.4g}"/>\n'.encode()
            )
        index_of = {name: index for index, name in enumerate(used_pictures(collage))}
        for number, layer in enumerate(collage.layers):
            size = collage.pictures.size(layer.image)
            stream.write(_layer(layer, number, index_of[layer.image], size).encode())
        stream.write(b"</svg>\n")


def _head(collage: Collage) -> str:
    title = f"<title>{escape(collage.prompt)}</title>\n" if collage.prompt else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"'
        ' xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"'
        f' width="{collage.width}" height="{collage.height}"'
        f' viewBox="0 0 {collage.width} {collage.height}">\n{title}<defs>\n'
    )


def _picture(collage: Collage, name: str, index: int) -> str:
    suffix = Path(name).suffix
    data = collage.pictures.read(name)
    if suffix not in MEDIA:
        buffer = io.BytesIO()
        collage.pictures.image(name).save(buffer, "PNG")
        data, suffix = buffer.getvalue(), ".png"
    width, height = collage.pictures.size(name)
    return (
        f'<image id="p{index}" width="{width}" height="{height}" preserveAspectRatio="none"'
        f' xlink:href="data:{MEDIA[suffix]};base64,{base64.b64encode(data).decode()}"/>\n'
    )


def _filters(collage: Collage) -> str:
    """One filter for each gain in use: colours times the gain, alpha as it is."""
    gains = dict.fromkeys(layer.gain for layer in collage.layers if layer.gain != (1.0, 1.0, 1.0))
    return "".join(
        f'<filter id="{_filter_name(gain)}" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">'
        f'<feColorMatrix values="{gain[0]:.6g} 0 0 0 0 0 {gain[1]:.6g} 0 0 0 0 0 {gain[2]:.6g} 0 0 0 0 0 1 0"/>'
        "</filter>\n"
        for gain in gains
    )


def _filter_name(gain: tuple[float, float, float]) -> str:
    return "gain-" + "-".join(f"{value:.6g}".replace(".", "_") for value in gain)


def _layer(layer: Layer, number: int, picture: int, size: tuple[int, int]) -> str:
    scale = f"{-layer.scale!r} {layer.scale!r}" if layer.flip else f"{layer.scale!r}"
    transform = (
        f"translate({layer.x!r} {layer.y!r}) rotate({layer.rotation!r}) scale({scale})"
        f" translate({-size[0] / 2!r} {-size[1] / 2!r})"
    )
    more = ""
    if layer.opacity != 1.0:
        more += f' opacity="{layer.opacity!r}"'
    if layer.gain != (1.0, 1.0, 1.0):
        more += f' filter="url(#{_filter_name(layer.gain)})"'
    if not layer.visible:
        more += ' style="display:none"'
    if layer.locked:
        more += ' sodipodi:insensitive="true"'
    return (
        f'<g id="layer{number}" inkscape:groupmode="layer" inkscape:label={quoteattr(layer.name)}{more}>'
        f'<use xlink:href="#p{picture}" transform="{transform}"/></g>\n'
    )
