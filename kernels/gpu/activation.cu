// Softmax over rows of k numbers: a thread has a row to itself. The row's sum is taken in double, as a long float sum
// would lose its last digits. NaN anywhere in a row makes the sum NaN, and with it the whole row.

extern "C" __global__ void softmax(const Real* x, Real* y, long long k, long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        const Real* from = x + row * k;
        Real* to = y + row * k;
        Real largest = from[0];
        for (long long j = 1; j < k; ++j)
            largest = from[j] > largest ? from[j] : largest;
        double total = 0;
        for (long long j = 0; j < k; ++j) {
            to[j] = exp(from[j] - largest);
            total += to[j];
        }
        for (long long j = 0; j < k; ++j)
            to[j] /= (Real)total;
    }
}

extern "C" __global__ void softmax_backward(const Real* dy, const Real* y, Real* dx, long long k, long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        long long first = row * k;
        double total = 0;
        for (long long at = first; at < first + k; ++at)
            total += dy[at] * y[at];
        for (long long at = first; at < first + k; ++at)
            dx[at] = y[at] * (dy[at] - (Real)total);
    }
}
