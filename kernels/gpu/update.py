"""Update rules on the GPU: formulas in `reference/update.py`.

A rule reads and writes each array once: it runs at the speed of memory. The scalars are rounded to the weight's dtype
first (1 − β too, taken in double precision, as Keras does).
"""

import cupy

from .launch import launch


def sgd_inplace(w: cupy.ndarray, g: cupy.ndarray, learning_rate: float) -> None:
    """w ← w − lr·g."""
    launch("update.cu", "sgd", w.dtype, w.size, (_whole(w), g, float(learning_rate)))


def momentum_inplace(
    w: cupy.ndarray, g: cupy.ndarray, m: cupy.ndarray, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Gradient descent with momentum, plain or Nesterov's."""
    args = _whole(w), g, _whole(m), float(learning_rate), float(momentum), int(nesterov)
    launch("update.cu", "momentum", w.dtype, w.size, args)


def rmsprop_inplace(
    w: cupy.ndarray,
    g: cupy.ndarray,
    v: cupy.ndarray,
    m: cupy.ndarray | None,
    a: cupy.ndarray | None,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    epsilon_inside: bool,
) -> None:
    """RMSprop, with momentum given `m`, centered given `a`."""
    # In place of a slot that there is not, the kernel takes another, and is told to leave it alone.
    slots = _whole(v), _whole(v if m is None else m), _whole(v if a is None else a)
    flags = int(m is not None), int(a is not None)
    inside, outside = (float(epsilon), 0.0) if epsilon_inside else (0.0, float(epsilon))
    scalars = float(learning_rate), float(rho), 1.0 - rho, float(momentum), inside, outside
    launch("update.cu", "rmsprop", w.dtype, w.size, (_whole(w), g, *slots, *flags, *scalars))


def adam_inplace(
    w: cupy.ndarray,
    g: cupy.ndarray,
    m: cupy.ndarray,
    v: cupy.ndarray,
    v_hat: cupy.ndarray | None,
    alpha: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Adam, or AMSGrad given `v_hat`; `alpha` holds the step's bias correction."""
    slots = _whole(m), _whole(v), _whole(v if v_hat is None else v_hat)
    scalars = float(alpha), 1.0 - beta_1, 1.0 - beta_2, float(epsilon)
    launch("update.cu", "adam", w.dtype, w.size, (_whole(w), g, *slots, int(v_hat is not None), *scalars))


def nadam_inplace(
    w: cupy.ndarray,
    g: cupy.ndarray,
    m: cupy.ndarray,
    v: cupy.ndarray,
    alpha_m: float,
    alpha_g: float,
    beta_1: float,
    beta_2: float,
    bias: float,
    epsilon: float,
) -> None:
    """Nadam; `alpha_m`, `alpha_g` and `bias` hold the step's corrections."""
    scalars = float(alpha_m), float(alpha_g), 1.0 - beta_1, 1.0 - beta_2, float(bias), float(epsilon)
    launch("update.cu", "nadam", w.dtype, w.size, (_whole(w), g, _whole(m), _whole(v), *scalars))


def adagrad_inplace(
    w: cupy.ndarray, g: cupy.ndarray, a: cupy.ndarray, learning_rate: float, epsilon: float, epsilon_inside: bool
) -> None:
    """Adagrad, ε inside the root or outside."""
    inside, outside = (float(epsilon), 0.0) if epsilon_inside else (0.0, float(epsilon))
    launch("update.cu", "adagrad", w.dtype, w.size, (_whole(w), g, _whole(a), float(learning_rate), inside, outside))


def adadelta_inplace(
    w: cupy.ndarray,
    g: cupy.ndarray,
    a: cupy.ndarray,
    d: cupy.ndarray,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """Adadelta."""
    scalars = float(learning_rate), float(rho), 1.0 - rho, float(epsilon)
    launch("update.cu", "adadelta", w.dtype, w.size, (_whole(w), g, _whole(a), _whole(d), *scalars))


def decay_inplace(w: cupy.ndarray, rate: float) -> None:
    """w ← w − rate·w."""
    launch("update.cu", "decay", w.dtype, w.size, (_whole(w), float(rate)))


def _whole(array: cupy.ndarray) -> cupy.ndarray:
    """Return `array`, to be updated in place.

    Raises ValueError when it is not C-contiguous: `launch` would copy it, and the update would be lost.
    """
    if not array.flags.c_contiguous:
        raise ValueError("an array to update in place must be C-contiguous: copy it with cupy.ascontiguousarray first")
    return array
