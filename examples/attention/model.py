"""One head of attention with a residual and layer normalisation, over n sequences of t tokens with d features each."""

from sympy import Rational, sqrt, symbols

import symdiff as sd

n, t, d, c = symbols("n t d c", integer=True, positive=True)
token, label = sd.Tensor("token", (n, t), dtype=int), sd.Tensor("label", (n, t), dtype=int)
marked = sd.Tensor("marked", (n, t))  # 1 at one token of each sequence
embedding, mark = sd.Tensor("embedding", (c, d)), sd.Tensor("mark", d)
wq, wk, wv = (sd.Tensor(name, (d, d)) for name in ("wq", "wk", "wv"))
gain, shift, readout = sd.Tensor("gain", d), sd.Tensor("shift", d), sd.Tensor("readout", (d, c))

x = embedding[token] + marked[:, :, None]*mark  # n x t x d
weights = sd.softmax(x @ wq @ sd.transpose(x @ wk, (0, 2, 1))/sqrt(d))  # n x t x t: how much a token looks at each
z = x + weights @ (x @ wv)

centred = z - sd.mean(z, axis=-1, keepdims=True)
spread = sd.sqrt(sd.mean(centred**2, axis=-1, keepdims=True) + Rational(1, 10**5))
scores = (centred/spread*gain + shift) @ readout

attention = sd.Model(
    sd.cross_entropy(scores, label),
    params=[embedding, mark, wq, wk, wv, gain, shift, readout],
    data=[token, marked, label],
    outputs={"scores": scores, "weights": weights},
)
