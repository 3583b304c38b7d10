#!/usr/bin/python3
"""Remote shares as SVG: a panel for each load, a bar for each system, its value beside it. No library needed.

  tools/bench/locality_chart.py tools/bench/results/locality.json >tools/bench/results/locality.svg
"""

import argparse
import json
import sys

import loads

PANELS = 2  # beside each other
MARGIN, GUTTER, HEAD = 20, 40, 62
NAMES, BAR, VALUE = 82, 268, 58  # columns of a panel: the system's name, its bar, room for a value behind the longest
LINE, THICK, TITLE = 19, 13, 30  # rows: a bar, its thickness, the load's name above
OURS = "nodewise"
# Class: what a viewer without styles shows, and the same for dark paper.
COLOURS = {"paper": ("#ffffff", "#0d1117"), "ink": ("#1b1f24", "#e6edf3"), "quiet": ("#57606a", "#9aa4af"),
           "other": ("#b6bec8", "#57606a"), "ours": ("#0072b2", "#49a5e6"), "axis": ("#57606a", "#9aa4af")}


def paint(name):
    return f'class="{name}" fill="{COLOURS[name][0]}"'


def text(x, y, words, size=12, anchor="start", colour="ink", bold=False):
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight} {paint(colour)}>{words}</text>'


def bar(x, y, system, share, most):
    length, ours = BAR * share / most, system == OURS
    return [text(x + NAMES - 8, y + 11, system, anchor="end", bold=ours),
            f'<rect x="{x + NAMES}" y="{y}" width="{length:.1f}" height="{THICK}" {paint("ours" if ours else "other")}/>',
            text(x + NAMES + length + 6, y + 11, f"{100 * share:.1f} %", bold=ours)]


def panel(x, y, title, row, systems, most):
    lines = ['<g class="panel">', text(x + NAMES, y + 14, title, 13, bold=True)]
    for i, system in enumerate(systems):
        lines += bar(x, y + TITLE - 4 + i * LINE, system, row[system], most)
    bottom = y + TITLE - 6 + len(systems) * LINE
    lines.append(f'<rect x="{x + NAMES - 1}" y="{y + TITLE - 7}" width="1" height="{bottom - y - TITLE + 5}" {paint("axis")}/>')
    return [*lines, "</g>"]


def style():
    dark = "".join(f".{name}{{fill:{colour}}}" for name, (_, colour) in COLOURS.items())
    return f"<style>@media (prefers-color-scheme:dark){{{dark}}}</style>"


def draw(table, systems, titles):
    """table: {load: {system: share}}"""
    most = max(0.75, max(max(row.values()) for row in table.values()))
    wide, high = NAMES + BAR + VALUE, TITLE + len(systems) * LINE + 16
    width = 2 * MARGIN + PANELS * wide + (PANELS - 1) * GUTTER
    height = HEAD + (len(table) + PANELS - 1) // PANELS * high + MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
             style(), f'<rect width="{width}" height="{height}" {paint("paper")}/>',
             '<g font-family="Helvetica, Arial, sans-serif">',
             text(MARGIN, 30, "Loads and stores that went to another node's memory", 16, bold=True),
             text(MARGIN, 50, "share of all that a load makes; less is better", colour="quiet")]
    for i, (load, row) in enumerate(table.items()):
        parts += panel(MARGIN + i % PANELS * (wide + GUTTER), HEAD + i // PANELS * high, titles[load], row, systems, most)
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", help="what tools/bench/locality wrote with --out")
    with open(parser.parse_args().results, encoding="utf-8") as file:
        table = json.load(file)["remote_accesses"]
    sys.stdout.write(draw(table, list(next(iter(table.values()))), {name: load.title for name, load in loads.LOADS.items()}))


if __name__ == "__main__":
    main()
