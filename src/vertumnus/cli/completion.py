"""``vertumnus completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish", "powershell"], /) -> None:
    """Print a script that completes commands and options in a shell.

    Example: vertumnus completion bash > ~/.local/share/bash-completion/completions/vertumnus

    Parameters
    ----------
    shell
        bash, zsh, fish or powershell.
    """
    from vertumnus.cli.app import app

    print(app.generate_completion(prog_name="vertumnus", shell=shell))
