// Images (n,h,w,c) to patches (groups, rows, kh kw run) and back, a row being an output position and `run` the channels
// of a group.

// A thread writes the patch of one channel at one position; neighbours have neighbouring channels.
extern "C" __global__ void im2col(
    const Real* x, Real* patches, long long h, long long w, long long c, long long oh, long long ow, long long kh,
    long long kw, long long sh, long long sw, long long dh, long long dw, long long top, long long left, long long run,
    long long rows, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long row = at / c, channel = at % c, line = row / ow;
        long long y0 = line % oh * sh - top, x0 = row % ow * sw - left;
        const Real* image = x + line / oh * h * w * c + channel;
        Real* to = patches + (channel / run * rows + row) * kh * kw * run + channel % run;
        for (long long i = 0; i < kh; ++i) {
            long long down = y0 + i * dh;
            for (long long j = 0; j < kw; ++j) {
                long long across = x0 + j * dw;
                bool inside = 0 <= down && down < h && 0 <= across && across < w;
                *to = inside ? image[(down * w + across) * c] : (Real)0;
                to += run;
            }
        }
    }
}

// A thread adds up all that one number of the images has in the patches, tap after tap.
extern "C" __global__ void col2im(
    const Real* patches, Real* x, long long h, long long w, long long c, long long oh, long long ow, long long kh,
    long long kw, long long sh, long long sw, long long dh, long long dw, long long top, long long left, long long run,
    long long rows, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long cell = at / c, channel = at % c, line = cell / w;
        long long first = line / h * oh * ow;  // the image's first row of patches
        const Real* from = patches + channel / run * rows * kh * kw * run + channel % run;
        Real total = 0;
        for (long long i = 0; i < kh; ++i) {
            long long down = line % h + top - i * dh;  // the window's first cell, if it has this one under tap i
            if (down < 0 || down % sh != 0 || down / sh >= oh)
                continue;
            for (long long j = 0; j < kw; ++j) {
                long long across = cell % w + left - j * dw;
                if (across < 0 || across % sw != 0 || across / sw >= ow)
                    continue;
                long long row = first + down / sh * ow + across / sw;
                total += from[(row * kh * kw + i * kw + j) * run];
            }
        }
        x[at] = total;
    }
}
