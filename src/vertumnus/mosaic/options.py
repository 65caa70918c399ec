"""What can be chosen about a mosaic, by the names the command line uses."""

from __future__ import annotations

from typing import Literal, TypedDict

from pydantic import ConfigDict, Field, field_validator, model_validator

from vertumnus.checked import Checked
from vertumnus.imaging.light import Space
from vertumnus.limits import MAX_CELLS, Distance, Factor
from vertumnus.mosaic.match.crops import MAX_CROPS

DEFAULT_COUNT = 4096


class MosaicOptions(Checked):
    """How a mosaic is made. Raises `VertumnusError` that names the field for a value that cannot be used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid: str | None = Field(None, description="rows x columns, as 48x64 or (48, 64)")
    level: int | None = Field(None, ge=0, le=10, description="2^L x 2^L cells")
    count: int | None = Field(
        None, ge=1, le=MAX_CELLS, description="about so many cells; 4096 where nothing else is said"
    )
    adaptive: bool = Field(False, description="smaller cells where the reference has detail")
    cells: Literal["rectangle", "brick", "hexagon"] = Field("rectangle", description="shape and order of the cells")
    aspect: str | None = Field(None, description="of cells, as 4:3, or pictures for that of most tiles")
    subcells: int = Field(4, ge=1, le=8, description="each cell is compared in so many parts across and down")
    space: Space = Field("oklab", description="colours are compared in oklab, lab or rgb")
    colour: Factor = Field(1.0, description="weight of the colours of a cell's parts")
    mean: Factor = Field(0.5, description="weight of the whole cell's mean colour")
    lightness: Factor = Field(1.0, description="weight of lightness beside hue, within colours")
    edges: Factor = Field(0.1, description="weight of the orientation of edges")
    features: Literal["colour", "deep"] = Field(
        "colour",
        description="what cells are compared by: colours and edges; deep, by what a classifier of photographs sees as"
        " well (extra vision)",
    )
    deep: Factor = Field(1.0, description="what deep features count beside the others, about 1")
    crops: int = Field(1, ge=1, le=MAX_CROPS, description="parts of a tile that may be shown, the best is")
    flips: bool = Field(False, description="tiles may be mirrored")
    turns: bool = Field(False, description="tiles may be turned by quarters")
    assign: Literal["optimal", "greedy", "even"] = Field("optimal", description="how tiles are given to cells")
    max_uses: int | None = Field(None, ge=1, le=MAX_CELLS, description="of one tile")
    min_distance: Distance | None = Field(
        None,
        description="between equal tiles, cells; 2 where uses have no limit and there are tiles enough, else 0",
    )  # fmt: skip
    unique: bool = Field(False, description="each tile at most once")
    dither: bool = Field(False, description="make up for a tile's colour in the cells beside it")
    tone: str | None = Field(None, description="none, mean, mean-std, histogram or transport, with :0 to :1 of it")
    importance: str = Field(
        "faces",
        description="where people look, for better and more various tiles and smaller cells there: faces, none, or a"
        " picture that is light there",
    )
    alike: bool = Field(True, description="tiles that look alike keep apart as equal ones do")
    pin: tuple[str, ...] = Field((), description="ROW,COLUMN=NAME or CELL=NAME, from 0: the tile that a cell shows")
    exclude: tuple[str, ...] = Field((), description="names or patterns (*) of tiles that are not used")
    keep_faces: bool = Field(True, description="a tile cut to its cell is cut where its faces stay whole")
    merge_duplicates: bool = Field(False, description="of tiles that look the same use one")

    @field_validator("grid", mode="before")
    @classmethod
    def _pair(cls, given: object) -> object:
        return "x".join(map(str, given)) if isinstance(given, tuple | list) else given

    @model_validator(mode="after")
    def _one_grid(self) -> MosaicOptions:
        given = [name for name in ("grid", "level", "count") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"`{given[0]}` and `{given[1]}` both say how many cells; give one of them")
        if self.adaptive and (self.grid is not None or self.level is not None or self.cells != "rectangle"):
            raise ValueError("`adaptive` goes with `count` and rectangles alone")
        if self.aspect is not None and (self.grid is not None or self.level is not None):
            raise ValueError("`aspect` goes with `count`; `grid` and `level` take theirs from the reference")
        if self.unique and self.max_uses not in (None, 1):
            raise ValueError("`unique` and `max_uses` contradict each other")
        return self


class MosaicKeywords(TypedDict, total=False):
    """The fields of `MosaicOptions` as keywords, for editors to complete."""

    grid: str | tuple[int, int] | None
    level: int | None
    count: int | None
    adaptive: bool
    cells: Literal["rectangle", "brick", "hexagon"]
    aspect: str | None
    subcells: int
    space: Space
    colour: float
    mean: float
    lightness: float
    edges: float
    features: Literal["colour", "deep"]
    deep: float
    crops: int
    flips: bool
    turns: bool
    assign: Literal["optimal", "greedy", "even"]
    max_uses: int | None
    min_distance: float | None
    unique: bool
    dither: bool
    tone: str | None
    importance: str
    alike: bool
    pin: tuple[str, ...]
    exclude: tuple[str, ...]
    keep_faces: bool
    merge_duplicates: bool
