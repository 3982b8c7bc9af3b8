// A slope's gradient is a sum over the batch: a thread has a column of it, one number of every sample, to itself.

extern "C" __global__ void prelu_backward(
    const Real* dy, const Real* x, const Real* alpha, Real* dx, Real* sums, long long n, long long count)
{
    for (long long column = blockIdx.x * (long long)blockDim.x + threadIdx.x; column < count;
         column += (long long)gridDim.x * blockDim.x) {
        double total = 0;
        for (long long row = 0; row < n; ++row) {
            long long at = row * count + column;
            dx[at] = x[at] > 0 ? dy[at] : x[at] < 0 ? alpha[column] * dy[at] : (Real)0;
            total += x[at] > 0 ? 0.0 : (double)dy[at] * x[at];
        }
        sums[column] = total;
    }
}
