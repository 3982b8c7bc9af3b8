"""What a layer adds to the loss: penalties of its weights and of its outputs, and what its `call` adds by itself."""

from typing import Any

from .. import functions as F
from .. import regularizers
from ..autograd import calls
from ..randomness import draws_repeat
from ..structure import flat
from ..tensor import Tensor, as_tensor
from .tracking import Part


class Penalized(Part):
    """What a layer has of losses.

    What is added in a call counts until the call that began it all, that of the model, begins anew: it is noted with
    that call.
    """

    _activity_regularizer: Any = None
    _added: tuple[Any, list[Tensor]] | None = None  # the outermost call, and what was added in it

    @property
    def activity_regularizer(self) -> Any:
        """The penalty on the output, divided by the number of samples; set by name, as an object, or to None."""
        return self._activity_regularizer

    @activity_regularizer.setter
    def activity_regularizer(self, value: Any) -> None:
        self._activity_regularizer = regularizers.get(value)

    def every_layer(self) -> list[Any]:
        """Return this layer and all within."""
        raise NotImplementedError

    @property
    def trainable(self) -> bool:
        """Whether training changes those of the weights that are there to be learnt."""
        raise NotImplementedError

    def add_loss(self, loss: Any) -> None:
        """Add a tensor, or several, whose sum training is to minimise, too: to be called in `call`.

        Where draws repeat, as while a layer is tried, nothing is added.
        """
        if draws_repeat():
            return
        outermost = next(iter(calls()), None)
        if self._added is None or self._added[0] is not outermost:
            vars(self)["_added"] = outermost, []
        assert self._added is not None
        self._added[1].extend(as_tensor(each) for each in (loss if isinstance(loss, list | tuple) else [loss]))

    def penalized(self, outputs: Any) -> Any:
        """Return the outputs of a call, after adding their penalty."""
        for y in flat(outputs):
            penalty = self._activity_regularizer(y)
            self.add_loss(penalty / max(1, len(y)) if y.shape else penalty)
        return outputs

    @property
    def losses(self) -> list[Tensor]:
        """Penalties of the regularised weights, each once, however many layers share it; then what calls have added.

        They are to be added to the loss.
        """
        layers = self.every_layer()
        trained = [weight for layer in layers for weight in layer._learnt if weight.trainable and self.trainable]
        regularized = {id(weight): weight for weight in trained if weight.regularizer}
        penalties = [weight.regularizer(weight) for weight in regularized.values()]
        added = [layer._added[1] for layer in layers if layer._added is not None]
        return [*penalties, *(F.sum(loss) for losses in added for loss in losses)]
