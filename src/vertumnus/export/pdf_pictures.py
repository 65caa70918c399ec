"""The pictures of a PDF: each once, a drawing as paths, a photograph with as many pixels as the paper needs."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from vertumnus.document.collage import Collage, Layer
from vertumnus.elements.drawing import draw_drawing, stored_drawing
from vertumnus.errors import VertumnusError
from vertumnus.imaging.decode import open_image
from vertumnus.render.tone import byte_table, srgb_byte_table

MORE = 1.25  # times the pixels needed, from which on a photograph is reduced
QUALITY = 92  # of one that is
MAX_TIMES = 16  # of its picture's size, that a drawing whose tone is changed is drawn at
MAX_DRAWN = 1 << 25  # pixels of such
Tone = tuple[str, tuple[float, float, float], tuple[float, float, float]] | None
Key = tuple[str, Tone]


class Shown(NamedTuple):
    """What draws a layer: its name in the page's resources, and whether it is an image on a unit square."""

    name: str
    image: bool


class PdfPictures:
    """Everything that a page refers to.

    dots   pixels on paper to a canvas pixel

    said   what could not be kept, in words
    """

    def __init__(self, pdf: Any, pikepdf: Any, collage: Collage, dots: float) -> None:
        self.pdf, self.pikepdf, self.collage, self.dots = pdf, pikepdf, collage, dots
        self.said: list[str] = []
        self._made: dict[Key, Shown] = {}
        self._objects = pikepdf.Dictionary()
        self._states: dict[float, str] = {}
        self._groups: list[tuple[Any, bool]] = []
        self._properties = pikepdf.Dictionary()

    def prepare(self, layers: list[Layer]) -> None:
        """Makes an object of every picture the layers show, as fine as the largest of them needs."""
        wanted: dict[Key, float] = defaultdict(float)
        for layer in layers:
            wanted[_key(layer)] = max(wanted[_key(layer)], layer.scale * max(1.0, layer.squeeze))
        paths = [key for key in wanted if key[1] is None and self.collage.pictures.drawing_name(key[0]) is not None]
        for key, form in zip(paths, self._drawings([name for name, _ in paths]), strict=True):
            self._keep(key, form, False)
        toned = 0
        for key, scale in wanted.items():
            if key not in self._made:
                toned += self.collage.pictures.drawing_name(key[0]) is not None
                self._keep(key, self._image(key, scale * self.dots), True)
        if toned:
            self.said.append(f"drawings whose colours are changed by gain or offset are pixels ({toned})")

    def _keep(self, key: Key, made: Any, image: bool) -> None:
        name = f"P{len(self._made)}"
        self._objects[f"/{name}"] = made
        self._made[key] = Shown(name, image)

    def shown(self, layer: Layer) -> Shown:
        """What draws a layer."""
        return self._made[_key(layer)]

    def opacity(self, value: float) -> str:
        """The name of the graphics state of that opacity."""
        return self._states.setdefault(round(value, 6), f"G{len(self._states)}")

    def named(self, layer: Layer) -> str:
        """The name of a layer's entry in the list of layers that a viewer shows."""
        group = self.pdf.make_indirect(self.pikepdf.Dictionary(Type=self.pikepdf.Name.OCG, Name=layer.name))
        name = f"L{len(self._groups)}"
        self._groups.append((group, layer.visible))
        self._properties[f"/{name}"] = group
        return name

    def layer_list(self) -> Any:
        """The document's list of layers, the topmost first (ISO 32000-1, sec. 8.11.4)."""
        made = self.pikepdf
        everything = [group for group, _ in self._groups]
        return made.Dictionary(
            OCGs=made.Array(everything),
            D=made.Dictionary(
                Order=made.Array(everything[::-1]),
                OFF=made.Array([group for group, visible in self._groups if not visible]),
            ),
        )

    def resources(self) -> Any:
        """The page's resources."""
        made = self.pikepdf
        states = {f"/{name}": made.Dictionary(ca=value, CA=value) for value, name in self._states.items()}
        return made.Dictionary(XObject=self._objects, ExtGState=made.Dictionary(states), Properties=self._properties)

    def _drawings(self, names: list[str]) -> list[Any]:
        """A form of each drawing, as large as its picture, a point to a pixel."""
        if not names:
            return []
        import typst

        pages, given = [], {}
        for n, name in enumerate(names):
            data, size = self.collage.pictures.drawing(name), self.collage.pictures.size(name)
            where = self.collage.pictures.drawing_name(name) or name
            assert data is not None
            # Drawn within bounds of time and memory first: what takes too long there would take too long here.
            draw_drawing(data, size, 1, where)
            given[f"d{n}"] = stored_drawing(data, size, where).written(*size).decode()
            pages.append(
                f"#page(width: {size[0]}pt, height: {size[1]}pt, margin: 0pt, image(bytes(sys.inputs.d{n}),"
                f' format: "svg", width: {size[0]}pt, height: {size[1]}pt, fit: "stretch"))'
            )
        try:
            converted = typst.compile("\n".join(pages).encode(), sys_inputs=given, format="pdf")
        except Exception as error:  # the library's own, of which it says no more
            raise VertumnusError(f"the drawings cannot be converted to PDF ({str(error)[:300]})") from None
        forms = []
        with self.pikepdf.open(io.BytesIO(converted)) as source:
            if len(source.pages) != len(names):
                raise VertumnusError("the drawings cannot be converted to PDF (not one page to each)")
            for page in source.pages:
                form = self.pdf.copy_foreign(page.as_form_xobject())
                form.Group = self.pikepdf.Dictionary(S=self.pikepdf.Name.Transparency)
                forms.append(form)
        return forms

    def _image(self, key: Key, dots: float) -> Any:
        """An image of a picture, with no more than so many pixels to one of its own."""
        name, tone = key
        pictures = self.collage.pictures
        width, height = pictures.size(name)
        if pictures.drawing_name(name) is not None:
            data = pictures.drawing(name)
            assert data is not None
            most = min(MAX_TIMES, math.sqrt(MAX_DRAWN / (width * height)))
            times = max(1, math.floor(min(most, math.ceil(dots))))
            picture = Image.fromarray(draw_drawing(data, (width, height), times, name))
        else:
            small = dots * MORE < 1
            if tone is None and not small and name.endswith(".jpg") and (made := self._as_it_is(name)) is not None:
                return made
            picture = pictures.decoded(name)
            if small:
                size = max(1, math.ceil(width * dots)), max(1, math.ceil(height * dots))
                picture = picture.convert("RGBa") if picture.mode == "RGBA" else picture
                picture = picture.resize(size, Image.Resampling.LANCZOS)
                picture = picture.convert("RGBA") if picture.mode == "RGBa" else picture
        if tone is not None:
            light, gain, offset = tone
            table = byte_table(gain, offset) if light == "linear" else srgb_byte_table(gain, offset)
            values = np.asarray(picture.convert("RGBA")).copy()
            for channel in range(3):
                values[..., channel] = table[channel][values[..., channel]]
            picture = Image.fromarray(values) if picture.mode == "RGBA" else Image.fromarray(values[..., :3])
        return self._encoded(picture, name.endswith(".jpg"))

    def _as_it_is(self, name: str) -> Any | None:
        """A JPEG's own bytes, where a PDF reader shows them as we do."""
        data = self.collage.pictures.read(name)
        with open_image(data, name) as image:
            plain = image.format == "JPEG" and image.mode in ("RGB", "L") and "icc_profile" not in image.info
            if not plain or image.getexif().get(0x0112, 1) != 1:
                return None
            size, grey = image.size, image.mode == "L"
        return self._stream(data, size, "DCTDecode", grey)

    def _encoded(self, picture: Image.Image, photograph: bool) -> Any:
        if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
            picture = picture.convert("RGB")
        if picture.mode == "RGBA":
            made = self._stream(picture.convert("RGB").tobytes(), picture.size, None)
            made.SMask = self._stream(picture.getchannel("A").tobytes(), picture.size, None, True)
            return made
        picture = picture.convert("RGB")
        if photograph:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
            return self._stream(buffer.getvalue(), picture.size, "DCTDecode")
        return self._stream(picture.tobytes(), picture.size, None)

    def _stream(self, data: bytes, size: tuple[int, int], encoding: str | None, grey: bool = False) -> Any:
        made = self.pikepdf
        stream = self.pdf.make_stream(
            data,
            Type=made.Name.XObject,
            Subtype=made.Name.Image,
            Width=size[0],
            Height=size[1],
            ColorSpace=made.Name.DeviceGray if grey else made.Name.DeviceRGB,
            BitsPerComponent=8,
            Interpolate=True,
        )
        if encoding is not None:
            stream.Filter = made.Name(f"/{encoding}")
        return stream


def _key(layer: Layer) -> Key:
    return layer.image, (layer.light, layer.gain, layer.offset) if layer.toned else None
