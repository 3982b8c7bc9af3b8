// Batch normalization of a matrix's columns, layer normalization of its rows. Sums are taken in double, a run of rows by
// a thread; what of them goes to memory is rounded.

// Of runs of rows of x (rows,k): each column's mean, and the sum of the squares of what is left without it. Rows may be
// results of an earlier pass, each of `unit` original rows (the last of as many as are left of `total`), with such sums
// of squares of their own (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance"). All are taken
// from the run's first row, so that a mean far from 0 costs no digits.
extern "C" __global__ void moments(
    const Real* x, const Real* squares, Real* mean, Real* square, long long merging, long long rows, long long k,
    long long run, long long unit, long long total, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long first = at / k * run, column = at % k;
        long long last = first + run < rows ? first + run : rows;
        double pivot = x[first * k + column], sum = 0, sum_of_squares = 0, size = 0;
        for (long long row = first; row < last; ++row) {
            long long left = total - row * unit;
            double weight = (double)(left < unit ? left : unit), d = x[row * k + column] - pivot;
            size += weight;
            sum += weight * d;
            sum_of_squares += weight * d * d;
            if (merging)
                sum_of_squares += squares[row * k + column];
        }
        double away = sum / size, spread = sum_of_squares - away * sum;
        mean[at] = (Real)(pivot + away);
        square[at] = (Real)(spread < 0 ? 0 : spread);  // the comparison is false for NaN, which stays
    }
}

// As one fused instruction, or backward might disagree about which side of 0 a value lies on.
static __device__ Real scaled(Real x, Real mean, Real scale, Real shift)
{
    return fma(x - mean, scale, shift);
}

extern "C" __global__ void scale_shift(
    const Real* x, const Real* mean, const Real* scale, const Real* shift, Real* y, long long rectified, Real ceiling,
    long long k, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long column = at % k;
        Real value = scaled(x[at], mean[column], scale[column], shift[column]);
        if (rectified)
            value = value <= 0 ? (Real)0 : value >= ceiling ? ceiling : value;  // both are false for NaN, which stays
        y[at] = value;
    }
}

// Adds up dy (x - mean) and dy over runs of rows, a thread a run of a column, to dscale and dshift (runs,k).
extern "C" __global__ void gradient_sums(
    const Real* dy, const Real* x, const Real* mean, const Real* scale, const Real* shift, Real* dscale, Real* dshift,
    long long rectified, Real ceiling, long long rows, long long k, long long run, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long first = at / k * run, column = at % k;
        long long last = first + run < rows ? first + run : rows;
        double products = 0, total = 0;
        for (long long row = first; row < last; ++row) {
            Real value = x[row * k + column];
            Real y = scaled(value, mean[column], scale[column], shift[column]);
            bool stopped = rectified && !(y > 0 && y <= ceiling);
            double passed = stopped ? (Real)0 : dy[row * k + column];
            products += passed * (value - mean[column]);
            total += passed;
        }
        dscale[at] = (Real)products;
        dshift[at] = (Real)total;
    }
}

// dx = scale (dy - average - slope (x - mean)); without `moving`, average and slope are 0 and not to be used.
extern "C" __global__ void scale_shift_backward(
    const Real* dy, const Real* x, const Real* mean, const Real* scale, const Real* shift, const Real* average,
    const Real* slope, Real* dx, long long moving, long long rectified, Real ceiling, long long k, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long column = at % k;
        Real y = scaled(x[at], mean[column], scale[column], shift[column]);
        bool stopped = rectified && !(y > 0 && y <= ceiling);
        Real passed = stopped ? (Real)0 : dy[at];
        if (moving)
            passed -= average[column] + slope[column] * (x[at] - mean[column]);
        dx[at] = passed * scale[column];
    }
}

// Of each row of x (rows,k), by a thread.
extern "C" __global__ void layer_norm(
    const Real* x, const Real* gamma, const Real* beta, Real* y, Real* mean, Real* inverse, Real epsilon, long long k,
    long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        const Real* from = x + row * k;
        double pivot = from[0], sum = 0, squares = 0;
        for (long long column = 0; column < k; ++column) {
            double d = from[column] - pivot;
            sum += d;
            squares += d * d;
        }
        double away = sum / k, variance = squares / k - away * away;
        Real level = (Real)(pivot + away);
        Real factor = (Real)(1 / sqrt((variance < 0 ? 0 : variance) + epsilon));
        mean[row] = level;
        inverse[row] = factor;
        for (long long column = 0; column < k; ++column)
            y[row * k + column] = (from[column] - level) * factor * gamma[column] + beta[column];
    }
}

// Fills dx (rows,k), a row by a thread.
extern "C" __global__ void layer_norm_backward(
    const Real* dy, const Real* x, const Real* gamma, const Real* mean, const Real* inverse, Real* dx, long long k,
    long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        const Real* gradient = dy + row * k;
        const Real* from = x + row * k;
        double sum = 0, products = 0;
        for (long long column = 0; column < k; ++column) {
            double g = gradient[column] * gamma[column];
            sum += g;
            products += g * (from[column] - mean[row]);
        }
        Real average = (Real)(sum / k);
        Real slope = (Real)(products / k * inverse[row] * inverse[row]);
        for (long long column = 0; column < k; ++column) {
            Real d = from[column] - mean[row];
            dx[row * k + column] = (gradient[column] * gamma[column] - average - d * slope) * inverse[row];
        }
    }
}

// Adds up the rows' dy x^ and dy over runs of rows, a thread a run of a column, to dgamma and dbeta (runs,k).
extern "C" __global__ void layer_norm_sums(
    const Real* dy, const Real* x, const Real* mean, const Real* inverse, Real* dgamma, Real* dbeta, long long rows,
    long long k, long long run, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long first = at / k * run;
        long long last = first + run < rows ? first + run : rows;
        double products = 0, total = 0;
        for (long long row = first; row < last; ++row) {
            double gradient = dy[row * k + at % k];
            products += gradient * ((x[row * k + at % k] - mean[row]) * inverse[row]);
            total += gradient;
        }
        dgamma[at] = (Real)products;
        dbeta[at] = (Real)total;
    }
}
