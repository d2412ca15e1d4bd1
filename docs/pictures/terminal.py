"""Records a command at a pseudo terminal, and draws recordings as one SVG that shows them in turn.

    terminal.py record OUT.json COMMAND
    terminal.py draw OUT.svg RECORDING.json ...
"""

import html
import json
import os
import pty
import re
import sys

import pyte
from pyte.graphics import FG_BG_256

COLUMNS, LINES = 106, 40
SECONDS = 7  # each recording is shown for so long
SIZE, CELL, LINE, PAD, BAR = 14, 8.43, 20, 18, 30

BACKGROUND, BORDER, TEXT, FAINT = "#1b1f27", "#3d4552", "#e2e6ee", "#98a2b3"
COLORS = {
    "black": "#5c6675", "red": "#ff7b72", "green": "#6ee787", "brown": "#ffd866",
    "blue": "#79b8ff", "magenta": "#e2a5ff", "cyan": "#6fdcec", "white": TEXT,
}
NAMES = list(COLORS)


def color(name):
    """The colour of a cell; bright colours are drawn as the plain ones."""
    if name in FG_BG_256[:16]:
        name = NAMES[FG_BG_256.index(name) % 8]
    name = name.removeprefix("bright").replace("yellow", "brown")
    return COLORS.get(name, TEXT if name == "default" else f"#{name}")


def record(out, command):
    """Runs the command at a terminal of its own and stores the lines that the terminal then shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
        os.execvp("bash", ["bash", "-c", f"stty rows {LINES} cols {COLUMNS}; exec {command}"])
    data = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not more:
            break
        data += more
    os.waitpid(pid, 0)
    # The emulator knows no faint text: italics, which no command prints, stand for it.
    text = re.sub(r"\x1b\[2m", "\x1b[3m", data.decode()).replace("\x1b[22m", "\x1b[22;23m")
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(text)
    lines = []
    for row in range(LINES):
        runs = []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            look = [FAINT if cell.italics else color(cell.fg), cell.bold]
            if runs and runs[-1][1:] == look:
                runs[-1][0] += cell.data
            else:
                runs.append([cell.data, *look])
        lines.append(runs)
    while lines and not "".join(run[0] for run in lines[-1]).strip():
        lines.pop()
    with open(out, "w") as file:
        json.dump({"command": command, "lines": lines}, file)


def text_at(x, y, text, fill, bold):
    """One run of text, stretched to its cells whatever font the reader has."""
    lead = len(text) - len(text.lstrip(" "))
    text = text.strip(" ")
    if not text:
        return ""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x + lead * CELL:.1f}" y="{y}" fill="{fill}"{weight} '
        f'textLength="{len(text) * CELL:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
    )


def draw(out, *recordings):
    """Draws a terminal that shows the recordings in turn; the first one alone without motion."""
    shown = [json.load(open(recording)) for recording in recordings]
    rows = max(len(one["lines"]) for one in shown) + 1
    width, height = round(COLUMNS * CELL + 2 * PAD), BAR + rows * LINE + PAD
    percent = 100 / len(shown)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{html.escape("; ".join(one["command"] for one in shown))}">',
        "<style>",
        f"text {{ font-size: {SIZE}px; white-space: pre; "
        "font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }",
        f".screen {{ visibility: hidden; animation: turn {SECONDS * len(shown)}s step-end infinite }}",
        f"@keyframes turn {{ 0% {{ visibility: visible }} {percent:.4f}% {{ visibility: hidden }} }}",
        *(f".screen:nth-of-type({n + 1}) {{ animation-delay: {n * SECONDS}s }}" for n in range(len(shown))),
        "@media (prefers-reduced-motion: reduce) { .screen { animation: none } "
        ".screen:nth-of-type(1) { visibility: visible } }",
        "</style>",
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="9" fill="{BACKGROUND}" stroke="{BORDER}"/>',
        *(
            f'<circle cx="{PAD + 4 + 18 * n}" cy="16" r="5.5" fill="{fill}"/>'
            for n, fill in enumerate(["#ff6b62", "#f6c04d", "#5ac86a"])
        ),
    ]
    for one in shown:
        svg.append('<g class="screen">')
        y = BAR + LINE
        svg.append(text_at(PAD, y, "$", COLORS["green"], True))
        svg.append(text_at(PAD + 2 * CELL, y, one["command"], TEXT, True))
        for line in one["lines"]:
            y += LINE
            x = PAD
            for text, fill, bold in line:
                svg.append(text_at(x, y, text, fill, bold))
                x += len(text) * CELL
        svg.append("</g>")
    svg.append("</svg>")
    with open(out, "w") as file:
        file.write("\n".join(part for part in svg if part) + "\n")


if __name__ == "__main__":
    {"record": record, "draw": draw}[sys.argv[1]](*sys.argv[2:])
