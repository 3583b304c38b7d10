"""Bars of remote shares as SVG: a group for each load, a bar for each system, no library needed."""

COLOURS = ["#9aa0a6", "#7b8794", "#b0b7bf", "#c9a66b", "#b98b52", "#a67c45", "#8f86b5", "#1a73e8"]
LEFT, TOP, BAR, GAP, HEIGHT = 52, 46, 11, 18, 220
FONT = 'font-family="sans-serif" fill="#3c4043"'


def text(x, y, words, size=11, anchor="start"):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" {FONT}>{words}</text>'


def axis(width, most):
    lines = []
    for percent in range(0, int(most * 100) + 1, 25):
        y = TOP + HEIGHT - HEIGHT * percent / 100 / most
        lines.append(f'<line x1="{LEFT}" y1="{y}" x2="{width - 10}" y2="{y}" stroke="#dadce0"/>')
        lines.append(text(LEFT - 6, y + 4, f"{percent} %", anchor="end"))
    return lines


def group(x, load, row, systems, colours, most):
    bars = []
    for i, system in enumerate(systems):
        height = HEIGHT * row[system] / most
        bars.append(f'<rect x="{x + i * BAR}" y="{TOP + HEIGHT - height:.1f}" width="{BAR - 1}" height="{height:.1f}" '
                    f'fill="{colours[system]}"><title>{load}, {system}: {100 * row[system]:.1f} %</title></rect>')
    bars.append(text(x + len(systems) * BAR / 2, TOP + HEIGHT + 16, load, anchor="middle"))
    return bars


def legend(systems, colours):
    words, x = [], LEFT
    for system in systems:
        words.append(f'<rect x="{x}" y="{TOP - 20}" width="10" height="10" fill="{colours[system]}"/>')
        words.append(text(x + 14, TOP - 11, system))
        x += 30 + 7 * len(system)
    return words


def draw(table, systems, titles):
    """table: {load: {system: share}}"""
    colours = dict(zip(systems[::-1], COLOURS[::-1]))
    width = LEFT + len(table) * (max(len(systems) * BAR, 96) + GAP) + 10
    most = max(0.75, max(max(row.values()) for row in table.values()))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + HEIGHT + 28}">',
             '<rect width="100%" height="100%" fill="white"/>', text(LEFT, 16, "Remote share of all loads and stores", 13)]
    parts += axis(width, most) + legend(systems, colours)
    for i, (load, row) in enumerate(table.items()):
        parts += group(LEFT + GAP / 2 + i * (max(len(systems) * BAR, 96) + GAP), titles[load], row, systems, colours, most)
    return "\n".join([*parts, "</svg>"]) + "\n"
