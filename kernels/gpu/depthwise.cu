// Depthwise convolution of images (n,h,w,c) with a kernel (kh,kw,k) to (n,oh,ow,k), where k = c m: the outputs channel m
// to channel m + m - 1 see one channel alone. Taps outside the image count for nothing.

extern "C" __global__ void depthwise_conv2d(
    const Real* x, const Real* kernel, const Real* b, Real* y, long long biased, long long rectified, long long h,
    long long w, long long c, long long oh, long long ow, long long kh, long long kw, long long sh, long long sw,
    long long dh, long long dw, long long top, long long left, long long m, long long count)
{
    long long k = c * m;
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / k, output = at % k, line = position / ow;
        long long y0 = line % oh * sh - top, x0 = position % ow * sw - left;
        const Real* image = x + line / oh * h * w * c + output / m;
        Real total = 0;
        for (long long i = 0; i < kh; ++i) {
            long long down = y0 + i * dh;
            if (down < 0 || down >= h)
                continue;
            for (long long j = 0; j < kw; ++j) {
                long long across = x0 + j * dw;
                if (across >= 0 && across < w)
                    total += image[(down * w + across) * c] * kernel[(i * kw + j) * k + output];
            }
        }
        if (biased)
            total += b[output];
        y[at] = rectified && total <= 0 ? (Real)0 : total;  // the comparison is false for NaN, which stays
    }
}

extern "C" __global__ void depthwise_conv2d_backward_input(
    const Real* dy, const Real* kernel, Real* dx, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long dh, long long dw, long long top, long long left,
    long long m, long long count)
{
    long long k = c * m;
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long cell = at / c, channel = at % c, line = cell / w;
        Real total = 0;
        for (long long i = 0; i < kh; ++i) {
            long long down = line % h + top - i * dh;  // the window's first cell, if it has this one under tap i
            if (down < 0 || down % sh != 0 || down / sh >= oh)
                continue;
            for (long long j = 0; j < kw; ++j) {
                long long across = cell % w + left - j * dw;
                if (across < 0 || across % sw != 0 || across / sw >= ow)
                    continue;
                const Real* from = dy + ((line / h * oh + down / sh) * ow + across / sw) * k + channel * m;
                const Real* weights = kernel + (i * kw + j) * k + channel * m;
                for (long long output = 0; output < m; ++output)
                    total += from[output] * weights[output];
            }
        }
        dx[at] = total;
    }
}

// Fills parts (parts,kh,kw,k), a part being the sum over `run` of the output's positions.
extern "C" __global__ void depthwise_conv2d_backward_kernel(
    const Real* dy, const Real* x, Real* parts, long long h, long long w, long long c, long long oh, long long ow,
    long long kh, long long kw, long long sh, long long sw, long long dh, long long dw, long long top, long long left,
    long long m, long long positions, long long run, long long count)
{
    long long k = c * m;
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long output = at % k, tap = at / k % (kh * kw), first = at / k / (kh * kw) * run;
        long long last = first + run < positions ? first + run : positions;
        long long y0 = tap / kw * dh - top, x0 = tap % kw * dw - left;
        double total = 0;
        for (long long position = first; position < last; ++position) {
            long long line = position / ow;
            long long down = line % oh * sh + y0, across = position % ow * sw + x0;
            if (0 <= down && down < h && 0 <= across && across < w) {
                Real cell = x[((line / oh * h + down) * w + across) * c + output / m];
                total += (double)cell * dy[position * k + output];
            }
        }
        parts[at] = (Real)total;
    }
}
