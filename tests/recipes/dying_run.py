"""Run the command line and die at a chosen moment: `python dying_run.py MOMENT COUNT SIGNAL ARGUMENT…`.

MOMENT is a function that is called again and again while a run goes on; at its COUNT-th call the process gets SIGNAL.
"""

import os
import signal
import sys

from tinyconv import train
from tinyconv.optimizers import Optimizer

MOMENTS = {"update": (Optimizer, "apply"), "flush": (os, "fsync"), "rename": (os, "replace")}


def main():
    moment, count, number, *arguments = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    owner, name = MOMENTS[moment]
    function, calls = getattr(owner, name), 0

    def deadly(*given):
        nonlocal calls
        calls += 1
        if calls == int(count):
            os.kill(os.getpid(), int(number))
        return function(*given)

    setattr(owner, name, deadly)
    return train.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
