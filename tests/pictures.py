"""What tests of pictures share: rendering them as a viewer without style sheets does (librsvg), and looking at the pixels.
Only the standard library is used, and rsvg-convert of Debian's librsvg2-bin."""

import collections
import struct
import subprocess
import xml.etree.ElementTree
import zlib

SVG = "{http://www.w3.org/2000/svg}"


def undo_filter(kind, line, above, step):
    """A line of a PNG as it was before its filter (RFC 2083, chapter 6)."""
    if kind == 1:
        for i in range(step, len(line)):
            line[i] = (line[i] + line[i - step]) & 255
    elif kind == 2:
        line = bytearray((a + b) & 255 for a, b in zip(line, above))
    elif kind == 3:
        for i in range(len(line)):
            line[i] = (line[i] + ((line[i - step] if i >= step else 0) + above[i]) // 2) & 255
    elif kind == 4:
        for i in range(len(line)):
            left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
            guess = left + above[i] - corner
            by_left, by_above, by_corner = abs(guess - left), abs(guess - above[i]), abs(guess - corner)
            best = left if by_left <= by_above and by_left <= by_corner else above[i] if by_above <= by_corner else corner
            line[i] = (line[i] + best) & 255
    return line


class Pixels:
    """A PNG with 8 bits a channel, without interlacing: rows of "#rrggbb", or None where nothing was painted."""

    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("not a PNG")
        at, packed = 8, b""
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            elif kind == b"IDAT":
                packed += body
            at += 12 + length
        step = {2: 3, 6: 4}[colour]
        if depth != 8 or interlaced:
            raise ValueError("a kind of PNG that is not read here")
        raw, size = zlib.decompress(packed), self.width * step
        above = bytearray(size)
        self.rows, self.colours = [], collections.Counter()
        for y in range(self.height):
            first = y * (size + 1)
            above = undo_filter(raw[first], bytearray(raw[first + 1:first + 1 + size]), above, step)
            row = [above[x:x + step] for x in range(0, size, step)]
            row = [f"#{p[:3].hex()}" if step == 3 or p[3] == 255 else None for p in row]
            self.rows.append(row)
            self.colours.update(row)

    def __getitem__(self, place):
        return self.rows[place[1]][place[0]]


def render(svg):
    """The pixels of a picture at its own size."""
    done = subprocess.run(["rsvg-convert"], input=svg.encode(), capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return Pixels(done.stdout)


def channels(colour):
    return [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]


def linear(colour):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]


def luminance(colour):
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear(colour)))


def contrast(a, b):
    """Of 1 to 21, as in WCAG 2: 4.5 is what text needs."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def groups(root, kind):
    return [group for group in root.iter(SVG + "g") if group.get("class") == kind]


def legend_colours(root):
    """{letter: colour} of the rules."""
    parts = list(groups(root, "legend")[0])
    return {mark.text: swatch.get("fill") for swatch, mark in zip(parts, parts[1:])
            if swatch.tag == SVG + "rect" and mark.get("font-weight")}


def check_svg(test, text):
    """A picture of a machine as anyone sees it who opens it. Its words."""
    root = xml.etree.ElementTree.fromstring(text)
    test.assertEqual(root.tag, SVG + "svg")
    test.assertNotIn("http", text.replace("http://www.w3.org/2000/svg", ""))
    pixels = render(text)
    test.assertEqual((pixels.width, pixels.height), (int(root.get("width")), int(root.get("height"))))
    for corner in ((0, 0), (pixels.width - 1, 0), (0, pixels.height - 1), (pixels.width - 1, pixels.height - 1)):
        test.assertGreater(luminance(pixels[corner] or "#000000"), 0.9, "a light background")
    test.assertGreater(len(pixels.colours), 20, "letters, lines and boxes are seen")
    for mark, colour in legend_colours(root).items():
        test.assertGreater(pixels.colours[colour], 150, f"rule {mark} is seen in {colour}")
    for cell in (group for kind in ("cpu", "core", "cache", "node") for group in groups(root, kind)):
        for rect in cell.findall(SVG + "rect"):
            if rect.get("fill") != "none":
                place = int(rect.get("x")) + 3, int(rect.get("y")) + 6
                test.assertEqual(pixels[place], rect.get("fill"), cell.findtext(SVG + "title"))
    return " ".join(root.itertext())
