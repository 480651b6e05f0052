"""`make bench-search`: 1:N search beside FAISS and a float32 product, on the same vectors, cores and run.

Contestants take turns, so that whatever else the machine does meets all of them; every figure is a median over the
turns, every ratio one of medians. The processor's time a query is printed too: it says more than the clock where the
machine is shared, at one thread (at more, waiting threads of FAISS and BLAS keep the processor busy). Vectors are
synthetic: strangers in all directions, and a planted mate for half of the probes. A size that takes longer than
`--patience` is not given more turns. Ends with the growth of cost from size to size and the goals of
docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.goals import Goal, finish, goal
from workers.gpu_face.search.engine import Choice, choose_engine
from workers.gpu_face.search.scan import Part

try:
    import faiss

    from benchmarks.speed import search_contestants as contestants
    from benchmarks.speed.search_clusters import cluster_goals
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: .venv/bin/pip install faiss-cpu (extra `bench` of pyproject.toml)")

PROBES = {10_000: 1024, 100_000: 1024, 1_000_000: 512}  # of a batch; the mates of half of them are planted
ONES = 20  # probes searched one at a time in each turn
TRIAL_FACES = 100_000  # FAISS's quantisers are tried on so many, the fastest runs at full size
MATE = 0.6  # similarity of a planted mate
TIE = 1e-5


@dataclass(slots=True)
class Contest:
    """What one contestant needed at one size."""

    search: contestants.Search
    batch_s: list[float] = field(default_factory=list)
    batch_cpu_s: list[float] = field(default_factory=list)
    one_s: list[float] = field(default_factory=list)
    answer: contestants.Answer = field(init=False)
    recall: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a query costs this search: in a batch by the clock and by the processor, and alone; seconds."""

    batch_s: float
    batch_cpu_s: float
    one_s: float


def main() -> None:
    """Run the sizes asked for and write the report."""
    options = _options()
    choice, threads = choose_engine(), options.threads
    faiss.omp_set_num_threads(threads)
    print(f"{threads} threads; engine {choice}; FAISS {faiss.__version__}")
    goals: list[Goal] = []
    costs: dict[int, Cost] = {}
    for size in options.sizes:
        costs[size], reached = _contest(size, options, choice)
        goals += reached
    _print_growth(costs)
    if options.clusters:
        goals += cluster_goals(options.clusters, threads, choice.engine)
    finish("bench-search", goals)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--patience", type=float, default=240, help="seconds for the turns of one size")
    parser.add_argument("--threads", type=int, default=contestants.core_count())
    parser.add_argument(
        "--clusters", type=int, default=100_000, help="people of the cluster trial, 0 for none"
    )
    return parser.parse_args()


def _contest(size: int, options: argparse.Namespace, choice: Choice) -> tuple[Cost, list[Goal]]:
    gallery, probes, mates = _faces(size)
    threads = options.threads
    parts = contestants.parts_of(gallery)
    flat = faiss.IndexFlatIP(gallery.shape[1])
    flat.add(gallery)
    gallery = faiss.rev_swig_ptr(flat.get_xb(), gallery.size).reshape(gallery.shape)  # a million are 2 GB
    contests = {
        "ours": Contest(contestants.ours(parts, choice.engine, threads)),
        "FAISS flat": Contest(contestants.faiss_flat(flat)),
        "float32 product": Contest(contestants.float32_product(gallery)),
    }
    quantiser = _fastest_quantiser(gallery[:TRIAL_FACES], probes[:32])
    if quantiser is not None:
        refined = contestants.faiss_refined(quantiser, gallery, flat)
        contests[f"FAISS {quantiser} refined"] = Contest(refined)
    rates = _take_turns(contests, options, probes, contestants.int8_rate(threads))
    for each in contests.values():
        each.recall = _recall(each.answer, contests["FAISS flat"].answer)
    rows = contests["ours"].answer[0][: len(mates)]
    found = float((rows == mates[:, None]).any(axis=1).mean())
    _print_table(size, gallery.shape[1], len(probes), contests, _bytes_a_face(parts))
    operations = 2 * len(probes) * gallery.size
    own = contests["ours"]
    cost = Cost(median(own.batch_s) / len(probes), median(own.batch_cpu_s) / len(probes), median(own.one_s))
    return cost, _goals(size, operations, contests, rates, found)


