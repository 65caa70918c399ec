"""Options under their former names, understood for one version more and shown nowhere."""

from __future__ import annotations

from collections.abc import Sequence

RENAMED: dict[str, dict[str, str]] = {
    "compose": {
        "--prior": "--guidance",
        "--within": "--container",
        "--sees": "--guidance-input",
        "--agreement": "--target-weight",
        "--every": "--guidance-interval",
        "--reach": "--gradient-blur",
        "--splat": "--kernel-sigma",
    },
}


def present_names(arguments: Sequence[str]) -> list[str]:
    """Arguments of a command line with former names of its verb's options replaced.

    >>> present_names(["compose", "a.png", "--every=5", "--prior", "mini"])
    ['compose', 'a.png', '--guidance-interval=5', '--guidance', 'mini']
    """
    verb = next((argument for argument in arguments if not argument.startswith("-")), "")
    former = RENAMED.get(verb, {})
    found = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        found.append(former.get(name, name) + equals + value)
    return found
