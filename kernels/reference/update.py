"""Update rules: one step of an optimiser for one weight, in place.

`w` is the weight, `g` its gradient; the other arrays are slots, the optimiser's memory. All have one shape, any shape.
`w` and the slots are changed in place, `g` is only read. The rules are Keras 3's where papers leave a choice.
"""

import numpy as np


def sgd_inplace(w: np.ndarray, g: np.ndarray, learning_rate: float) -> None:
    """Gradient descent: w ← w − lr·g (Goodfellow et al. 2016, "Deep Learning", section 8.3.1)."""
    w -= learning_rate * g


def momentum_inplace(
    w: np.ndarray, g: np.ndarray, m: np.ndarray, learning_rate: float, momentum: float, nesterov: bool
) -> None:
    """Gradient descent with momentum μ, plain (Polyak 1964) or Nesterov's (Sutskever et al. 2013, section 2).

    m ← μ·m − lr·g, then w ← w + m, or for Nesterov w ← w + μ·m − lr·g with the new m: Sutskever's rule, written for
    the point ahead at which the gradient is taken (Bengio, Boulanger-Lewandowski & Pascanu 2013, section 3.5).
    """
    m *= momentum
    m -= learning_rate * g
    w += momentum * m - learning_rate * g if nesterov else m


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
    """RMSprop: divide the gradient by a running root of its mean square (Hinton 2012, lecture 6e).

    v ← ρ·v + (1 − ρ)·g² is the mean square, s = v. Given `a`, the rule is centered (Graves 2013, section 4.2):
    a ← ρ·a + (1 − ρ)·g is the mean, and s = v − a² the variance. The step is

        d = lr·g / √(s + ε)     ε inside the root (Keras 3), or
        d = lr·g / (√s + ε)     ε outside (Keras 1.2 to 2.10)

    Then w ← w − d; or, given `m`, m ← momentum·m + d and w ← w − m.
    """
    v *= rho
    v += (1.0 - rho) * g * g
    s = v
    if a is not None:
        a *= rho
        a += (1.0 - rho) * g
        s = np.maximum(v - a * a, 0.0)  # a variance, but rounding can take it below zero when g hardly changes
    d = learning_rate * g / (np.sqrt(s + epsilon) if epsilon_inside else np.sqrt(s) + epsilon)
    if m is None:
        w -= d
    else:
        m *= momentum
        m += d
        w -= m


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
    """Adam (Kingma & Ba 2015, algorithm 1, in the order of computation at the end of its section 2).

    m ← m + (1 − β₁)·(g − m), v ← v + (1 − β₂)·(g² − v), w ← w − α·m / (√v + ε). `alpha` holds the bias correction of
    step t: α = lr·√(1 − β₂ᵗ) / (1 − β₁ᵗ). Given `v_hat`, the rule is AMSGrad (Reddi, Kale & Kumar 2018, algorithm 2):
    v̂ ← max(v̂, v) divides in place of v.
    """
    m += (1.0 - beta_1) * (g - m)
    v += (1.0 - beta_2) * (g * g - v)
    if v_hat is not None:
        v_hat[...] = np.maximum(v_hat, v)
    w -= alpha * m / (np.sqrt(v if v_hat is None else v_hat) + epsilon)


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
    """Nadam: Adam with Nesterov's momentum (Dozat 2016, algorithm 2, its momentum following a schedule μ₁, μ₂, …).

    m and v as in Adam, w ← w − (α_m·m + α_g·g) / (√(v / bias) + ε). The step's corrections are in the numbers:
    α_m = lr·μₜ₊₁ / (1 − μ₁⋯μₜ₊₁), α_g = lr·(1 − μₜ) / (1 − μ₁⋯μₜ), bias = 1 − β₂ᵗ.
    """
    m += (1.0 - beta_1) * (g - m)
    v += (1.0 - beta_2) * (g * g - v)
    w -= (alpha_m * m + alpha_g * g) / (np.sqrt(v / bias) + epsilon)


def adagrad_inplace(
    w: np.ndarray, g: np.ndarray, a: np.ndarray, learning_rate: float, epsilon: float, epsilon_inside: bool
) -> None:
    """Adagrad (Duchi, Hazan & Singer 2011, section 1): a ← a + g², w ← w − lr·g / √(a + ε), or / (√a + ε)."""
    a += g * g
    w -= learning_rate * g / (np.sqrt(a + epsilon) if epsilon_inside else np.sqrt(a) + epsilon)


def adadelta_inplace(
    w: np.ndarray,
    g: np.ndarray,
    a: np.ndarray,
    d: np.ndarray,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """Adadelta (Zeiler 2012, algorithm 1): steps in the units of the weight, from the mean square `d` of earlier ones.

    a ← ρ·a + (1 − ρ)·g², s = g·√(d + ε) / √(a + ε), d ← ρ·d + (1 − ρ)·s², w ← w − lr·s. The paper has no lr: it is 1.
    """
    a *= rho
    a += (1.0 - rho) * g * g
    s = g * np.sqrt(d + epsilon) / np.sqrt(a + epsilon)
    d *= rho
    d += (1.0 - rho) * s * s
    w -= learning_rate * s


def decay_inplace(w: np.ndarray, rate: float) -> None:
    """Weight decay, apart from the gradient (Loshchilov & Hutter 2019, algorithm 2): w ← w − rate·w."""
    w -= rate * w
