"""All kinds of cases."""

from __future__ import annotations

from hostile import documents, edited, files, networks, options, states, texts
from hostile.cases import Kind

KINDS: dict[str, Kind] = {
    "documents": Kind(documents.documents, 26),
    "archives": Kind(documents.archives, 10),
    "assignments": Kind(documents.assignments, 10),
    "pictures": Kind(files.pictures, 16),
    "strange files": Kind(files.strange_files, 5),
    "drawings": Kind(files.drawings, 5),
    "tables": Kind(files.tables, 5),
    "checkpoints": Kind(states.checkpoints, 8),
    "indexes": Kind(states.indexes, 5),
    "caches": Kind(states.caches, 3),
    "edited": Kind(edited.edited, 6),
    "galleries": Kind(edited.galleries, 1),
    "texts": Kind(texts.texts, 6),
    "films": Kind(texts.films, 2),
    "networks": Kind(networks.networks, 2, network=True),
    "options": Kind(options.options, 18),
}
