"""The README and the manual say what the command says: policies in them pass `check`, commands in them exist with their
options, and a sample of output behind a comment `<!-- $ nodewise … -->` is what the command prints today, but for what is left out
(a line "…"). Samples of reports come from reports/, which were taken from real runs."""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from settings import setting

BUILD = setting("NODEWISE_BUILD")
NODEWISE = os.path.join(BUILD, "tools", "nodewise")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAMPLE = re.compile(r"<!-- \$ (nodewise [^\n]*) -->\n+```[a-z]*\n(.*?)```", re.DOTALL)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def readme():
    return read(os.path.join(ROOT, "README.md"))


def guides():
    return sorted(glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True))


def nodewise(words, folder=None, columns="100"):
    return subprocess.run([NODEWISE, *words], capture_output=True, text=True, cwd=folder, timeout=60,
                          env={**os.environ, "COLUMNS": columns})


def policies(page):
    return re.findall(r"```toml\n(.*?)```", page, re.DOTALL)


def commands():
    """Every line of README, guides and manual that begins with `nodewise VERB`, continued ones joined, comments cut."""
    texts = [text for page in [readme(), *map(read, guides())] for text in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    texts += [text.replace("nodewise ", "\nnodewise ") for page in map(read, guides())
              for text in re.findall(r"`(nodewise [^`…]+)`", page) if "(7)" not in text]
    for path in sorted(glob.glob(os.path.join(ROOT, "tools", "man", "verbs", "*.roff"))):
        texts.append(read(path).split(".nf\n")[1].split(".fi")[0].replace("\\-", "-"))
    for text in texts:
        for line in text.replace("\\\n", " ").splitlines():
            if line.startswith("nodewise "):
                yield shlex.split(line, comments=True)


class Samples(unittest.TestCase):
    def test_policies_pass_the_check(self):
        texts = [text for page in [readme(), *map(read, guides())] for text in policies(page)]
        self.assertGreater(len(texts), 2)
        for text in texts:
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                with open(os.path.join(folder, "policy.toml"), "w", encoding="utf-8") as file:
                    file.write(text if "schema" in text else "schema = 1\n" + text)
                done = nodewise(["check", "policy.toml"], folder)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_preset_passes_the_check_on_one_node_and_on_eight(self):
        presets = nodewise(["init"]).stdout.split()
        self.assertGreater(len(presets), 12)
        for preset in presets:
            for topology in ("core:2", "pack:8 numa:1 l3:2 core:4 pu:2"):
                with self.subTest(preset=preset, topology=topology):
                    done = nodewise(["check", "preset:" + preset, "--topology", topology])
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_preset_has_a_guide(self):
        for preset in nodewise(["init"]).stdout.split():
            self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", preset + ".md")), preset)

    def test_all_policies_are_checked_whatever_is_wrong_with_the_first(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("one", "two"):
                with open(os.path.join(folder, name + ".toml"), "w", encoding="utf-8") as file:
                    file.write("schema = 1\n[nonsense]\n")
            done = nodewise(["check", "one.toml", "two.toml"], folder)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(re.findall(r"(\w+)\.toml:2:2: error", done.stderr), ["one", "two"])

    def test_commands_exist_with_their_options(self):
        self.assertGreater(len(list(commands())), 25)
        for words in commands():
            with self.subTest(words=words):
                shown = nodewise(["help", words[1]])
                self.assertEqual(shown.returncode, 0, shown.stderr)
                own = words[2:words.index("--")] if "--" in words else words[2:]
                for word in own:
                    if word.startswith("--"):
                        self.assertIn(word.split("=")[0], shown.stdout)

    def test_settings_in_commands_pass_the_check(self):
        settings = [[word for pair in zip(words, words[1:]) if pair[0] == "--set" for word in pair] for words in commands()]
        self.assertGreater(len(list(filter(None, settings))), 5)
        for words in filter(None, settings):
            with self.subTest(words=words), tempfile.TemporaryDirectory() as folder:
                with open(os.path.join(folder, "policy.toml"), "w", encoding="utf-8") as file:
                    file.write("schema = 1\n")
                done = nodewise(["check", "policy.toml", *words, "--topology", "pack:2 numa:2 core:2"], folder)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_guides_name_presets_and_reasons_that_exist(self):
        presets = nodewise(["init"]).stdout.split()
        for path in guides():
            for name in re.findall(r"nodewise init (\w+)", read(path)):
                self.assertIn(name, presets)
        for line in read(os.path.join(ROOT, "docs", "why-not-pinned.md")).splitlines():
            for reason in re.findall(r"`([a-z]+-[a-z-]+)`", line.split("|")[1] if line.startswith("| `") else ""):
                self.assertEqual(nodewise(["explain", reason]).returncode, 0, reason)

    def test_links_and_files_that_pages_name_exist(self):
        pages = [os.path.join(ROOT, name) for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
        for page in [*pages, *guides()]:
            text = read(page)
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                with self.subTest(page=page, link=link):
                    self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), link)))
            for name in re.findall(r"`((?:policy|config|shim|tests|tools)/[a-z0-9_./-]+)`", text):
                with self.subTest(page=page, name=name):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, name)))

    def test_readme_is_short(self):
        self.assertLessEqual(len(readme().splitlines()), 150)

    def test_headings_that_links_name_exist(self):
        for page in [os.path.join(ROOT, "README.md"), *guides()]:
            for link, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", read(page)):
                target = os.path.join(os.path.dirname(page), link) if link else page
                headings = [re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                            for line in re.findall(r"^#+ (.*)$", read(target), re.MULTILINE)]
                with self.subTest(page=page, link=link):
                    self.assertIn(heading, headings)

    def test_output_is_what_the_command_prints(self):
        samples = [sample for page in [readme(), *map(read, guides())] for sample in SAMPLE.findall(page)]
        self.assertGreater(len(samples), 5)
        own = len(SAMPLE.findall(readme()))
        for number, (command, expected) in enumerate(samples):
            with self.subTest(command=command), tempfile.TemporaryDirectory() as folder:
                os.symlink(os.path.join(ROOT, "tests", "golden", "reports"), os.path.join(folder, "reports"))
                if number < own: # the README's redis.toml is what it shows
                    with open(os.path.join(folder, "redis.toml"), "w", encoding="utf-8") as file:
                        file.write(policies(readme())[0])
                else:
                    for preset in set(re.findall(r"(\w+)\.toml", command)):
                        self.assertEqual(nodewise(["init", preset, "-o", preset + ".toml"], folder).returncode, 0)
                words = shlex.split(command)[1:]
                shown = nodewise(words, folder, "80")
                text = re.sub(r"[ \t]+$", "", shown.stdout + shown.stderr, flags=re.MULTILINE)
                at = 0
                for part in expected.split("…\n"):
                    self.assertIn(part, text[at:])
                    at = text.index(part, at) + len(part)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