def _faces(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return gallery (N, 512), probes (P, 512), and the gallery's rows that are mates of the first probes."""
    random = np.random.default_rng(size)
    gallery = _unit(random.standard_normal((size, 512), dtype=np.float32))
    probes = _unit(random.standard_normal((PROBES.get(size, 512), 512), dtype=np.float32))
    mates = random.choice(size, len(probes) // 2, replace=False)
    probes[: len(mates)] = _unit(MATE * gallery[mates] + np.sqrt(1 - MATE**2) * probes[: len(mates)])
    return gallery, probes, mates


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _fastest_quantiser(gallery: NDArray[np.float32], probes: NDArray[np.float32]) -> str | None:
    """Return FAISS's quantiser that answers these probes soonest without missing anything, or None."""
    flat = faiss.IndexFlatIP(gallery.shape[1])
    flat.add(gallery)
    truth = contestants.faiss_flat(flat)(probes)
    seconds = {}
    for name in contestants.QUANTISERS:
        search = contestants.faiss_refined(name, gallery, flat)
        took = _seconds(search, probes)
        if _recall(search(probes), truth) == 1:
            seconds[name] = took
    return min(seconds, key=lambda name: seconds[name]) if seconds else None


def _take_turns(
    contests: dict[str, Contest],
    options: argparse.Namespace,
    probes: NDArray[np.float32],
    rate: Callable[[], float],
) -> list[float]:
    """Let everyone search in turn, first once unmeasured, and return the rates of 8-bit products measured between."""
    rates, started = [], time.perf_counter()
    for turn in range(options.turns + 1):
        if turn > 1 and time.perf_counter() - started > options.patience:
            print(f"{turn - 1} of {options.turns} turns in {options.patience:.0f} s")
            break
        rates.append(rate())
        for contest in contests.values():
            cpu_s, started_s = time.process_time(), time.perf_counter()
            contest.answer = contest.search(probes)
            cpu_s, batch_s = time.process_time() - cpu_s, time.perf_counter() - started_s
            ones = [_seconds(contest.search, probes[i : i + 1]) for i in range(ONES)]
            if turn:
                contest.batch_s.append(batch_s)
                contest.batch_cpu_s.append(cpu_s)
                contest.one_s.append(median(ones))
    return rates[1:]


def _seconds(search: contestants.Search, probes: NDArray[np.float32]) -> float:
    started = time.perf_counter()
    search(probes)
    return time.perf_counter() - started


def _recall(answer: contestants.Answer, truth: contestants.Answer) -> float:
    """Return the share of the truth that was found; a row that ties with the last of the truth is as good."""
    rows, similarities = answer
    right = (rows[:, :, None] == truth[0][:, None, :]).any(axis=2) | (similarities >= truth[1][:, -1:] - TIE)
    return float(right.mean())


def _bytes_a_face(parts: Sequence[Part]) -> tuple[float, float]:
    """Return the bytes that are read of each face in a scan, and all that are kept."""
    blocks = [part.blocks for part in parts]
    scanned = sum(each.codes.nbytes + each.sums.nbytes for each in blocks)
    kept = scanned + sum(each.exact.nbytes + each.units.nbytes for each in blocks)
    count = sum(map(len, blocks))
    return scanned / count, kept / count


def _print_table(
    size: int,
    dimension_count: int,
    batch: int,
    contests: dict[str, Contest],
    bytes_a_face: tuple[float, float],
) -> None:
    print(
        f"\n{size:,} x {dimension_count}; batches of {batch}; ours reads {bytes_a_face[0]:.0f} bytes a face"
    )
    print(f"and keeps {bytes_a_face[1]:.0f}, FAISS flat reads and keeps {4 * dimension_count}")
    print(f"{'':26}{'queries/s':>12}{'GOP/s':>9}{'cpu ms':>9}{'one, ms':>9}{'recall':>9}")
    for name, each in contests.items():
        rate = batch / median(each.batch_s)
        gops = 2e-9 * rate * size * dimension_count
        cpu_ms, one_ms = 1000 * median(each.batch_cpu_s) / batch, 1000 * median(each.one_s)
        print(f"{name:26}{rate:>12,.0f}{gops:>9,.0f}{cpu_ms:>9.3f}{one_ms:>9.2f}{each.recall:>9.4f}")


def _print_growth(costs: dict[int, Cost]) -> None:
    """Print what a query costs as the gallery grows, beside the first size."""
    first_size, first = next(iter(costs.items()))
    print(f"\n{'faces':>12}{'':8}{'batch, ms':>11}{'':9}{'cpu, ms':>9}{'':9}{'one, ms':>9}")
    for size, cost in costs.items():
        ratios = [
            (1000 * now, now / then)
            for now, then in (
                (cost.batch_s, first.batch_s),
                (cost.batch_cpu_s, first.batch_cpu_s),
                (cost.one_s, first.one_s),
            )
        ]
        figures = "".join(f"{ms:>11.3f} {ratio:>6.1f}x" for ms, ratio in ratios)
        print(f"{size:>12,} {size / first_size:>6.0f}x{figures}")


def _goals(
    size: int, operations: int, contests: dict[str, Contest], rates: list[float], found: float
) -> list[Goal]:
    own = contests["ours"]
    flat = contests["FAISS flat"]
    others = [each for name, each in contests.items() if name != "ours" and each is not flat]
    batched = median(flat.batch_s) / median(own.batch_s)
    fastest = min(median(each.batch_s) for each in others) / median(own.batch_s)
    one = median(flat.one_s) / median(own.one_s)
    share = operations / median(own.batch_s) / median(rates)
    name = f"search-{size}"
    return [
        goal(f"{name}-batched", f"{batched:.1f}x FAISS flat", ">= 15x", batched >= 15),  # noqa: PLR2004 - issue 3
        goal(f"{name}-others", f"{fastest:.1f}x the fastest other", ">= 3x", fastest >= 3),  # noqa: PLR2004
        goal(f"{name}-one", f"{one:.1f}x FAISS flat", ">= 4x", one >= 4),  # noqa: PLR2004
        goal(f"{name}-recall", f"{own.recall:.4f}", "1.0", own.recall == 1),
        goal(f"{name}-mates", f"{found:.4f} of planted mates found", "1.0", found == 1),
        goal(
            f"{name}-share",
            f"{share:.0%} of {median(rates) / 1e9:,.0f} GOP/s",
            ">= 60% of the int8 rate",
            share >= 0.6,  # noqa: PLR2004
        ),
    ]


if __name__ == "__main__":
    main()
