"""The one rule of what is switched inside a `with` block: it holds for the thread, or the task, that entered it."""

import ast
import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import autograd, initializers, randomness
from tinyconv.config import fusing
from tinyconv.kernels.algorithm import wanted_algorithm
from tinyconv.layers.calling import Calling
from tinyconv.randomness import Stream

SWITCHES = {
    "no_grad": (tc.no_grad, autograd.recording),
    "calling": (lambda: autograd.calling("a layer"), autograd.calls),
    "training": (lambda: Calling("a layer", True), lambda: [call.training for call in autograd.calls()]),
    "fusion": (lambda: tc.fusion(False), fusing),
    "backend": (lambda: tc.backend("reference"), lambda: tc.kernels.host().__name__),
    "conv_algorithm": (lambda: tc.conv_algorithm("im2col"), wanted_algorithm),
    "repeat_draws": (randomness.repeat_draws, randomness.draws_repeat),
    "first_sample": (lambda: randomness.first_sample(3), lambda: randomness.first_element((1, 1))),
    "blank": (initializers.blank, lambda: initializers.first_values(initializers.Ones(), (1,), "float32").tolist()),
}
each_switch = pytest.mark.parametrize(("enter", "seen"), SWITCHES.values(), ids=SWITCHES)


@each_switch
def test_a_switch_holds_for_one_thread(enter, seen):
    """Of two threads at once, and of threads begun inside the block, before it, and by an executor."""
    usual = seen()
    entered, may_leave, found = threading.Event(), threading.Event(), []

    def inside():
        with enter():
            entered.set()
            may_leave.wait(10)
            found.append(seen())
        found.append(seen())

    with ThreadPoolExecutor(1) as early:
        early.submit(seen).result()  # begins the executor's thread
        other = threading.Thread(target=inside)
        other.start()
        assert entered.wait(10)
        assert seen() == usual
        with enter():
            switched = seen()
            assert switched != usual
            assert early.submit(seen).result() == usual
            with ThreadPoolExecutor(1) as late:
                assert late.submit(seen).result() == usual
            may_leave.set()
            other.join(10)
            assert type(found[0]) is type(switched)
            assert (found[0] != usual, found[1]) == (True, usual)
            assert seen() == switched
        assert seen() == usual


@each_switch
def test_a_switch_ends_with_its_block_however_that_ends(enter, seen):
    usual = seen()
    with pytest.raises(KeyError), enter():
        raise KeyError
    assert seen() == usual
    with enter(), enter():
        inner = seen()
    assert inner != usual
    assert seen() == usual


@each_switch
def test_tasks_that_take_turns_keep_theirs(enter, seen):
    usual = seen()

    async def task(switched):
        with ExitStack() as stack:
            if switched:
                stack.enter_context(enter())
            for _ in range(3):
                await asyncio.sleep(0)
                assert (seen() != usual) == switched

    async def together():
        await asyncio.gather(*(task(number % 2 == 1) for number in range(4)))

    asyncio.run(together())


def test_training_draws_on_while_another_thread_checks_gradients(rng):
    """A check fixes what random functions draw, and keeps averages as they are: for itself alone."""
    layer, x = tc.layers.Dropout(0.5, dtype="float64"), rng.random((3, 4))
    inside, done, found = threading.Event(), threading.Event(), []

    def slow(tensor):
        inside.set()
        done.wait(10)
        return layer(tensor, training=True)

    check = threading.Thread(target=lambda: found.append(tc.gradcheck(slow, x)))
    check.start()
    assert inside.wait(10)
    before = layer.stream.step
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    done.set()
    check.join(30)
    assert found
    assert found[0] < 1e-6
    assert (first != second).any()
    assert layer.stream.step == before + 2


def test_a_first_batch_in_another_thread_is_recorded(rng):
    """`no_grad` in the main thread is not for a thread that trains."""
    weight = tc.Tensor(rng.random(3), requires_grad=True)
    with tc.no_grad(), ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (weight * weight).sum().backward()).result()
    np.testing.assert_array_equal(weight.grad, 2 * weight.data)


def test_streams_made_by_threads_at_once_are_all_different(monkeypatch):
    """And with one seed, which the first of them chooses for all."""
    chosen = iter(range(100))

    def choose(bits):
        time.sleep(0.05)  # the others come in meanwhile
        return next(chosen)

    monkeypatch.setattr(randomness, "_seed", None)
    monkeypatch.setattr(randomness.secrets, "randbits", choose)
    with ThreadPoolExecutor(8) as pool:
        streams = [job.result() for job in [pool.submit(Stream) for _ in range(8)]]
    assert len({stream.number for stream in streams}) == 8
    assert {stream.seed for stream in streams} == {0}


def test_what_a_block_switches_is_no_plain_global():
    """A function that yields inside `try`, as a context manager's does, assigns to no global name."""
    root = Path(__file__).parents[2]
    for file in [*(root / "tinyconv").rglob("*.py"), *(root / "kernels").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(isinstance(part, ast.Yield) for part in ast.walk(node)):
                names = [name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names]
                assert not names or node.name in ALLOWED, f"{file}: {node.name} switches {names}"


# What is the process's own, since it is about the process: how many threads the BLAS has, while one of them is inside.
ALLOWED = ("single_threaded_blas",)
