"""Models whose fields are checked, and whose complaints are one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from vertumnus.errors import VertumnusError

# What to say of a text that does not match a pattern.
PATTERNS: dict[str, str] = {}


def first_problem(error: ValidationError) -> str:
    """The first complaint of pydantic as ``field: what is wrong``, with how many more there are."""
    first, *rest = error.errors(include_url=False)
    field = ""
    for part in first["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else str(part)
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = first["input"]
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool | None) else ""
    if first["type"] == "missing":
        message, shown = "this field is missing", ""
    elif first["type"] == "string_pattern_mismatch":
        message = PATTERNS.get(first.get("ctx", {}).get("pattern", ""), message)
    elif first["type"] == "extra_forbidden":
        message, shown = "there is no such field", ""
    more = f" (and {len(rest)} more)" if rest else ""
    named = f"{field}: " if field else ""
    return f"{named}{message}{shown}{more}"


_FIELD = re.compile(r"([A-Za-z_]\w*(?:\.\w+|\[\d+\])*): (?:`([\w.\[\]]+)`: )?")


def quoted(problem: str) -> str:
    """A complaint with its field in backticks; a model within a model has put its own there already.

    >>> quoted("gap: must be at least 0")
    '`gap`: must be at least 0'
    >>> quoted("loss: `overlap[0]`: must be at least 0")
    '`loss.overlap[0]`: must be at least 0'
    """
    found = _FIELD.match(problem)
    if found is None:
        return problem
    inner = f".{found[2]}" if found[2] else ""
    return f"`{found[1]}{inner}`: {problem[found.end() :]}"


class Checked(BaseModel):
    """A pydantic model without surprises: no unknown field, every assignment checked, no pydantic error.

    Making one and assigning to a field raise `VertumnusError`: ``Layer: scale: ...``.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    if not TYPE_CHECKING:  # an editor completes the fields' names from what pydantic itself says

        def __init__(self, /, **data: Any) -> None:
            try:
                self.__pydantic_validator__.validate_python(data, self_instance=self)
            except ValidationError as error:
                raise VertumnusError(f"{type(self).__name__}: {first_problem(error)}") from None

        # Models inside models are made as quickly as if this were not here.
        __init__.__pydantic_base_init__ = True

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                super().__setattr__(name, value)
            except ValidationError as error:
                raise VertumnusError(f"{type(self).__name__}: {first_problem(error)}") from None


class Options(BaseModel):
    """A frozen model of choices. Raises `VertumnusError` that names the field where a value cannot be used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise VertumnusError(quoted(first_problem(error))) from error

    def changed(self, **values: Any) -> Self:
        """These choices with some given anew.

        Raises `VertumnusError` as the model itself does; a name that it does not have is one.
        """
        return type(self)(**{name: getattr(self, name) for name in self.model_fields_set} | values)
