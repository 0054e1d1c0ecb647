"""What the peer scripts share: threads fixed before any library loads, equal inputs, and fair turns.

A contest is a dictionary of contenders, each of which does the whole job once when called. `python gram.py ...` gives them
turns in alternation and prints medians as one JSON document. With --serve it instead answers one JSON line to each
contender's name read from standard input, so that run.ts can put its own contenders' turns between.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

TURN_SECONDS = 0.2
# A call this long warms its caches by itself; an untimed one before it would double the run.
LONG_CALL_SECONDS = 0.5


@dataclass
class Contender:
    run: Callable[[], object]
    #: Of the arithmetic: "float32" or "float64".
    precision: str


def arguments(**options):
    """Parses the command line (numbers or texts, as the defaults are) and fixes the number of threads."""
    parser = argparse.ArgumentParser()
    for name, default in ({"threads": 2, "rounds": 7} | options).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--serve", action="store_true")
    parsed = parser.parse_args()
    for library in ("OMP", "OPENBLAS", "MKL", "QULACS"):
        os.environ[f"{library}_NUM_THREADS"] = str(parsed.threads)
    return parsed


def uniform(count, seed):
    """`count` numbers in [0, 1) on a grid of 1/256; bench/inputs.ts makes the same ones."""
    values, state = [], seed
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 24) / 256)
    return values


def take_turn(run):
    """Milliseconds of each call in one turn, after one call that does not count unless it is long."""
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    if first > LONG_CALL_SECONDS:
        return [first * 1000]
    times = []
    end = time.perf_counter() + TURN_SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return times


def hold(contenders, facts, options, packages):
    """Runs the contest; `facts` (numbers to check others against, flops) and versions of packages go into the document."""
    described = facts | {
        "contenders": {name: contender.precision for name, contender in contenders.items()},
        "versions": {"Python": platform.python_version()} | {package: version(package) for package in packages},
    }
    if not options.serve:
        turns = {name: [] for name in contenders}
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                turns[name].append(statistics.median(take_turn(contender.run)))
                time.sleep(0.05)  # the last contender's threads may still be spinning
        print(json.dumps(described | {"milliseconds": {name: statistics.median(t) for name, t in turns.items()}}))
        return
    print(json.dumps(described), flush=True)
    for line in sys.stdin:
        print(json.dumps(take_turn(contenders[line.strip()].run)), flush=True)
