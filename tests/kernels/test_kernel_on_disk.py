"""Machine code on disk: one process compiles a kernel, and others wait for it."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba.core import config

from tinyconv.kernels.cpu import runtime
from tinyconv.kernels.cpu.on_disk import SharedCache, fcntl, locked

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(fcntl is None, reason="this system has no such locks")

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """The path of a lock, and the process that has it."""
    path = tmp_path / "kernel.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield path, process
        process.kill()


def test_a_lock_is_waited_for_and_freed_when_its_process_dies(held, monkeypatch, capsys):
    path, process = held
    turns = []

    def turn(seconds):
        turns.append(seconds)
        if len(turns) == 3:
            process.kill()
            process.wait()

    monkeypatch.setattr("tinyconv.kernels.cpu.on_disk.sleep", turn)
    monkeypatch.setattr("tinyconv.kernels.cpu.on_disk.SILENCE", -1.0)
    with locked(path):
        assert len(turns) >= 3
    assert capsys.readouterr().err in ("tinyconv: waiting for another process that compiles Numba kernels\n", "")


def test_nobody_waits_who_is_to_stop_or_has_waited_long_enough(held, monkeypatch):
    path, _ = held
    assert locked(path, [2]) is None
    monkeypatch.setattr("tinyconv.kernels.cpu.on_disk.PATIENCE", 0.1)
    assert locked(path) is None


def test_where_there_are_no_locks_there_is_no_waiting(tmp_path, monkeypatch):
    assert locked(Path(os.devnull, "kernel.lock")) is None

    def refused(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    assert locked(tmp_path / "kernel.lock") is None


def test_a_forked_child_has_no_part_in_its_parents_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyconv.kernels.cpu.on_disk.PATIENCE", 5.0)
    reading, writing = os.pipe()
    lock = locked(tmp_path / "kernel.lock")
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)  # until the parent is done
        os._exit(0)
    os.close(reading)
    try:
        assert locked(tmp_path / "kernel.lock", [2]) is None
        lock.close()
        with locked(tmp_path / "kernel.lock") as again:
            assert again is not None
    finally:
        os.close(writing)
        os.waitpid(child, 0)


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="there is nothing on disk without the compiler")
def test_two_processes_compile_each_kernel_once_and_a_third_none(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    command = [sys.executable, "-m", "tinyconv.compile", "mnist-fc"]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].split() for process in both]  # mnist-fc 9 kernels compiled, 1 found on disk, …
    (compiled, found), (compiled_too, found_too) = ((int(words[1]), int(words[4])) for words in said)
    assert compiled + found == compiled_too + found_too == compiled + compiled_too > 5

    train = ["tinyconv.train", "mnist-fc", "--limit", "400", "--epochs", "1", "--output", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", *train], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "compiling" not in done.stderr


STEP = """
import sys
import numpy as np
from numba.core.runtime import nrtdynmod
create, created = nrtdynmod.create_nrt_module, []
nrtdynmod.create_nrt_module = lambda context: created.append(context) or create(context)
import tinyconv as tc
from tinyconv import layers as L
tc.set_seed(0)
penalty = tc.regularizers.l2(1e-3)
parts = [L.Input((8, 8, 16)), L.Conv2D(16, 3, kernel_regularizer=penalty), L.BatchNormalization(), L.ReLU()]
parts += [L.DepthwiseConv2D(3), L.MaxPooling2D(), L.Flatten(), L.Dropout(0.5), L.Dense(3, activation="softmax")]
model = tc.Sequential(parts)
model.compile(optimizer=tc.optimizers.Adam(global_clipnorm=1.0), loss="sparse_categorical_crossentropy")
model.train_on_batch(np.ones((64, 8, 8, 16), "float32"), np.zeros(64, int))
print("numba.np.linalg" in sys.modules, len(created))
"""


@pytest.mark.slow
@pytest.mark.skipif(config.DISABLE_JIT, reason="there is nothing on disk without the compiler")
def test_machine_code_on_disk_is_loaded_without_what_numba_compiles_with(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    said = [
        subprocess.run(
            [sys.executable, "-c", STEP], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["True", "1"], ["False", "0"]]


def test_the_runtime_on_disk_is_found_whole_and_for_this_processor_and_these_versions_or_not_at_all(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(runtime, "_content", b"")
    path, libraries = tmp_path / runtime.NAME, []
    codegen = SimpleNamespace(
        magic_tuple=lambda: ("x86_64", "a processor", "+avx2"), unserialize_library=libraries.append
    )
    context = SimpleNamespace(codegen=lambda: codegen)
    assert runtime.found(path, context) is None
    runtime.keep(path, runtime.packed(("nrt", "object", (b"machine code", b"bitcode")), context))
    assert [file.name for file in tmp_path.iterdir()] == [runtime.NAME]
    whole = path.read_bytes()
    for content in b"", whole[:2], whole[:-1], whole[:-1] + b"?", b"?" + whole[1:]:
        path.write_bytes(content)
        assert runtime.found(path, context) is None
    path.write_bytes(whole)
    codegen.magic_tuple = lambda: ("x86_64", "another processor", "+avx512f")
    assert runtime.found(path, context) is None
    assert not libraries
    codegen.magic_tuple = lambda: ("x86_64", "a processor", "+avx2")
    runtime.found(path, context)
    assert libraries == [("nrt", "object", (b"machine code", b"bitcode"))]


def test_the_runtime_is_kept_beside_every_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "_content", b"")
    runtime.keep_beside(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(runtime, "_content", b"content")
    for _ in range(2):
        runtime.keep_beside(tmp_path)
        assert (tmp_path / runtime.NAME).read_bytes() == b"content"


def test_numba_compiles_its_runtime_as_ever_where_ours_fails(tmp_path, monkeypatch):
    tried = []

    def initialize(context):
        tried.append(runtime.nrtdynmod.compile_nrt_functions)
        if len(tried) == 1:
            tried[0](context)

    as_ever = runtime.nrtdynmod.compile_nrt_functions
    monkeypatch.setattr(runtime, "rtsys", SimpleNamespace(_init=False, initialize=initialize))
    runtime.start(tmp_path, SimpleNamespace())  # which has no code generator
    assert tried[0] is not as_ever
    assert tried[1] is as_ever is runtime.nrtdynmod.compile_nrt_functions


def test_a_folder_that_cannot_be_written_keeps_no_runtime(tmp_path):
    file = tmp_path / "file"
    file.touch()
    runtime.keep(file / runtime.NAME, b"content")
    assert file.read_bytes() == b""


def test_kernels_share_what_is_on_disk():
    from tinyconv.kernels.cpu import compile

    kept = [kernel for kernel in compile.KERNELS if not hasattr(kernel, "not_on_disk")]
    assert all(type(kernel._cache) is SharedCache for kernel in kept)
