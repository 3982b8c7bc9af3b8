"""Two-dimensional convolution on the CPU: the map of this package. Formulas: `kernels/reference/convolution.py`.

The way of one call, `conv2d(x, w, b, window, groups, relu)`:

    dispatch.py             chooses an algorithm by dtype, shape and window (`choose_algorithm`), or takes the one that
      |                     `tinyconv.conv_algorithm` asks for, and calls it
      |-- im2col.py         any convolution: patches of the images are written side by side, a product of matrices by
      |                     BLAS multiplies them with the kernel
      |-- implicit.py       the same product, its patches packed part by part into the cache, for channels enough
      |-- pointwise.py      1×1 windows: the images are their own patches; one product of matrices
      |-- direct.py         few channels in, as in a first layer: the definition, without patches
      `-- winograd/         3×3 windows at stride 1: a quarter of the products
            __init__.py     the algorithm, and the choice between the modules that carry it out
            transforms.py   the input, filter and output transform of one tile, and their gradients
            tiles.py        cuts images into tiles and transforms many, those at the edges too
            filters.py      transforms whole kernels, and gradients back to kernels
            fused.py        a block of tiles goes through all steps while it is in cache
            nonfused.py     wide layers: all tiles go through one step after the other
            few_tiles.py    one image: a block of channels goes through all steps, its kernel's transform included

and of the pieces that several share:

    fused_pooling.py        2×2 max pooling of outputs while they are in registers, for `conv2d_pooled`
    ../matmul.py            products of matrices by micro-kernels, which all use but im2col and direct, and dense
    ../epilogue.py          the last pass over a product: scale, bias, ReLU and the like, while sums are at hand
    ../packing.py           copies what a product needs of a matrix together
    ../vectors.py           vector registers: how micro-kernels and transforms are written
    ../memory.py            arrays and buffers from a pool of memory that is used again
    ../compile.py           how Numba compiles all this, and on how many threads it runs

So a 3×3 convolution goes dispatch → winograd → filters (the kernel to the points) → fused → tiles and transforms (the
images to the points) → matmul (the products) → tiles and transforms (back to outputs, with bias, ReLU and pooling). Its
gradients go the same way through the transposed transforms. Depthwise convolution has a module of its own,
`../depthwise.py`. `docs/performance.md` has the measurements behind the choices.
"""

from .dispatch import (
    conv2d,
    conv2d_backward,
    conv2d_backward_bias,
    conv2d_backward_input,
    conv2d_backward_kernel,
    conv2d_pooled,
    conv2d_pooled_backward,
    conv2d_scaled,
)

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_backward_bias",
    "conv2d_backward_input",
    "conv2d_backward_kernel",
    "conv2d_pooled",
    "conv2d_pooled_backward",
    "conv2d_scaled",
]
