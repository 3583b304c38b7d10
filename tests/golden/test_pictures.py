"""Pictures of plans: what they show of machines from one CPU to thousands, that it fits, and that every viewer sees it.

    test_pictures.py --update      writes docs/images/plan.svg anew; look at it before it is committed
"""

import glob
import itertools
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, ".."))
import pictures
from pictures import SVG
from settings import setting

NODEWISE = os.path.join(setting("NODEWISE_BUILD"), "tools", "nodewise")
REDIS = ["--thread", "io_thd_*=3", "--thread", "bio_*=3"]
SAMPLE = os.path.join(ROOT, "docs", "images", "plan.svg")
SAMPLE_SHAPE = "pack:2 numa:1 l3:2 core:4 pu:2"
KINDS = ["socket", "node", "l3", "core", "cpu"]
CHART = os.path.join(ROOT, "tools", "bench", "locality_chart.py")
RESULTS = os.path.join(ROOT, "tools", "bench", "results", "locality")

# Shape: boxes of each kind that are drawn, from socket to CPU.
SHAPES = {
    "core:1 pu:1": (1, 1, 1, 1, 1),
    "core:2 pu:1": (1, 1, 1, 2, 2),
    "pack:2 numa:1 l3:2 core:4": (2, 2, 4, 16, 16),
    SAMPLE_SHAPE: (2, 2, 4, 16, 32),
    "pack:2 numa:2 l3:2 core:8 pu:2": (2, 4, 8, 64, 128),
    "pack:2 numa:4 l3:2 core:2 pu:2": (2, 8, 16, 32, 64),
    "pack:1 l3:1 core:2 pu:8": (1, 1, 1, 2, 16),
}


