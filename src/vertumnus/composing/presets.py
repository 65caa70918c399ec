"""Settings under one name: the published ones of SCORE, and ours, which are what is given where nothing is."""

from __future__ import annotations

from typing import Any

from vertumnus.errors import VertumnusError, did_you_mean

# SCORE (AAAI 2026) as far as it says: eq. (4) with a student at every step, eq. (7) to (11), its Gaussian kernel, no
# relocation and no strict finish; the student learns at the step and noise just seen. What it leaves open is as in
# the recipe it builds on (ProlificDreamer as of threestudio): 500 steps, noise levels .98 to .02 at all times,
# guidance 7.5. The student's rate, rank and layers are those at which mini's learns most in as many steps
# (docs/networks.md).
PRESETS: dict[str, dict[str, Any]] = {
    "score-paper": {
        "iterations": 500,
        "kernel_sigma": 1.0,
        "gradient_blur": (0.0, 0.0),
        "noise": 0.0,
        "relocate": False,
        "strict": False,
        "method": "vsd",
        "weighting": "sds",
        "noise_levels": (0.98, 0.02),
        "annealing": "none",
        "guidance_input": "colours",
        "target_weight": 0.0,
        "guidance_interval": 1,
        "guidance_scale": 7.5,
        "student_rate": 3e-3,
        "student_rank": 16,
        "student_layers": "all",
        "student_levels": "current",
    },
    # What was measured to read best (docs/networks.md), as where nothing is said; named, so that what a script asks
    # for stays. Which method, noise levels and steps, and what is seen of the pieces, is the model's own to say.
    "vertumnus": {
        "kernel_sigma": 0.0,
        "gradient_blur": (6.0, 0.5),
        "noise": 0.03,
        "relocate": True,
        "target_weight": 4.0,
        "guidance_interval": 10,
        "guidance_scale": 7.5,
        "student_rate": 1e-4,
        "student_rank": 4,
        "student_layers": "attention",
        "student_levels": "any",
    },
}


def preset_choices(name: str | None) -> dict[str, Any]:
    """The options, and those of guidances, that a preset gives; of None nothing.

    Raises `VertumnusError` for a name that is none.

    >>> preset_choices("score-paper")["guidance_interval"]
    1
    """
    if name is None:
        return {}
    if name not in PRESETS:
        raise VertumnusError(
            f"`preset`: there is none of the name {name!r}, known are {', '.join(PRESETS)}"
            f"{did_you_mean(name, PRESETS)}"
        )
    return dict(PRESETS[name])
