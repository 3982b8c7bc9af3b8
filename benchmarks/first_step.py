"""What `benchmarks.startup` times from outside: a new process that trains `mnist` for one step, data and all."""

from .engines import CONTESTANTS
from .inputs import prepare
from .machine import usable_cores
from .networks import MODELS


def main() -> None:
    """Load the data, build the network, train one batch; "done" is printed when the step has finished."""
    model = MODELS["mnist"]
    CONTESTANTS["tinyconv"].build(model, prepare(model, model.batch), len(usable_cores())).step(0)
    print("done", flush=True)


if __name__ == "__main__":
    main()
