#!/usr/bin/env python3
"""Run a terminal session and draw it as docs/session.svg, which README.md shows.

usage: scripts/record-session.py PROGRAM LAYOUT

PROGRAM is the layoutfs to run, LAYOUT the one that scripts/demo.sh creates. Needs root and FUSE. Mounts below a temporary
directory, and unmounts. In the animation each command appears after the end of the previous one, with the session's timing.
A viewer that cannot animate shows the whole session.
"""
import html
import os
import pathlib
import subprocess
import sys
import tempfile
import time

COMMANDS = [
    "du -sh debian",
    "layoutfs mount debian:bookworm image",
    "ls image",
    "grep -c ^Package: image/var/lib/dpkg/status",
    "layoutfs chroot debian:bookworm sh -c 'apt-get --version | head -n 1; touch /new; ls /new'",
    "layoutfs umount image",
]
TARGET = pathlib.Path(__file__).resolve().parent.parent / "docs/session.svg"
WIDTH, LINE, LEFT, TOP = 720, 19, 18, 46
STYLE = """
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d6deeb; white-space: pre }
  .prompt { fill: #7fdbca } .time { fill: #637777 }
  g { animation: appear 1ms backwards }
  @keyframes appear { from { visibility: hidden } }
"""


def run(command, place):
    start = time.monotonic()
    done = subprocess.run(["bash", "-c", command], cwd=place, stdin=subprocess.DEVNULL, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    return done.stdout.expandtabs().replace(f"{place}/", "").splitlines(), time.monotonic() - start, done.returncode


def draw(steps):
    """Returns the session, a list of (command, lines, seconds), as SVG."""
    rows, y, at = [], TOP, 0.5
    for command, lines, seconds in steps:
        texts = [f'<text x="{LEFT}" y="{y}"><tspan class="prompt"># </tspan>{html.escape(command)}</text>']
        y += LINE
        rows.append(f'<g style="animation-delay: {at:.2f}s">' + "".join(texts) + "</g>")
        at += 0.8 + seconds
        texts = []
        for line in lines:
            texts.append(f'<text x="{LEFT}" y="{y}">{html.escape(line)}</text>')
            y += LINE
        texts.append(f'<text x="{WIDTH - LEFT}" y="{y - LINE}" text-anchor="end" class="time">{seconds:.2f} s</text>')
        rows.append(f'<g style="animation-delay: {at:.2f}s">' + "".join(texts) + "</g>")
        at += 0.7
    height = y + 4
    dots = "".join(f'<circle cx="{20 + 18 * i}" cy="17" r="5.5" fill="{c}"/>' for i, c in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">\n'
            f"<style>{STYLE}</style>\n"
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#011627"/>{dots}\n' + "\n".join(rows) + "\n</svg>\n")  # fmt: skip


def main():
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(__doc__)
        return
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, layout = (pathlib.Path(each).resolve() for each in sys.argv[1:])
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        (place / "bin").mkdir()
        (place / "bin/layoutfs").symlink_to(program)
        (place / "debian").symlink_to(layout)
        os.environ["PATH"] = f"{place / 'bin'}:{os.environ['PATH']}"
        os.environ["LAYOUTFS_CACHE_DIR"] = str(place / "cache")
        os.environ.update(LC_ALL="C", COLUMNS="80")
        steps = []
        try:
            for command in COMMANDS:
                real = command.replace("du -sh debian", "du -shL debian")
                lines, seconds, code = run(real, place)
                if code:
                    sys.exit(f"{command}: exit code {code}: {lines}")
                steps.append((command, lines, seconds))
        finally:
            if os.path.ismount(place / "image"):
                subprocess.run(["umount", "-l", place / "image"], check=False)
    TARGET.write_text(draw(steps))


if __name__ == "__main__":
    main()
