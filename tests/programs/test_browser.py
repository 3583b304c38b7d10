"""The pages as a browser shows them: on a phone and on a desk, on light and on dark paper. The pages have no scripts; a page
around them, which holds each in frames of both widths, measures them."""

import html
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
import pictures

BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
REPORTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "reports")
PHONE, DESK = 360, 1280
MEASURE = """<script>
function measure(frame) {
  const page = frame.contentDocument, width = frame.clientWidth, found = {page: frame.title, width};
  const shown = [...page.body.querySelectorAll('*')].filter(e => e.getClientRects().length);
  const style = (e, name) => frame.contentWindow.getComputedStyle(e)[name];
  found.scrolls = Math.max(page.documentElement.scrollWidth, page.body.scrollWidth);
  found.outside = shown.filter(e => !e.closest('table') && e.getBoundingClientRect().right > width).map(e => e.outerHTML.slice(0, 80));
  found.boxes = [...page.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth).map(e => style(e, 'overflowX'));
  const letters = shown.filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()));
  found.smallest = Math.min(...letters.map(e => parseFloat(style(e, 'fontSize'))));
  found.ink = style(page.body, 'color');
  found.paper = style(page.body, 'backgroundColor');
  found.quiet = style(page.querySelector('.quiet'), 'color');
  found.cells = page.querySelectorAll('.socket .node .unit').length;
  found.height = page.body.scrollHeight;
  found.fills = [...page.querySelectorAll('svg rect, svg text')].map(e => style(e, 'fill'));
  return found;
}
window.onload = () => {
  document.getElementById('found').textContent = JSON.stringify([...document.querySelectorAll('iframe')].map(measure));
};
</script>"""


def hex_of(colour):
    """ "#rrggbb" of "rgb(r, g, b)"."""
    return "#" + "".join(f"{int(number):02x}" for number in re.findall(r"\d+", colour)[:3])


class Browser(harness.ProgramTest):
    def pages(self):
        """{name: page}"""
        policy = self.policy('[defaults]\nbind_to = "cpu"\ndistribution = "round_robin"\nlevel = "cpu"\n[[rules]]\n'
                             'name = "io"\nmatch = { thread = "a_thread_with_a_name_that_is_long*" }\n')
        plan = ["plan", "-p", policy, "--html", "-"]
        return {
            "small": self.nodewise(*plan, "--topology", "core:2", "--thread", "x=2"),
            "two sockets": self.nodewise(*plan, "--topology", "pack:2 l3:2 core:4 pu:2", "--thread",
                                         "a_thread_with_a_name_that_is_long=40"),
            "4096 CPUs": self.nodewise(*plan, "--topology", "pack:8 numa:2 l3:4 core:32 pu:2", "--thread", "x=9000"),
            "report": self.nodewise("report", os.path.join(REPORTS, "numpy-four-nodes.json"), "-f", "html"),
        }

    def browse(self, pages, *flags):
        """What is measured of each page at each width, and the screen."""
        frames = "".join(f'<iframe title="{name}" width="{width}" height="500" style="border:0" srcdoc="{html.escape(text)}"></iframe>'
                         for name, text in pages.items() for width in (PHONE, DESK))
        with open(self.path("around.html"), "w", encoding="utf-8") as file:
            file.write(f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="found" style="display:none"></pre>{frames}{MEASURE}')
        done = subprocess.run([*BROWSER, f"--user-data-dir={self.path('profile')}", "--window-size=600,400", *flags, "--dump-dom",
                               f"--screenshot={self.path('screen.png')}", "file://" + self.path("around.html")],
                              capture_output=True, text=True, timeout=harness.SECONDS, cwd=self.folder)
        found = re.search(r'<pre id="found"[^>]*>(\[.*?\])</pre>', done.stdout, re.DOTALL)
        self.assertTrue(found, done.stderr)
        with open(self.path("screen.png"), "rb") as file:
            return json.loads(html.unescape(found[1])), pictures.Pixels(file.read())

    def check_colours(self, found, is_dark):
        for page in found:
            ink, paper, quiet = hex_of(page["ink"]), hex_of(page["paper"]), hex_of(page["quiet"])
            self.assertEqual(pictures.luminance(paper) < 0.5, is_dark, page)
            self.assertGreater(pictures.contrast(ink, paper), 10, page)
            self.assertGreater(pictures.contrast(quiet, paper), 4.5, page)

    def test_pages_fit_a_phone_and_a_desk(self):
        pages = self.pages()
        found, screen = self.browse(pages)
        self.assertEqual([(page["page"], page["width"]) for page in found], [(name, width) for name in pages for width in (PHONE, DESK)])
        for page in found:
            self.assertLessEqual(page["scrolls"], page["width"], page)
            self.assertEqual(page["outside"], [], page)
            self.assertGreaterEqual(page["smallest"], 11, page)
            self.assertGreater(page["cells"], 1, page)
            self.assertGreater(page["height"], 300, page)
        scrolling = [page["boxes"] for page in found if page["width"] == PHONE]
        self.assertTrue(all(set(boxes) <= {"auto"} for boxes in scrolling))
        self.assertTrue(any(scrolling), "a wide table scrolls in its own box")
        self.check_colours(found, is_dark=False)
        self.assertGreater(pictures.luminance(screen[0, 0]), 0.9)
        self.assertGreater(len(screen.colours), 20)

    def test_pages_follow_a_dark_system(self):
        page = self.pages()["two sockets"]
        picture = self.nodewise("plan", "-p", self.path("policy.toml"), "--topology", "core:2", "--thread", "x=2", "--svg", "-")
        found, screen = self.browse({"two sockets": page, "with a picture": page.replace("<h2>", picture + "<h2>", 1)},
                                    "--blink-settings=preferredColorScheme=0")
        self.check_colours(found, is_dark=True)
        self.assertLess(pictures.luminance(screen[0, 0]), 0.05)
        self.assertGreater(len(screen.colours), 20)
        self.assertEqual(found[0]["fills"], [])
        fills = {hex_of(fill) for fill in found[-1]["fills"] if fill != "none"}
        self.assertGreater(len(fills), 5)
        light = set(re.findall(r'fill="(#\w+)"', picture)) - {"#ffffff"} # which is also what letters are on dark paper
        self.assertEqual(fills & light, set(), "no light colour is left")

    def test_bytes_in_pages_have_units(self):
        page = self.pages()["report"]
        cells = re.findall(r'<td class="n">([^<]*)</td>', page)
        self.assertIn("14.5 MiB", cells)
        self.assertIn("12,280", cells)
        self.assertNotRegex(" ".join(cells), r"\d{5}")


if __name__ == "__main__":
    harness.main()
