"""Update rules on the CPU: formulas in `reference/update.py`.

A rule reads and writes each array once, shared out among the threads: it runs at the speed of memory. The scalars
are rounded to the weight's dtype first (1 − β too, taken in double precision, as Keras does).
"""

import numpy as np
from numba import prange

from .compile import elementwise


def sgd_inplace(w: np.ndarray, g: np.ndarray, learning_rate: float) -> None:
    """w ← w − lr·g."""
    _sgd(_flat(w), g.reshape(-1), learning_rate)


def momentum_inplace(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Gradient descent with momentum, plain or Nesterov's."""
    _momentum(_flat(w), g.reshape(-1), _flat(m), learning_rate, momentum, nesterov)


def rmsprop_inplace(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    m: np.ndarray | None,
    a: np.ndarray | None,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    epsilon_inside: bool,
) -> None:
    """RMSprop, with momentum given `m`, centered given `a`; each of the four forms is compiled when first used."""
    slots = _flat(v), None if m is None else _flat(m), None if a is None else _flat(a)
    _rmsprop(_flat(w), g.reshape(-1), *slots, learning_rate, rho, momentum, epsilon, epsilon_inside)


def adam_inplace(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_hat: np.ndarray | None,
    alpha: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Adam, or AMSGrad given `v_hat`; `alpha` holds the step's bias correction."""
    slots = _flat(m), _flat(v), None if v_hat is None else _flat(v_hat)
    _adam(_flat(w), g.reshape(-1), *slots, alpha, beta_1, beta_2, epsilon)


def nadam_inplace(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    alpha_m: float,
    alpha_g: float,
    beta_1: float,
    beta_2: float,
    bias: float,
    epsilon: float,
) -> None:
    """Nadam; `alpha_m`, `alpha_g` and `bias` hold the step's corrections."""
    _nadam(_flat(w), g.reshape(-1), _flat(m), _flat(v), alpha_m, alpha_g, beta_1, beta_2, bias, epsilon)


def adagrad_inplace(
    w: np.ndarray, g: np.ndarray, a: np.ndarray, learning_rate: float, epsilon: float, epsilon_inside: bool
) -> None:
    """Adagrad, ε inside the root or outside."""
    _adagrad(_flat(w), g.reshape(-1), _flat(a), learning_rate, epsilon, epsilon_inside)


def adadelta_inplace(
    w: np.ndarray,
    g: np.ndarray,
    a: np.ndarray,
    d: np.ndarray,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """Adadelta."""
    _adadelta(_flat(w), g.reshape(-1), _flat(a), _flat(d), learning_rate, rho, epsilon)


def decay_inplace(w: np.ndarray, rate: float) -> None:
    """w ← w − rate·w."""
    _decay(_flat(w), rate)


def _flat(array: np.ndarray) -> np.ndarray:
    """Return a one-dimensional view of `array`.

    Raises ValueError when it is not C-contiguous: it would be a copy, and the update lost.
    """
    if not array.flags.c_contiguous:
        raise ValueError("an array to update in place must be C-contiguous: copy it with np.ascontiguousarray first")
    return array.reshape(-1)


@elementwise
def _sgd(w: np.ndarray, g: np.ndarray, learning_rate: float) -> None:
    rate = w.dtype.type(learning_rate)
    for i in prange(w.size):
        w[i] -= rate * g[i]


@elementwise
def _momentum(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    rate = w.dtype.type(learning_rate)
    mu = w.dtype.type(momentum)
    for i in prange(w.size):
        step = rate * g[i]
        moved = mu * m[i] - step
        m[i] = moved
        w[i] += mu * moved - step if nesterov else moved


@elementwise
def _rmsprop(
    w: np.ndarray,
    g: np.ndarray,
    v: np.ndarray,
    m: np.ndarray | None,
    a: np.ndarray | None,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    epsilon_inside: bool,
) -> None:
    number = w.dtype.type
    zero, rate, mu = number(0), number(learning_rate), number(momentum)
    old, new = number(rho), number(1.0 - rho)  # weights of the running average and of this gradient
    inside = number(epsilon) if epsilon_inside else zero
    outside = zero if epsilon_inside else number(epsilon)
    for i in prange(w.size):
        square = old * v[i] + new * g[i] * g[i]
        v[i] = square
        if a is not None:
            mean = old * a[i] + new * g[i]
            a[i] = mean
            square -= mean * mean
            square = zero if square < zero else square  # false for NaN, which stays
        step = rate * g[i] / (np.sqrt(square + inside) + outside)
        if m is not None:
            step += mu * m[i]
            m[i] = step
        w[i] -= step


@elementwise
def _adam(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    v_hat: np.ndarray | None,
    alpha: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    number = w.dtype.type
    rate, small = number(alpha), number(epsilon)
    new_1, new_2 = number(1.0 - beta_1), number(1.0 - beta_2)
    for i in prange(w.size):
        m[i] += new_1 * (g[i] - m[i])
        v[i] += new_2 * (g[i] * g[i] - v[i])
        square = v[i]
        if v_hat is not None:
            square = v_hat[i] if v_hat[i] > square else square  # false for NaN, which is handed on
            v_hat[i] = square
        w[i] -= rate * m[i] / (np.sqrt(square) + small)


@elementwise
def _nadam(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    alpha_m: float,
    alpha_g: float,
    beta_1: float,
    beta_2: float,
    bias: float,
    epsilon: float,
) -> None:
    number = w.dtype.type
    rate_m, rate_g, scale, small = number(alpha_m), number(alpha_g), number(bias), number(epsilon)
    new_1, new_2 = number(1.0 - beta_1), number(1.0 - beta_2)
    for i in prange(w.size):
        m[i] += new_1 * (g[i] - m[i])
        v[i] += new_2 * (g[i] * g[i] - v[i])
        w[i] -= (rate_m * m[i] + rate_g * g[i]) / (np.sqrt(v[i] / scale) + small)


@elementwise
def _adagrad(
    w: np.ndarray, g: np.ndarray, a: np.ndarray, learning_rate: float, epsilon: float, epsilon_inside: bool
) -> None:
    number = w.dtype.type
    rate = number(learning_rate)
    inside = number(epsilon) if epsilon_inside else number(0)
    outside = number(0) if epsilon_inside else number(epsilon)
    for i in prange(w.size):
        a[i] += g[i] * g[i]
        w[i] -= rate * g[i] / (np.sqrt(a[i] + inside) + outside)


@elementwise
def _adadelta(
    w: np.ndarray, g: np.ndarray, a: np.ndarray, d: np.ndarray, learning_rate: float, rho: float, epsilon: float
) -> None:
    number = w.dtype.type
    rate, old, new, small = number(learning_rate), number(rho), number(1.0 - rho), number(epsilon)
    for i in prange(w.size):
        square = old * a[i] + new * g[i] * g[i]
        a[i] = square
        step = g[i] * np.sqrt(d[i] + small) / np.sqrt(square + small)
        d[i] = old * d[i] + new * step * step
        w[i] -= rate * step


@elementwise
def _decay(w: np.ndarray, rate: float) -> None:
    share = w.dtype.type(rate)
    for i in prange(w.size):
        w[i] -= share * w[i]
