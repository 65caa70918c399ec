"""Three hundred hostile cases: none ends in a traceback, a signal, a hang, or in silence about what was wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vertumnus

CASES = 306  # of which every fiftieth is left out: loading networks takes longer than all the rest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases run in forked children")
def test_quick_cases(tmp_path):
    """A process of its own, which has no threads and forks a child for every case."""
    tests = Path(__file__).parent.parent
    source = Path(vertumnus.__file__).parent.parent
    state = tmp_path / "cases"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "hostile",
            "--seed",
            "7",
            "--cases",
            str(CASES),
            "--without",
            "networks",
            "--state",
            state,
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(source), str(tests)])},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done = [json.loads(line) for line in state.read_text().splitlines()]
    assert len(done) == 300
    assert {entry["fault"] for entry in done} == {""}
    # Cases that all are refused, or all accepted, would prove little.
    assert 0.3 < sum(entry["refused"] for entry in done) / len(done) < 0.95
