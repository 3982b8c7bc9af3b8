"""The backward pass of a 3×3 convolution, worked out by hand, one product at a time.

    python examples/convolution_backward_by_hand.py

A layer of a convolutional net computes y = x ∗ w + b going forward. Going backward it is handed dy, the derivative of
the loss L by each number of y, and owes three answers: dw and db, so that the weights can learn, and dx, which becomes
the dy of the layer below. All three follow from one rule: a number's derivative is the sum, over all places where the
number was used, of the derivative there times what it was multiplied by. This program follows that rule with plain
loops, prints every matrix, and then asks tinyconv and SciPy for the same.
"""

import numpy as np
from scipy.signal import convolve2d, correlate2d

import tinyconv as tc

np.set_printoptions(precision=2, suppress=True)


def show(title: str, matrix: np.ndarray) -> None:
    """Print a title and, below it, a matrix indented."""
    print(f"\n{title}")
    print("\n".join("    " + line for line in str(matrix).splitlines()))


def agree(what: str, mine: np.ndarray, theirs: np.ndarray) -> None:
    """Print that two results are the same, or stop."""
    difference = float(np.abs(np.asarray(mine) - np.asarray(theirs)).max())
    if difference > 1e-12:
        raise SystemExit(f"    {what}: NOT the same, the largest difference is {difference:.1e}")
    print(f"    {what}: the same (largest difference {difference:.0e})")


# ---------------------------------------------------------------------------------------------------------------------
print("1. FORWARD: y[i, j] = b + Σ x[i + p, j + q] · w[p, q]   over the nine taps p, q of the kernel")

x = np.array([[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 1, 0], [1, 3, 2, 0, 2], [0, 1, 1, 2, 1]], float)
w = np.array([[1, 0, -1], [2, 0, -2], [1, 1, -1]], float)
b = 0.5

y = np.empty((3, 3))
for i in range(3):
    for j in range(3):
        y[i, j] = b + np.sum(x[i : i + 3, j : j + 3] * w)

show("x, an image of 5×5:", x)
show("w, a kernel of 3×3 (a vertical edge detector, slightly bent), and b = 0.5", w)
show("y, one number for each of the 3×3 places where the kernel fits:", y)
print(f"\nFor example y[0, 0] = 0.5 + the sum of x[0:3, 0:3] · w = {y[0, 0]:g}.")
print("Nothing is flipped: what networks call convolution is what mathematics calls correlation.")

# ---------------------------------------------------------------------------------------------------------------------
print("\n\n2. WHAT COMES BACK: dy[i, j] = ∂L/∂y[i, j], handed down by the layer above")

dy = np.array([[1, -1, 0], [0, 2, 1], [-1, 0, 1]], float)
show("dy, of the shape of y. If y[1, 1] grows by ε, the loss grows by 2ε:", dy)

# ---------------------------------------------------------------------------------------------------------------------
print("\n\n3. db: the bias was added to every y, times 1. So db = Σ dy.")

db = dy.sum()
print(f"    db = {db:g}")

# ---------------------------------------------------------------------------------------------------------------------
print("\n\n4. dw, TAP BY TAP: w[p, q] met x[i + p, j + q] at every place i, j, and the result went into y[i, j].")
print("   So dw[p, q] = Σ dy[i, j] · x[i + p, j + q]: the part of x that this tap saw, times dy.")

dw = np.empty((3, 3))
for p in range(3):
    for q in range(3):
        seen = x[p : p + 3, q : q + 3]
        dw[p, q] = np.sum(dy * seen)
        if (p, q) in ((0, 0), (0, 1)):
            show(f"tap ({p}, {q}) saw this part of x as the kernel slid along:", seen)
            terms = " + ".join(f"{d:g}·{s:g}" for d, s in zip(dy.flat, seen.flat, strict=True) if d)
            print(f"    dw[{p}, {q}] = {terms.replace('+ -', '- ')} = {dw[p, q]:g}")

show("and so on for all nine:", dw)
print("\nLook at it again: dy slid over x. dw is the correlation of x with dy.")

# ---------------------------------------------------------------------------------------------------------------------
print("\n\n5. dx: x[i + p, j + q] met w[p, q] and went into y[i, j]. Each dy[i, j] sends w back to where it came from.")

dx = np.zeros((5, 5))
for i in range(3):
    for j in range(3):
        dx[i : i + 3, j : j + 3] += dy[i, j] * w
        if (i, j) in ((0, 0), (0, 1)):
            place = f"rows {i}-{i + 2}, columns {j}-{j + 2}"
            show(f"after dy[{i}, {j}] = {dy[i, j]:g} has added {dy[i, j]:g}·w at {place}:", dx)

show("after all nine:", dx)

print("\nThe same seen from x: which dy reach x[r, s]? Those at [r - p, s - q], each with its w[p, q]. The minus signs")
print("turn the kernel by 180°, and near the edge some of them fall outside, where dy counts as zero. So dx is the")
print("correlation of dy, with two zeros around it, and the flipped kernel: a 'full' one.")

frame = np.pad(dy, 2)
flipped = w[::-1, ::-1]
full = np.empty((5, 5))
for r in range(5):
    for s in range(5):
        full[r, s] = np.sum(frame[r : r + 3, s : s + 3] * flipped)

show("dy with its frame of zeros:", frame)
show("w turned by 180°:", flipped)
show("their correlation:", full)
agree("the two ways to dx", dx, full)

# ---------------------------------------------------------------------------------------------------------------------
print("\n\n6. THE CHECK")

print("\ntinyconv, whose images are (n, h, w, c) and kernels (kh, kw, c, k); here n = c = k = 1:")
tx = tc.Tensor(x[None, :, :, None], requires_grad=True)
tw = tc.Tensor(w[:, :, None, None], requires_grad=True)
tb = tc.Tensor(np.array([b]), requires_grad=True)
ty = tc.functions.conv2d(tx, tw, tb)
ty.backward(dy[None, :, :, None])
agree("y", y, ty.numpy()[0, :, :, 0])
agree("dw", dw, tw.grad[:, :, 0, 0])
agree("db", np.array([db]), tb.grad)
agree("dx", dx, tx.grad[0, :, :, 0])

print("\nscipy.signal:")
agree("y  = correlate2d(x, w, 'valid') + b", y, correlate2d(x, w, "valid") + b)
agree("dw = correlate2d(x, dy, 'valid')", dw, correlate2d(x, dy, "valid"))
agree("dx = convolve2d(dy, w, 'full'), which flips w by itself", dx, convolve2d(dy, w, "full"))

print("\nand nobody's formula: nudge one number by ε, see how Σ dy·y changes.")
EPSILON = 1e-6


def loss(x: np.ndarray, w: np.ndarray) -> float:
    """Return Σ dy·y, whose derivative by y is dy."""
    return float(np.sum(dy * (correlate2d(x, w, "valid") + b)))


nudge = np.zeros((3, 3))
nudge[2, 1] = EPSILON
measured = (loss(x, w + nudge) - loss(x, w - nudge)) / (2 * EPSILON)
print(f"    ∂L/∂w[2, 1]: measured {measured:.6f}, by hand {dw[2, 1]:.6f}")
nudge = np.zeros((5, 5))
nudge[3, 2] = EPSILON
measured = (loss(x + nudge, w) - loss(x - nudge, w)) / (2 * EPSILON)
print(f"    ∂L/∂x[3, 2]: measured {measured:.6f}, by hand {dx[3, 2]:.6f}")