def plan(policy, topology, *words):
    """The picture of a plan, of a preset or of the text of a policy."""
    with tempfile.TemporaryDirectory() as folder:
        if policy.isalpha():
            subprocess.run([NODEWISE, "init", policy, "-o", "redis.toml"], cwd=folder, check=True, capture_output=True)
        else:
            with open(os.path.join(folder, "redis.toml"), "w", encoding="utf-8") as file:
                file.write(policy)
        done = subprocess.run([NODEWISE, "plan", "-p", "redis.toml", "--topology", topology, *words, "--svg", "-"], cwd=folder,
                              capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def sample():
    return plan("redis", SAMPLE_SHAPE, *REDIS)


def tree(text):
    return xml.etree.ElementTree.fromstring(text)


def place(rect):
    x, y, width, height = (int(rect.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def outline(group):
    """The box of a group: the rectangle around the others."""
    boxes = [place(rect) for rect in group.findall(SVG + "rect")]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def is_within(inner, outer):
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def text_box(text):
    """Where a text is at most: letters of DejaVu Sans, among the widest, are 0.64 of the height on average."""
    size, words = int(text.get("font-size")), "".join(text.itertext())
    width = len(words) * size * 0.64
    x, y = float(text.get("x")), float(text.get("y"))
    left = x - width * {"middle": 0.5, "end": 1}.get(text.get("text-anchor"), 0)
    return left, y - size * 0.75, left + width, y + size * 0.2


class Pictures(unittest.TestCase):
    def children_of(self, group, kind):
        return [child for child in group.findall(SVG + "g") if child.get("class") == kind]

    def check_nesting(self, parent, depth, counts):
        """Boxes of the next kind within their parent's, side by side; no box of another kind in between."""
        kind = KINDS[depth]
        boxes = [outline(child) for child in self.children_of(parent, kind)]
        counts[depth] += len(boxes)
        for a, b in itertools.combinations(boxes, 2):
            self.assertFalse(overlap(a, b), f"two of {kind} at {a} and {b}")
        for child, box in zip(self.children_of(parent, kind), boxes):
            if depth:
                self.assertTrue(is_within(box, outline(parent)), f"{kind} {box} in {outline(parent)}")
            if depth + 1 < len(KINDS):
                self.check_nesting(child, depth + 1, counts)

    def check_texts(self, root):
        """No text leaves its box or the picture, none covers another of its group."""
        whole = 0, 0, int(root.get("width")), int(root.get("height"))
        for group in root.iter(SVG + "g"):
            own = [text_box(text) for text in group.findall(SVG + "text")]
            limit = outline(group) if group.get("class") in KINDS else whole
            for box in own:
                self.assertTrue(is_within(box, (limit[0] - 1, limit[1], limit[2] + 1, limit[3])), (group.get("class"), box, limit))
            for a, b in itertools.combinations(own, 2):
                self.assertFalse(overlap(a, b), (group.get("class"), a, b))

    def test_boxes_nest_as_the_machine_does(self):
        for shape, expected in SHAPES.items():
            with self.subTest(shape=shape):
                root = tree(plan("redis", shape, *REDIS))
                counts = [0] * len(KINDS)
                self.check_nesting(root.find(SVG + "g"), 0, counts)
                self.assertEqual(tuple(counts), expected)
                self.assertEqual([len(pictures.groups(root, kind)) for kind in KINDS], list(expected), "none outside of its box")
                self.check_texts(root)

    def test_hardware_threads_share_a_core_and_labels_count_through(self):
        root = tree(sample())
        cores = [(core.findtext(SVG + "text"), [cpu.findtext(SVG + "title").split(":")[0] for cpu in self.children_of(core, "cpu")])
                 for core in pictures.groups(root, "core")]
        self.assertEqual(cores, [(f"core {i}", [f"CPU {2 * i}", f"CPU {2 * i + 1}"]) for i in range(16)])
        self.assertEqual([cache.findtext(SVG + "text") for cache in pictures.groups(root, "l3")], [f"L3 {i}" for i in range(4)])
        self.assertEqual([node.find(SVG + "text/" + SVG + "tspan").text for node in pictures.groups(root, "node")], ["node 0", "node 1"])
        self.assertEqual([socket.findtext(SVG + "text") for socket in pictures.groups(root, "socket")], ["socket 0", "socket 1"])

    def test_cells_show_the_rules_of_the_threads_on_them(self):
        root = tree(plan("redis", "core:2 pu:1", *REDIS))
        colours = pictures.legend_colours(root)
        self.assertEqual(list(colours), ["A", "B", "C", "D", "E"])
        for cpu in pictures.groups(root, "cpu"):
            marks = [text.text for text in cpu.findall(SVG + "text") if text.get("font-weight")]
            fills = [rect.get("fill") for rect in cpu.findall(SVG + "rect") if rect.get("fill") != "none"]
            self.assertEqual(fills, [colours[mark] for mark in marks])
            self.assertRegex(cpu.findtext(SVG + "title"), r"^CPU [01]: \d threads$")
        self.assertEqual(marks, ["B", "C"])

    def test_nodes_without_memory_or_cpus_are_drawn_as_such(self):
        for name, words in (("memory-less", "node 1no memory · 0 threads"), ("cpu-less", "node 264.0 GiB · no CPUs")):
            root = tree(plan("redis", os.path.join(HERE, "topologies", name + ".xml"), *REDIS))
            [node] = [node for node in pictures.groups(root, "node") if node.find(SVG + "rect").get("stroke-dasharray")]
            self.assertEqual("".join(node.find(SVG + "text").itertext()), words)
            self.check_texts(root)
        self.assertFalse(list(node.iter(SVG + "title")), "no CPUs")
        self.assertEqual(pictures.groups(root, "socket")[-1].findtext(SVG + "text"), "memory only")

    def test_a_large_machine_is_a_picture_of_bounded_size(self):
        """What is unused is a line, what is used as fine as there is room for."""
        large = "pack:8 numa:2 l3:4 core:32 pu:2"
        for shape, words, kind, cells in ((large, REDIS, "cpu", 256), (large, ["--thread", "x=9000"], "cache", 64),
                                          ("pack:4 numa:2 l3:2 core:16 pu:2", ["--thread", "x=600"], "cpu", 512),
                                          ("pack:8 numa:1 l3:4 core:16 pu:2", ["--thread", "x=1100"], "core", 512),
                                          ("pack:64 numa:2 l3:8 core:4 pu:2", ["--thread", "x=9000"], "node", 128)):
            with self.subTest(shape=shape, words=words):
                text = plan("auto" if "x=" in words[1] else "redis", shape, *words)
                self.assertLess(len(text), 500_000)
                root = tree(text)
                drawn = [group for group in pictures.groups(root, kind) if group.find(SVG + "title") is not None]
                self.assertEqual(len(drawn), cells)
                self.check_texts(root)
        root = tree(plan("redis", large, *REDIS))
        self.assertIn("sockets 1-7 nodes 2-15, 1.0 GiB each CPUs 512-4095 unused",
                      " ".join("".join(root.itertext()).split()).replace("sockets 1-7nodes", "sockets 1-7 nodes"))

    def test_a_picture_is_seen_without_style_sheets(self):
        for shape in ("core:1 pu:1", SAMPLE_SHAPE, os.path.join(HERE, "topologies", "cpu-less.xml")):
            with self.subTest(shape=shape):
                words = pictures.check_svg(self, plan("redis", shape, *REDIS))
                self.assertIn("background", words)

    def test_a_black_rectangle_is_not_a_picture(self):
        """What the pictures once were: colours that only a style sheet gives."""
        blind = re.sub(r'fill="#\w+"', 'fill="var(--paper)"', sample())
        with self.assertRaises(AssertionError):
            pictures.check_svg(self, blind)

    def test_dark_colours_are_an_override_for_every_class(self):
        text = sample()
        self.assertNotIn("var(", text)
        style = tree(text).findtext(SVG + "style")
        self.assertRegex(style, r"^@media \(prefers-color-scheme:dark\)\{[^@]*\}$")
        dark = dict(re.findall(r"\.(\w+)\{fill:(#\w+)\}", style))
        used = set()
        for element in tree(text).iter():
            names = (element.get("class") or "").split()
            used.update(name for name in names if element.tag != SVG + "g" and name != "line")
            if element.tag == SVG + "rect":
                self.assertRegex(element.get("fill"), "^(#[0-9a-f]{6}|none)$")
        self.assertGreaterEqual(set(dict(dark)), used)
        self.assertLess(pictures.luminance(dark["paper"]), 0.05)

    def test_long_words_are_cut_to_their_boxes(self):
        cpus = ",".join(map(str, range(0, 120, 2)))
        root = tree(plan('schema = 1\n[[rules]]\nname = "a-rule-with-a-name-that-is-long"\nmatch = { thread = "t*" }\n'
                         f'cpus = "{cpus}"\nbind_to = "none"\n', "core:120", "--thread", "t_and_12_letters=2"))
        self.check_texts(root)
        lines = ["".join(text.itertext()) for text in pictures.groups(root, "node")[0].findall(SVG + "text")]
        [line] = [line for line in lines if "t_and_12_letter" in line]
        self.assertRegex(line, r"^2 threads \(t_and_12_letter, …\)CPUs 0,2,4,.*…$")
        self.assertNotIn("118", line)

    def test_words_of_any_origin_stay_words(self):
        for name in ("<b>&\"x'", "\x01", "é" * 60, "\udc80"):
            root = tree(plan("redis", "core:2", "--thread", name))
            self.assertTrue(root.findall(".//" + SVG + "text"))

    def test_rules_are_told_apart_by_everyone(self):
        """Each two colours differ for eyes of each kind (Machado 2009 in OKLab), and letters on them are readable."""
        rules = "".join(f'[[rules]]\nname = "r{i}"\nmatch = {{ thread = "t{i}" }}\n' for i in range(8))
        text = plan("schema = 1\n" + rules, "core:2")
        light = list(pictures.legend_colours(tree(text)).values())
        self.assertEqual(len(light), 8)
        dark = dict(re.findall(r"\.(\w+)\{fill:(#\w+)\}", text))
        ink = tree(text).find(SVG + "g").get("fill")
        for colours, paper, letters in ((light, "#ffffff", ink), ([dark[f"r{i}"] for i in range(8)], dark["paper"], dark["cell"])):
            for colour in colours:
                self.assertGreater(pictures.contrast(colour, letters), 4.5, colour)
            for a, b in itertools.combinations([*colours, paper], 2):
                self.assertGreater(min(math.dist(seen(a, eyes), seen(b, eyes)) for eyes in EYES), 0.08, (a, b))

    def test_the_picture_of_the_readme_is_what_the_command_draws(self):
        with open(SAMPLE, encoding="utf-8") as file:
            self.assertEqual(file.read(), sample())

    def test_every_picture_of_the_repository_is_seen_without_style_sheets(self):
        paths = glob.glob(os.path.join(ROOT, "docs", "**", "*.svg"), recursive=True) + [RESULTS + ".svg"]
        self.assertGreater(len(paths), 1)
        for path in paths:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertNotIn("var(", text)
            pixels = pictures.render(text)
            self.assertGreater(pictures.luminance(pixels[0, 0]), 0.9, path)
            self.assertGreater(len(pixels.colours), 20, path)

    def test_the_bench_chart_is_drawn_from_its_data_with_a_value_on_each_bar(self):
        done = subprocess.run([sys.executable, CHART, RESULTS + ".json"], capture_output=True, text=True, check=True)
        with open(RESULTS + ".svg", encoding="utf-8") as file:
            self.assertEqual(file.read(), done.stdout)
        root = tree(done.stdout)
        panels = pictures.groups(root, "panel")
        self.assertEqual(len(panels), 7)
        for panel in panels:
            texts = panel.findall(SVG + "text")
            names, values = texts[1::2], [float(value.text.removesuffix(" %")) for value in texts[2::2]]
            self.assertEqual(len(names), 8)
            bars = [float(rect.get("width")) for rect in panel.findall(SVG + "rect")[:8]]
            for value, width in zip(values, bars):
                self.assertAlmostEqual(width, value * max(bars) / max(values), delta=0.2)
            for a, b in itertools.combinations(map(text_box, texts), 2):
                self.assertFalse(overlap(a, b), (a, b))


EYES = {"usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]}


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def seen(colour, eyes):
    """In OKLab, where equal distances look equally far apart."""
    light = [min(1, max(0, channel)) for channel in times(EYES[eyes], pictures.linear(colour))]
    cones = times([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]], light)
    return times([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                  [0.0259040371, 0.7827717662, -0.8086757660]], [max(0, cone) ** (1 / 3) for cone in cones])


if __name__ == "__main__":
    if "--update" in sys.argv:
        with open(SAMPLE, "w", encoding="utf-8") as output:
            output.write(sample())
    else:
        unittest.main(verbosity=2)
