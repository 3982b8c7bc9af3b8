// Pooling of images (n,h,w,c) to (n,oh,ow,c). Forward, a thread makes one number of the result from its window; backward,
// one number of the images' gradient from the windows that hold it. Taps outside the image count for nothing. Sums are
// taken in double.

// The taps of a window that begins at cell `start` of an axis, as far as they lie on its `cells` cells: from the first ...
static __device__ long long first_tap(long long start)
{
    return start < 0 ? -start : 0;
}

// ... up to, but without, this one.
static __device__ long long last_tap(long long start, long long taps, long long cells)
{
    return taps < cells - start ? taps : cells - start;
}

// The windows that hold a cell, `cell` being counted from window 0's first: from the first ...
static __device__ long long first_window(long long cell, long long taps, long long stride)
{
    return cell < taps ? 0 : (cell - taps) / stride + 1;
}

// ... up to, but without, this one.
static __device__ long long last_window(long long cell, long long stride, long long windows)
{
    long long last = cell / stride + 1;
    return last < windows ? last : windows;
}

template <typename Index>
static __device__ void max_pool(
    const Real* x, Real* y, Index* index, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / c, row = position / ow;
        long long y0 = row % oh * sh - top, x0 = position % ow * sw - left;
        const Real* image = x + row / oh * h * w * c + at % c;
        long long i = first_tap(y0), j_first = first_tap(x0);
        long long i_last = last_tap(y0, kh, h), j_last = last_tap(x0, kw, w);
        Real best = image[((y0 + i) * w + x0 + j_first) * c];
        long long winner = i * kw + j_first;
        for (; i < i_last; ++i)
            for (long long j = j_first; j < j_last; ++j) {
                Real cell = image[((y0 + i) * w + x0 + j) * c];
                if (!(cell <= best) && best == best) {  // larger, or NaN, unless a NaN leads already
                    best = cell;
                    winner = i * kw + j;
                }
            }
        y[at] = best;
        index[at] = (Index)winner;
    }
}

extern "C" __global__ void max_pool2d_uint16(
    const Real* x, Real* y, unsigned short* index, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    max_pool(x, y, index, h, w, c, oh, ow, kh, kw, sh, sw, top, left, count);
}

// Of windows of more cells than an unsigned short numbers.
extern "C" __global__ void max_pool2d_int64(
    const Real* x, Real* y, long long* index, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    max_pool(x, y, index, h, w, c, oh, ow, kh, kw, sh, sw, top, left, count);
}

template <typename Index>
static __device__ void max_pool_backward(
    const Real* dy, const Index* index, Real* dx, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / c, row = position / w;
        long long down = row % h + top, across = position % w + left;
        long long first = row / h * oh * ow * c + at % c;
        long long p_last = last_window(down, sh, oh), q_first = first_window(across, kw, sw);
        long long q_last = last_window(across, sw, ow);
        double total = 0;
        for (long long p = first_window(down, kh, sh); p < p_last; ++p)
            for (long long q = q_first; q < q_last; ++q) {
                long long from = first + (p * ow + q) * c;
                if (index[from] == (down - p * sh) * kw + across - q * sw)
                    total += dy[from];
            }
        dx[at] = (Real)total;
    }
}

extern "C" __global__ void max_pool2d_backward_uint16(
    const Real* dy, const unsigned short* index, Real* dx, long long h, long long w, long long c, long long oh,
    long long ow, long long kh, long long kw, long long sh, long long sw, long long top, long long left,
    long long count)
{
    max_pool_backward(dy, index, dx, h, w, c, oh, ow, kh, kw, sh, sw, top, left, count);
}

extern "C" __global__ void max_pool2d_backward_int64(
    const Real* dy, const long long* index, Real* dx, long long h, long long w, long long c, long long oh,
    long long ow, long long kh, long long kw, long long sh, long long sw, long long top, long long left,
    long long count)
{
    max_pool_backward(dy, index, dx, h, w, c, oh, ow, kh, kw, sh, sw, top, left, count);
}

extern "C" __global__ void average_pool2d(
    const Real* x, Real* y, long long h, long long w, long long c, long long oh, long long ow, long long kh,
    long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / c, row = position / ow;
        long long y0 = row % oh * sh - top, x0 = position % ow * sw - left;
        const Real* image = x + row / oh * h * w * c + at % c;
        long long i_first = first_tap(y0), j_first = first_tap(x0);
        long long i_last = last_tap(y0, kh, h), j_last = last_tap(x0, kw, w);
        double total = 0;
        for (long long i = i_first; i < i_last; ++i)
            for (long long j = j_first; j < j_last; ++j)
                total += image[((y0 + i) * w + x0 + j) * c];
        y[at] = (Real)(total / (double)((i_last - i_first) * (j_last - j_first)));
    }
}

extern "C" __global__ void average_pool2d_backward(
    const Real* dy, Real* dx, long long h, long long w, long long c, long long oh, long long ow, long long kh,
    long long kw, long long sh, long long sw, long long top, long long left, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / c, row = position / w;
        long long down = row % h + top, across = position % w + left;
        long long first = row / h * oh * ow * c + at % c;
        long long p_last = last_window(down, sh, oh), q_first = first_window(across, kw, sw);
        long long q_last = last_window(across, sw, ow);
        double total = 0;
        for (long long p = first_window(down, kh, sh); p < p_last; ++p) {
            long long y0 = p * sh - top;
            long long high = last_tap(y0, kh, h) - first_tap(y0);
            for (long long q = q_first; q < q_last; ++q) {
                long long x0 = q * sw - left;
                long long wide = last_tap(x0, kw, w) - first_tap(x0);
                total += dy[first + (p * ow + q) * c] / (double)(high * wide);
            }
        }
        dx[at] = (Real)total;
    }
}

// Of images of so many cells: the mean of each image's channel.
extern "C" __global__ void global_average_pool2d(
    const Real* x, Real* y, long long cells, long long c, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        const Real* image = x + at / c * cells * c + at % c;
        double total = 0;
        for (long long cell = 0; cell < cells; ++cell)
            total += image[cell * c];
        y[at] = (Real)(total / (double)cells);
    }
}

extern "C" __global__ void global_average_pool2d_backward(
    const Real* dy, Real* dx, long long cells, long long c, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x)
        dx[at] = dy[at / (cells * c) * c + at % c] / (Real)cells;
}
