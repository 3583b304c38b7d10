"""The access counter measures what it says: programs of which every access is known."""

import json

from guest import Lab, harness, lab_program

WALK = lab_program("walk")


class AccessCounter(Lab):
    def walks(self, shape, *walks):
        """Of each (CPU, nodes, KiB, rounds), what was counted."""
        out = self.path("counted.json")
        script = "".join(f"counted --marks {WALK} {' '.join(map(str, walk))}\n" for walk in walks)
        self.guest(shape, script, programs=[WALK], options=("--count", out, "--marks", "--remote-pages", "4096"))
        with open(out, encoding="utf-8") as file:
            results = [json.loads(line) for line in file]
        self.assertEqual(len(results), len(walks))
        for (_, _, kib, rounds), result in zip(walks, results):
            loads = kib * 16 * rounds
            self.assertGreaterEqual(result["loads"], loads)
            self.assertLess(result["loads"] + result["stores"], loads * 1.001 + 50)
            self.assertEqual(result["elsewhere"], 0)
        return results

    def test_where_each_access_goes(self):
        local, neighbour, spread = self.walks("4x2", (4, 0b0100, 2048, 4), (5, 0b1000, 2048, 4), (0, 0b1111, 2048, 4))
        self.assertLess(local["remote_accesses"], 0.001)
        self.assertAlmostEqual(local["distance_accesses"], 10, places=1)
        self.assertGreater(neighbour["remote_accesses"], 0.999)
        self.assertAlmostEqual(neighbour["distance_accesses"], 12, places=1)
        self.assertAlmostEqual(spread["remote_accesses"], 0.75, places=3)
        # at which pages: those of the array, each of them as often
        self.assertLess(len(local["remote_pages"]), 20)
        self.assertEqual({count for _, count in neighbour["remote_pages"][:500]}, {4096 // 64 * 4})
        self.assertAlmostEqual(sum(count for _, count in spread["remote_pages"]) / spread["loads"], 0.75, places=3)
        self.assertAlmostEqual(spread["distance_accesses"], (10 + 12 + 32 + 32) / 4, places=1)

    def test_eight_nodes_interleaved(self):
        self.assertAlmostEqual(self.walks("8x1", (7, 0xff, 2048, 2))[0]["remote_accesses"], 7 / 8, places=3)

    def test_what_stays_in_a_cache_is_no_miss(self):
        small, large = self.walks("2x4", (0, 0b10, 64, 50), (0, 0b10, 2048, 50))
        self.assertLess(sum(map(sum, small["misses"])), 64 * 16 * 1.2)
        self.assertGreater(sum(map(sum, large["misses"])), 2048 * 16 * 50 * 0.99)

    def test_looks_are_sums_so_far(self):
        out = self.path("counted.json")
        walk = f"{WALK} 4 8 2048 400"
        self.guest("4x2", f"counted --looks 20 {walk}\ncounted {walk}\n", programs=[WALK], options=("--count", out, "--marks"))
        with open(out, encoding="utf-8") as file:
            result, without = [json.loads(line) for line in file]
        looks = [[0, 0], *result["looks"], [result["loads"] + result["stores"], sum(map(sum, result["accesses"]))]]
        self.assertGreater(len(looks), 2, "it looked while the walk went on")
        self.assertEqual(without["looks"], [])
        for (before, _), (after, remote) in zip(looks, looks[1:]):
            self.assertLessEqual(before, after)
            self.assertLessEqual(remote, after)


if __name__ == "__main__":
    harness.main()
