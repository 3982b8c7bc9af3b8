"""A simulated cluster: what a step of data-parallel training takes on so many ranks, message by message.

Each rank has a clock. It computes for a time that varies a little, and then exchanges gradients with the others; a
message takes latency + bytes/bandwidth, and neither end goes on before it has arrived. The exchanges are the two that
MPI libraries choose between:

- *ring*: the array is cut into N pieces, which go round twice, once to be added up and once to be given to all:
  2·(N − 1) messages of S/N bytes, one after the other, on all links at once;
- *tree*: pairs, pairs of pairs, … add up the whole array, and then hand it back: 2·⌈log₂ N⌉ messages of S bytes.

Source: Thakur, Rabenseifner & Gropp 2005, "Optimization of collective communication operations in MPICH".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

JITTER = 0.03  # the standard deviation of a rank's time of computing, in shares of it
STEPS = 20  # that are simulated, each from where the one before has left the ranks
SMALL = 256  # bytes of the exchanges of metrics, and of whether to stop


@dataclass(frozen=True)
class Network:
    """What connects the ranks: seconds until a message begins to arrive, and bytes a second from then on."""

    name: str
    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Run:
    """A training step of a recipe: bytes of its gradients, and seconds that one rank computes."""

    name: str
    size: float
    seconds: float


NETWORKS = (Network("10 Gbit/s", 30e-6, 10e9 / 8), Network("100 Gbit/s", 5e-6, 100e9 / 8))


def ring(clocks: np.ndarray, size: float, network: Network) -> np.ndarray:
    """Return when each rank has the sum of arrays of `size` bytes; `clocks` (N,) say when each was ready."""
    n = len(clocks)
    message = network.latency + size / n / network.bandwidth
    for _ in range(2 * (n - 1)):
        clocks = np.maximum(clocks, np.roll(clocks, 1)) + message
    return clocks


def tree(clocks: np.ndarray, size: float, network: Network) -> np.ndarray:
    """Return the same of a tree."""
    clocks = clocks.copy()
    n, message = len(clocks), network.latency + size / network.bandwidth
    distances = [1 << level for level in range((n - 1).bit_length())]
    for up, order in ((True, distances), (False, distances[::-1])):
        for distance in order:
            below = np.arange(distance, n, 2 * distance)  # each has a partner so many ranks before it
            above = below - distance
            there = np.maximum(clocks[above], clocks[below]) + message
            clocks[above] = there
            if not up:
                clocks[below] = there
    return clocks


def step(
    run: Run, n: int, network: Network, exchange: Callable[..., np.ndarray], share: float, seed: int = 0
) -> tuple[float, float]:
    """Return the seconds of a step on `n` ranks, each with a `share` of one rank's batch; and of its exchange."""
    random = np.random.default_rng(seed)
    clocks = np.zeros(n)
    exchanging = 0.0
    for _ in range(STEPS):
        clocks = clocks + run.seconds * share * np.maximum(0, 1 + JITTER * random.standard_normal(n))
        if n == 1:
            continue
        ready = clocks.max()
        clocks = exchange(clocks, run.size, network)
        exchanging += clocks.max() - ready
        for _ in range(2):
            clocks = tree(clocks, SMALL, network)
    return clocks.max() / STEPS, exchanging / STEPS


def predicted(n: int, size: float, network: Network) -> tuple[float, float]:
    """Return the seconds of an exchange by ring and by tree, by their formulas, of ranks that are ready at once."""
    if n == 1:
        return 0.0, 0.0
    rounds = (n - 1).bit_length()
    return (
        2 * (n - 1) * (network.latency + size / n / network.bandwidth),
        2 * rounds * (network.latency + size / network.bandwidth),
    )
