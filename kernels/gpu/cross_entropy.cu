// Cross-entropy on logits. A thread has a row of k numbers to itself; sums over the row are taken in double. With
// z = x - max x and S = sum of e^z, a probability is e^z / S and its logarithm z - log S, which no large logit
// overflows. NaN anywhere in a row makes S NaN, and with it the row's loss and probabilities.

// Fills p (k,) with the probabilities of the logits x (k,); returns max x + log S, which taken from x leaves log p.
// The two terms are handed back apart: beside a large maximum the logarithm would be rounded away.
static __device__ Real probabilities(const Real* x, Real* p, long long k, Real* largest)
{
    Real most = x[0];
    for (long long j = 1; j < k; ++j)
        most = x[j] > most ? x[j] : most;
    double total = 0;
    for (long long j = 0; j < k; ++j) {
        p[j] = exp(x[j] - most);
        total += p[j];
    }
    for (long long j = 0; j < k; ++j)
        p[j] /= (Real)total;
    *largest = most;
    return log((Real)total);
}

extern "C" __global__ void softmax_cross_entropy(
    const Real* x, const Real* t, Real* loss, Real* p, long long k, long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        long long first = row * k;
        Real largest;
        Real log_total = probabilities(x + first, p + first, k, &largest);
        double total = 0;
        for (long long at = first; at < first + k; ++at)
            total += t[at] * (x[at] - largest - log_total);
        loss[row] = -(Real)total;
    }
}

extern "C" __global__ void softmax_cross_entropy_backward(
    const Real* dloss, const Real* p, const Real* t, Real* dx, long long k, long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        long long first = row * k;
        double total = 0;
        for (long long at = first; at < first + k; ++at)
            total += t[at];
        for (long long at = first; at < first + k; ++at)
            dx[at] = dloss[row] * (p[at] * (Real)total - t[at]);
    }
}

extern "C" __global__ void sparse_softmax_cross_entropy(
    const Real* x, const long long* labels, Real* loss, Real* p, long long k, long long count)
{
    for (long long row = blockIdx.x * (long long)blockDim.x + threadIdx.x; row < count;
         row += (long long)gridDim.x * blockDim.x) {
        long long label = labels[row];
        Real largest;
        Real log_total = probabilities(x + row * k, p + row * k, k, &largest);
        bool known = 0 <= label && label < k;
        loss[row] = known ? -(x[row * k + label] - largest - log_total) : log((Real)-1);  // the latter is NaN
    }
}

// Of the probability of each class of each row.
extern "C" __global__ void sparse_softmax_cross_entropy_backward(
    const Real* dloss, const Real* p, const long long* labels, Real* dx, long long k, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        long long row = at / k;
        dx[at] = dloss[row] * (p[at] - (labels[row] == at % k ? (Real)1 : (Real)0));
    }
}

// Of each number by itself: max(x, 0) - x t + log(1 + e^-|x|). The comparisons are false for NaN, which stays.
extern "C" __global__ void sigmoid_cross_entropy(const Real* x, const Real* t, Real* loss, Real* p, long long count)
{
    for (long long at = blockIdx.x * (long long)blockDim.x + threadIdx.x; at < count;
         at += (long long)gridDim.x * blockDim.x) {
        Real e = exp(-fabs(x[at]));
        // The logarithm is added last, or a small loss would be rounded away beside a large logit.
        loss[at] = (x[at] <= 0 ? (Real)0 : x[at]) - x[at] * t[at] + log1p(e);
        p[at] = (x[at] >= 0 ? (Real)1 : e) / (1 + e);
    }
}
