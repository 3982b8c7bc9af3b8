"""What `benchmarks.startup` times from outside: a new process that trains `mnist` for one step, data and all."""

from tinyconv.recipes import BY_NAME
from tinyconv.recipes.ahead import compiling_beside
from tinyconv.recipes.config import fresh
from tinyconv.recipes.training import build, training_source


def main() -> None:
    """Do what `python -m tinyconv.train mnist` does, up to the end of the first step; then "done" is printed."""
    recipe = BY_NAME["mnist"]
    config = fresh(recipe, {})
    with compiling_beside(recipe, config):
        x, y, batch_size = training_source(recipe, config, recipe.load(config))
        build(recipe, config).train_on_batch(x[:batch_size], y[:batch_size])
        print("done", flush=True)


if __name__ == "__main__":
    main()
