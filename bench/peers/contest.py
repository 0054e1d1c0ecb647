"""What the peer scripts share: threads fixed before NumPy loads, equal inputs, and fair turns.

A contest is a dictionary of contenders, each a function without arguments that does the whole job once.
`python gram.py ...` gives them turns in alternation and prints medians as one JSON document. With --serve
it instead answers one JSON line to each contender's name read from standard input, so that run.ts can put
its own contender's turns between.
"""

import argparse
import json
import os
import statistics
import sys
import time

TURN_SECONDS = 0.2


def arguments(**options):
    """Parses the command line (integer options with defaults) and fixes the number of threads."""
    parser = argparse.ArgumentParser()
    for name, default in ({"threads": 2, "rounds": 7} | options).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--serve", action="store_true")
    parsed = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(parsed.threads)
    return parsed


def uniform(count, seed):
    """`count` numbers in [0, 1) on a grid of 1/256; bench/inputs.ts makes the same ones."""
    values, state = [], seed
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 24) / 256)
    return values


def take_turn(contender):
    """Milliseconds of each call in one turn, after one call that does not count."""
    contender()
    times = []
    end = time.perf_counter() + TURN_SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        contender()
        times.append((time.perf_counter() - start) * 1000)
    return times


def hold(contenders, facts, options):
    """Runs the contest; `facts` (numbers to check others against, versions, flops) go into the document."""
    if not options.serve:
        turns = {name: [] for name in contenders}
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                turns[name].append(statistics.median(take_turn(contender)))
                time.sleep(0.05)  # the last contender's threads may still be spinning
        print(json.dumps(facts | {"milliseconds": {name: statistics.median(t) for name, t in turns.items()}}))
        return
    print(json.dumps(facts | {"contenders": list(contenders)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(take_turn(contenders[line.strip()])), flush=True)
