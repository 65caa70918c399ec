"""The process that draws SVGs for `vertumnus.elements.sandbox` and does nothing else; run as a script.

It reads jobs from its standard input and answers on its standard output, until the input ends. What a drawing may
cost is the system's to watch: beyond its seconds of CPU or its memory the process is ended, and only the process.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import threading

# Bytes of text, width, height, seconds of CPU, bytes of memory, with the system's fonts, at the size it says itself.
JOB = struct.Struct("<IIIIQ??")
ANSWER = struct.Struct("<?I")  # whether it was drawn; bytes of PNG, or of why not
STACK = 64 << 20  # bytes: what is nested deeply is drawn by recursion


def bound(seconds: int, memory: int) -> None:
    """What this process may use from now on, where the system can bound it."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    limits = ((resource.RLIMIT_CPU, used + seconds), (resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0))
    for what, most in limits:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def draw(text: str, width: int, height: int, fonts: bool, as_is: bool = False) -> tuple[bool, bytes]:
    """Whether it could be drawn, and the PNG or why not; ``as_is``: it says its size in pixels itself."""
    import resvg_py

    try:
        return True, bytes(
            resvg_py.svg_to_bytes(
                svg_string=text,
                width=None if as_is else width,
                height=None if as_is else height,
                dpi=96,
                skip_system_fonts=not fonts,
            )
        )
    except BaseException as error:  # a panic of Rust's is not an Exception
        return False, (str(error) or type(error).__name__).encode(errors="replace")[:1000]


def serve() -> None:
    """Draws until there is nobody to draw for."""
    source = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever is printed is no answer
        while len(head := source.read(JOB.size)) == JOB.size:
            length, width, height, seconds, memory, fonts, as_is = JOB.unpack(head)
            text = source.read(length).decode()
            bound(seconds, memory)
            drawn, data = draw(text, width, height, fonts, as_is)
            answers.write(ANSWER.pack(drawn, len(data)) + data)
            answers.flush()


if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # where the caller found resvg_py
    threading.stack_size(STACK)
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
