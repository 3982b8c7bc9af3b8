// Warps: formulas and shapes in reference/warp.py. Images are (n,h,w,c), results (n,oh,ow,c), maps (n,2,3).

enum Mode { CONSTANT, NEAREST, REFLECT, WRAP, CUT, OVERLAP };  // the order of FILL_MODES in shared.py

// Where pixel (p, q) of the result lies along an axis of the image.
static __device__ Real place_of(const Real* along, long long p, long long q, long long mode)
{
    if (mode == CUT || mode == OVERLAP)
        return along[2] + along[0] * (Real)p + along[1] * (Real)q;
    return along[0] * (Real)p + along[1] * (Real)q + along[2];
}

// The place that shows there: inside the image of `length` pixels, or −2.
static __device__ Real folded(Real place, Real length, long long mode)
{
    Real last = length - 1;
    if (mode == CONSTANT)
        return place > -1 && place < length ? place : -2;
    if (mode == CUT)
        return place >= 0 && place <= last ? place : -2;
    if (length == 1)
        return 0;
    if (mode == REFLECT) {
        Real period = length + length;
        if (place < 0) {
            place = place + period * trunc(-place / period);
            place = place < -length ? place + period : -place - 1;
        } else if (place > last) {
            place = place - period * trunc(place / period);
            place = place >= length ? period - place - 1 : place;
        }
    } else if (mode == WRAP || mode == OVERLAP) {
        Real round_trip = mode == WRAP ? length : last;
        if (place < 0)
            place = place + round_trip * (trunc(-place / last) + 1);
        else if (place > last)
            place = place - round_trip * trunc(place / last);
    }
    if (!(place >= 0))
        return 0;
    return place > last ? last : place;
}

// The nearest whole number, halves away from 0.
static __device__ long long rounded(Real place)
{
    Real below = floor(place), over = place - below;
    bool up = place >= 0 ? over >= (Real)0.5 : over > (Real)0.5;
    return (long long)below + (up ? 1 : 0);
}

// Pixel (i, j) of a channel, whose pixels lie c apart, or what is outside.
static __device__ Real pixel(
    const Real* image, long long i, long long j, long long h, long long w, long long c, Real fill)
{
    return i >= 0 && i < h && j >= 0 && j < w ? image[(i * w + j) * c] : fill;
}

extern "C" __global__ void warp(
    const Real* x, const Real* maps, Real* y, long long h, long long w, long long c, long long oh, long long ow,
    long long mode, Real fill, long long bilinear, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long position = at / c, row = position / ow, n = row / oh;
        const Real* map = maps + n * 6;
        const Real* image = x + n * h * w * c + at % c;
        Real r = folded(place_of(map, row % oh, position % ow, mode), (Real)h, mode);
        Real s = folded(place_of(map + 3, row % oh, position % ow, mode), (Real)w, mode);
        if (!bilinear) {
            y[at] = pixel(image, rounded(r), rounded(s), h, w, c, fill);
            continue;
        }
        long long i = (long long)floor(r), j = (long long)floor(s);
        Real g = r - (Real)i, k = s - (Real)j;
        Real above = (1 - k) * pixel(image, i, j, h, w, c, fill) + k * pixel(image, i, j + 1, h, w, c, fill);
        Real below = (1 - k) * pixel(image, i + 1, j, h, w, c, fill) + k * pixel(image, i + 1, j + 1, h, w, c, fill);
        y[at] = (1 - g) * above + g * below;
    }
}

// Adds to pixel (i, j) of a channel, if there is one.
static __device__ void collect(
    Real* image, long long i, long long j, long long h, long long w, long long c, Real gradient)
{
    if (i >= 0 && i < h && j >= 0 && j < w)
        image[(i * w + j) * c] += gradient;
}

// Of a channel of an image, which holds zeros at first.
extern "C" __global__ void warp_backward(
    const Real* dy, const Real* maps, Real* dx, long long h, long long w, long long c, long long oh, long long ow,
    long long mode, long long bilinear, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long n = at / c;
        const Real* map = maps + n * 6;
        const Real* gradient = dy + n * oh * ow * c + at % c;
        Real* image = dx + n * h * w * c + at % c;
        for (long long p = 0; p < oh; ++p)
            for (long long q = 0; q < ow; ++q, gradient += c) {
                Real r = folded(place_of(map, p, q, mode), (Real)h, mode);
                Real s = folded(place_of(map + 3, p, q, mode), (Real)w, mode);
                if (!bilinear) {
                    collect(image, rounded(r), rounded(s), h, w, c, *gradient);
                    continue;
                }
                long long i = (long long)floor(r), j = (long long)floor(s);
                Real g = r - (Real)i, k = s - (Real)j;
                collect(image, i, j, h, w, c, (1 - g) * (1 - k) * *gradient);
                collect(image, i, j + 1, h, w, c, (1 - g) * k * *gradient);
                collect(image, i + 1, j, h, w, c, g * (1 - k) * *gradient);
                collect(image, i + 1, j + 1, h, w, c, g * k * *gradient);
            }
    }
}
