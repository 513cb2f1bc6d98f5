"""A mixture of K Gaussians in d dimensions: the negative log-likelihood of n points, a mean over them.

Component k has the mean mu_k, a weight proportional to exp(alpha_k), and the covariance (Q_k^T Q_k)^-1. Q_k is lower
triangular, with exp(q_k) as its diagonal and the entries of L_k below it; so any values of the parameters are a mixture.
"""

from sympy import log, pi, symbols

import symdiff as sd

n, d, K = symbols("n d K", integer=True, positive=True)
x = sd.Tensor("x", (n, d))
alpha, mu = sd.Tensor("alpha", K), sd.Tensor("mu", (K, d))
q, L = sd.Tensor("q", (K, d)), sd.Tensor("L", (K, d, d))
below = sd.Tensor("below", (d, d))  # np.tri(d, k=-1): ones below the diagonal

r = x[:, None, :] - mu  # n x K x d
whitened = sd.exp(q)*r + sd.einsum("kij,nkj->nki", L*below, r)  # Q_k (x_i - mu_k)
joint = alpha - sd.logsumexp(alpha) + sd.sum(q, axis=1) - sd.sum(whitened**2, axis=2)/2 - d*log(2*pi)/2

mixture = sd.Model(
    -sd.mean(sd.logsumexp(joint, axis=1)),
    params=[alpha, mu, q, L],
    data=[x],
    constants=[below],
    outputs={"responsibility": sd.softmax(joint, axis=1)},
)
