"""LeNet: two convolutions with pooling, three linear layers, cross-entropy of ten classes; n images of 32 x 32 pixels."""

from sympy import symbols

import symdiff as sd

n = symbols("n", integer=True, positive=True)
image, label = sd.Tensor("image", (n, 1, 32, 32)), sd.Tensor("label", n, dtype=int)
k1, b1 = sd.Tensor("k1", (6, 1, 5, 5)), sd.Tensor("b1", 6)
k2, b2 = sd.Tensor("k2", (16, 6, 5, 5)), sd.Tensor("b2", 16)
w3, b3 = sd.Tensor("w3", (400, 120)), sd.Tensor("b3", 120)
w4, b4 = sd.Tensor("w4", (120, 84)), sd.Tensor("b4", 84)
w5, b5 = sd.Tensor("w5", (84, 10)), sd.Tensor("b5", 10)

h1 = sd.max_pool2d(sd.relu(sd.conv2d(image, k1) + b1[:, None, None]), 2)  # n x 6 x 14 x 14
h2 = sd.max_pool2d(sd.relu(sd.conv2d(h1, k2) + b2[:, None, None]), 2)  # n x 16 x 5 x 5
h3 = sd.relu(sd.flatten(h2, 1) @ w3 + b3)
h4 = sd.relu(h3 @ w4 + b4)
scores = h4 @ w5 + b5

lenet = sd.Model(
    sd.cross_entropy(scores, label),
    params=[k1, b1, k2, b2, w3, b3, w4, b4, w5, b5],
    data=[image, label],
    outputs={"scores": scores},
    named={"h1": h1, "h2": h2, "h3": h3, "h4": h4},
)
