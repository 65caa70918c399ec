"""The studio's addresses as the documentation lists them; a test compares them with the routes there are."""

from __future__ import annotations

from typing import NamedTuple

ONE = "/api/documents/{id}"


class Address(NamedTuple):
    """A method, a path, and what it is for."""

    method: str
    path: str
    says: str


ADDRESSES = (
    Address("GET", "/", "the page; with `?token=` it sets the cookie and goes on to itself"),
    Address("GET", "/api/documents", "`{documents: [{id, name, path, changed, open}], first}`: those of the folder"),
    Address("POST", "/api/documents", "`{name?, width?, height?}`: a new document; `{id, name}`"),
    Address("POST", "/api/documents/open", "`{path}`, within the folder; `{id, name}`"),
    Address("GET", ONE, "the whole document, as `welcome` has it"),
    Address("POST", f"{ONE}/close", "saves it, and lets it go"),
    Address("POST", f"{ONE}/commands", "one command; answered with `done`"),
    Address(
        "POST",
        f"{ONE}/uploads",
        "multipart files; `{uploads: [{id, name, kind, width?, height?}], refused: [{name, message}]}`",
    ),
    Address("GET", f"{ONE}/uploads/{{upload}}", "a picture that was sent, no longer than `?side=`"),
    Address("POST", "/api/uploads", "the same, before there is a document"),
    Address("POST", "/api/import", "`{upload}` of a *.collage: it becomes a document of the folder; `{id, name}`"),
    Address("GET", f"{ONE}/jobs/{{job}}/{{index}}", "the picture of a job's result"),
    Address(
        "GET",
        f"{ONE}/exports/{{kind}}",
        "the document as it is: png, jpg, webp, tif, svg, pdf, psd, ora, collage, json and dzi (zipped), csv of a"
        " mosaic, html of words; `?scale=`, `?background=`, for PDF its options; film (WebP), gif and mp4 of the last"
        " run; `x-vertumnus-said` says what it is",
    ),
    Address(
        "GET",
        f"{ONE}/again",
        "`{command, again, render, exact}`: the line that makes the same file; `?format=` and what the export has",
    ),
    Address("GET", f"{ONE}/zoom", "`{dzi, width, height}`: a deep zoom of the document as it is"),
    Address("GET", f"{ONE}/zoom/{{revision}}/{{name}}", "its parts"),
    Address("GET", "/api/examples", "`[{name, title, about, verb}]`"),
    Address(
        "POST",
        "/api/examples/{name}",
        "a new document; `{id, name, run}` or `{.., job}`: the command that begins it",
    ),
    Address("GET", "/api/options/{verb}", "JSON schema of the options of a verb, a job, or `pdf`"),
    Address("GET", f"{ONE}/images/{{name}}", "a layer's picture as PNG, no longer than `?side=`; never changes"),
    Address(
        "GET",
        f"{ONE}/originals/{{name}}",
        "the picture that a mosaic's tile was cut from, no longer than `?side=`; `x-vertumnus-original: no` and the"
        " tile itself where it is not there",
    ),
    Address("WS", f"{ONE}/live", "commands in, messages and poses out"),
    Address("GET", "/api/icons", "`{icons: [names]}`, those that hold `?q=`, the best first"),
    Address("GET", "/api/icons/{name}", "an icon as PNG, in `?color=`"),
    Address("GET", "/api/shapes", "`{shapes: [names]}` that are built in"),
)
