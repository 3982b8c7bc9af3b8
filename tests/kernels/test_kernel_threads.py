"""How many threads compute, whichever thread of Python calls; kernels in forked children and from several threads."""

import os
import subprocess
import sys
from math import inf

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.kernels import cpus
from tinyconv.kernels.cpu import parallel

START = """
import multiprocessing, os, signal, sys, threading, warnings
import numpy as np
import numba
import tinyconv as tc
from tinyconv.kernels import Window, cpu
from tinyconv.kernels.cpu import memory, parallel

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of forks beside threads
x = np.linspace(-1, 1, 200_000, dtype=np.float32).reshape(-1, 100)
kernel = np.linspace(-1, 1, 9 * 4 * 8, dtype=np.float32).reshape(3, 3, 4, 8)
images = np.resize(x, (4, 20, 20, 4))

def compute():
    # The last one of these calls BLAS, SciPy's, from inside a kernel.
    made = [cpu.relu(x), cpu.dense(x, x[:100], None), cpu.conv2d(images, kernel, None, Window((3, 3)), 1, False)]
    made.append(cpu.conv2d(images, kernel, None, Window((3, 3), (2, 2)), 1, False))
    return b"".join(array.tobytes() for array in made)
"""


def run(program, **settings):
    """Run a program in a process of its own, and return what it prints; it has two threads if not told otherwise."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", **settings}
    done = subprocess.run(
        [sys.executable, "-c", START + program], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_threads_are_counted_for_the_whole_process():
    most = tc.threads()
    try:
        tc.set_threads(1)
        assert tc.threads() == 1
        assert parallel.threads_here() == 1
    finally:
        tc.set_threads(most)
    assert parallel.threads_here() == most


@pytest.mark.parametrize("count", [0, -1, 10**6, 1.0, "2", None])
def test_what_is_no_number_of_threads_is_refused(count):
    with pytest.raises(ValueError, match=f"must be a whole number from 1 to .*, got {count!r}"):
        tc.set_threads(count)


def test_every_thread_of_python_follows():
    """One that computed before, in two threads, and one that starts later; BLAS does too."""
    program = """
turn, done, seen = threading.Barrier(2), [], []

def work():
    for _ in range(2):
        turn.wait()
        done.append(compute())
        seen.append((numba.get_num_threads(), len(memory.thread_buffers(5, np.float32))))
        turn.wait()

early = threading.Thread(target=work)
early.start()
turn.wait(), turn.wait()
tc.set_threads(1)
turn.wait(), turn.wait()
early.join()
late = threading.Thread(target=lambda: (done.append(compute()), seen.append(numba.get_num_threads())))
late.start()
late.join()
print(seen, len(set(done)), {library.num_threads for library in parallel._blas_libraries()})
"""
    assert run(program) == "[(2, 2), (1, 1), 1] 1 {1}\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_kernels_run_in_forked_children(layer):
    """In a child, in its own child, with the parent's bits; and in the parent after that."""
    program = """
def child(queue, generation):
    with parallel.single_threaded_blas():
        x.T @ x
        queue.put(compute() == right)
    if generation:
        spread(generation - 1, queue)

def spread(generation, queue):
    process = fork.Process(target=child, args=(queue, generation))
    process.start()
    process.join(60)
    queue.put(process.exitcode)
    process.kill()

fork = multiprocessing.get_context("fork")
right = compute()
x.T @ x  # in NumPy's BLAS
for _ in range(2):
    queue = fork.SimpleQueue()
    spread(1, queue)
    print([queue.get() for _ in range(4)], compute() == right)
"""
    assert run(program, NUMBA_THREADING_LAYER=layer) == 2 * "[True, True, 0, 0] True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_beside_threads_that_compute():
    program = """
def child(results):
    results.send(compute() == right)

fork = multiprocessing.get_context("fork")
right, going = compute(), True

def work():
    while going:
        assert compute() == right

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(5):
    receiver, sender = fork.Pipe(False)
    process = fork.Process(target=child, args=(sender,))
    process.start()
    print(receiver.poll(60) and receiver.recv())
    process.kill()
    process.join()
going = False
"""
    assert run(program) == 5 * "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_where_kernels_cannot_run_in_a_forked_child_they_say_so():
    """As with an OpenMP that cannot send its threads home."""
    program = """
compute()
if os.fork() == 0:
    parallel._refuse_launches()
    try:
        compute()
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""
    printed = run(program)
    assert printed.endswith('start it anew, with multiprocessing.get_context("spawn")\n')
    assert printed.count("\n") == 1


def test_many_threads_launch_kernels_through_numbas_own_queue():
    """By itself it ends the process then: "Concurrent access has been detected"."""
    program = """
right, wrong = compute(), []

def work():
    wrong.extend(i for i in range(20) if compute() != right)

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(numba.threading_layer(), wrong)
"""
    assert run(program, NUMBA_THREADING_LAYER="workqueue") == "workqueue []\n"


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("", {}, inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "50000 100000\n"}, 0.5),
        ("1:name=systemd:/\n0::/x\n", {"unified/x/cpu.max": "400000 100000\n"}, 4),
        ("0::/../other\n", {"cpu.max": "100000 100000\n"}, 1),
        (
            "4:memory:/d\n3:cpu,cpuacct:/docker/1\n",  # of version 1; a container sees its own group as the first
            {"cpu,cpuacct/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        ("3:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, inf),
        ("3:cpuset:/d\n", {"cpuset/d/cpu.cfs_quota_us": "100000\n", "cpuset/d/cpu.cfs_period_us": "100000\n"}, inf),
        ("0::/\n", {"cpu.max": "nonsense\n"}, inf),
    ],
)
def test_limits_of_containers(tmp_path, groups, files, limit):
    for name, text in {"proc/self/cgroup": groups, **{"sys/fs/cgroup/" + name: files[name] for name in files}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpus.quota(tmp_path) == limit


def test_no_control_groups(tmp_path):
    assert cpus.quota(tmp_path) == inf


@pytest.mark.parametrize(("quota", "usable"), [(inf, 8), (100, 8), (2.5, 3), (0.1, 1), (3, 3)])
def test_usable_cpus(monkeypatch, quota, usable):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    monkeypatch.setattr(cpus, "quota", lambda: quota)
    assert cpus.usable() == usable


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one thread is all there is")
def test_a_containers_limit_holds_from_the_start():
    limit = "from tinyconv.kernels import cpus; cpus.usable = lambda: 1\n"
    program = """
print(tc.threads(), numba.config.NUMBA_NUM_THREADS > 1, parallel.threads_here())
thread = threading.Thread(target=lambda: (compute(), print(numba.get_num_threads())))
thread.start()
thread.join()
print({library.num_threads for library in parallel._blas_libraries()})
tc.set_threads(2)
print(tc.threads())
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", limit + START + program], capture_output=True, text=True, env=environment, timeout=300
    )
    assert (done.returncode, done.stdout) == (0, "1 True 1\n1\n{1}\n2\n"), done.stderr


def test_numbers_of_threads_do_not_change_arrays_that_are_being_filled():
    """A kernel's buffers are asked for before it is launched: there are as many as the launch will have threads."""
    before = np.ones((40, 30), np.float32)
    most = tc.threads()
    try:
        for count in (1, most, 1):
            tc.set_threads(count)
            assert (tc.kernels.cpu.dense(before, before.T.copy(), None) == 30).all()
    finally:
        tc.set_threads(most)
