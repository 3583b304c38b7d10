"""What the numbers of tools/bench/locality mean: when a load has settled, and whether nodewise is as good as its best peer."""

POINTS = 0.03 # that nodewise's remote share may be above the best peer's
TIMES = 1.25  # and its busiest node's share likewise
FINAL = 0.2   # the last part of the accesses shows the final state
LEFT = 0.1    # settled: so much of the largest distance from the final state may be left
AROUND = 1    # looks on either side that a share is averaged with


def between(looks, first, last):
    """The remote share of what was counted between two looks, None without an access."""
    accesses, remote = (looks[last][i] - looks[first][i] for i in (0, 1))
    return remote / accesses if accesses else None


def final_share(looks):
    begin = max(number for number, (accesses, _) in enumerate(looks) if accesses <= (1 - FINAL) * looks[-1][0])
    return between(looks, begin, len(looks) - 1)


def settled_after(looks):
    """Looks until the remote share stays near that of the end: LEFT of its largest distance, or POINTS. None: there are too
    few looks to tell. The looks are sums so far, [accesses, remote ones]."""
    looks = [[0, 0], *looks]
    if len(looks) < 10:
        return None
    final = final_share(looks)
    shares = [between(looks, max(0, number - 1 - AROUND), min(len(looks) - 1, number + AROUND)) for number in range(1, len(looks))]
    distances = [0 if share is None else abs(share - final) for share in shares]
    near = max(POINTS, LEFT * max(distances))
    return max((number + 1 for number, distance in enumerate(distances) if distance > near), default=0)


def best(row, systems):
    """The least of a row among the peers, and whose it is."""
    return min((row[system], system) for system in systems if system != "nodewise")


def judge(remote, busiest, systems):
    """A line for each load: the best peer of each kind, nodewise, and which bars do not hold."""
    for load in remote:
        least, whose = best(remote[load], systems)
        fewest, whose_too = best(busiest[load], systems)
        ours, ours_too = remote[load]["nodewise"], busiest[load]["nodewise"]
        missed = [what for what, bad in (("remote", ours > least + POINTS), ("busiest", ours_too > TIMES * fewest)) if bad]
        yield load, (ours, least, whose), (ours_too, fewest, whose_too), missed
