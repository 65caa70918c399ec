"""Models whose complaints are one sentence: what pydantic finds, said as the rest of the program says it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from vertumnus.errors import VertumnusError


class Options(BaseModel):
    """A frozen model of choices. Raises `VertumnusError` that names the field where a value cannot be used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            field, colon, rest = first_problem(error).partition(":")
            raise VertumnusError(
                f"`{field}`:{rest}" if colon and field.isidentifier() else f"{field}{colon}{rest}"
            ) from error

    def changed(self, **values: Any) -> Self:
        """These choices with some given anew.

        Raises `VertumnusError` as the model itself does; a name that it does not have is one.
        """
        return type(self)(**{name: getattr(self, name) for name in self.model_fields_set} | values)


def first_problem(error: ValidationError, owner: str = "") -> str:
    """The first complaint of pydantic as ``field: what is wrong``, with how many more there are.

    owner   what has the fields, as in "a collage"
    """
    first, *rest = error.errors()
    field = ""
    for part in first["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else str(part)
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = first["input"]
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool | None) else ""
    if first["type"] == "missing":
        message, shown = "this field is missing", ""
    elif first["type"] == "extra_forbidden":
        message, shown = f"{owner} has no such field" if owner else "there is no such field", ""
    more = f" (and {len(rest)} more)" if rest else ""
    return f"{field}: {message}{shown}{more}"
