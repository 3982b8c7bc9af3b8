"""Batch normalization over the whole batch, of which each rank has a share."""

from typing import Any

import numpy as np

from .. import kernels
from ..distributed import current_share
from ..distributed.shares import Share
from ..tensor import Formula, Tensor, as_tensor
from .normalization import _learnt, _Normalization
from .rectifier import last_open


class SynchronizedBatchNorm(_Normalization):
    """Each channel normalized by its mean μ and variance σ² over the shares of all ranks; else like `BatchNorm`.

    With m_r rows here, their mean μ_r and variance σ_r², and m rows on all ranks together:

        μ = Σ_r m_r·μ_r / m        σ² = Σ_r m_r·(σ_r² + (μ_r − μ)²) / m

    the second term being the variance between the ranks. Afterwards `mean`, `variance` and `rows` hold μ, σ² and m.

    The gradient that arrives here is of the mean loss over the n_r samples of this rank, and is to count n_r/Σ n_r
    times in that of all. So the sums over the batch, seen from here, are Σ_q n_q·(Σ dy)_q / n_r, and the same of dy·x̂.
    """

    formula = Formula(
        "y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² over all ranks",
        "dx = γ/√(σ² + ε)·(dy − mean dy − x̂·mean(dy·x̂)), means over all ranks, dγ = Σ dy·x̂, dβ = Σ dy of this rank",
    )

    def __init__(self, scaled: bool, centered: bool, epsilon: float, ceiling: float | None, share: Share) -> None:
        super().__init__(scaled, centered, epsilon)
        self.ceiling = None if ceiling is None else float(ceiling)
        self.share = share

    def forward(self, x: Any, *learnt: Any) -> Any:
        self.gamma, beta = self.gamma_and_beta(learnt, None)
        _, mean, _, variance = kernels.of(x).batch_norm(x, None, None, self.epsilon, None)
        own = x.size // x.shape[-1]
        mean, variance = (kernels.move(each, "cpu").astype(np.float64) for each in (mean, variance))
        *sums, self.rows = self._summed(np.append(own * mean, own))
        total = max(1.0, self.rows)
        whole = np.array(sums) / total
        squares = self._summed(own * (variance + (mean - whole) ** 2)) / total
        inverse = 1 / np.sqrt(squares + self.epsilon)
        self.mean, self.variance, self.inverse = (self._like(each, x) for each in (whole, squares, inverse))
        scale = self.inverse if self.gamma is None else self.gamma * self.inverse
        shift = np.zeros_like(scale) if beta is None else beta
        self.arrays = x, self.mean, scale, shift
        return kernels.of(x).scale_shift(*self.arrays, self.ceiling)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        x, mean, scale, _ = self.arrays
        ceiling = self.ceiling and last_open(self.ceiling, dy.dtype)
        of = kernels.of(dy)
        dx, along, dbeta = of.scale_shift_backward(dy, *self.arrays, ceiling, (True, True, True))
        dgamma = along * self.inverse
        own = np.concatenate([kernels.move(each, "cpu").astype(np.float64) for each in (dbeta, dgamma)])
        samples = self.share.samples
        sums = self._summed(own * samples) / (max(1, samples) * max(1.0, self.rows))
        mean_dy, mean_along = (self._like(each, x) for each in np.split(sums, 2))
        dx = dx - of.scale_shift(x, mean, scale * self.inverse * mean_along, scale * mean_dy, None)
        return self.for_inputs(dx, dgamma, dbeta)

    def _summed(self, numbers: np.ndarray) -> np.ndarray:
        """Return the sums of numbers over all ranks."""
        self.share.communicator.sum_inplace(numbers)
        return numbers

    def _like(self, numbers: np.ndarray, x: Any) -> Any:
        return kernels.move(numbers.astype(x.dtype), kernels.device(x))


def synchronized_batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3, ceiling: float | None = None
) -> tuple[Tensor, Any, Any, int]:
    """Normalize each channel of x (…,c) over the batch, of which all ranks have shares: see `SynchronizedBatchNorm`.

    Returns (y, mean, variance, rows): statistics over all ranks, and how many rows these have. To be called by all
    ranks, while they compute a share: see `distributed.computing_share`. Else as `batch_norm`.
    """
    share = current_share()
    if share is None:
        raise RuntimeError("synchronized_batch_norm is for ranks that compute shares: use batch_norm")
    x = as_tensor(x)
    learnt = _learnt("synchronized_batch_norm", x, gamma, beta)
    function = SynchronizedBatchNorm(gamma is not None, beta is not None, epsilon, ceiling, share)
    y = function(x, *learnt)
    return y, function.mean, function.variance, int(function.rows)
