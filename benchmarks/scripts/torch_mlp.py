"""examples/mlp.gc by hand: `X W1 W2 [table]`."""

import sys

import numpy as np
import torch


def main() -> None:
    """Print the probabilities, or with `table` the statistics of every tensor of many."""
    x, w1, w2 = (torch.from_numpy(np.load(path)) for path in sys.argv[1:4])
    b1, b2 = (torch.zeros(n, dtype=torch.float64) for n in (200, 10))
    g = x @ w1
    h = g + b1
    hidden = torch.relu(h)
    i = hidden @ w2
    logits = i + b2
    j = logits.amax(dim=-1, keepdim=True)
    k = logits - j
    exps = torch.exp(k)
    total = exps.sum(dim=-1, keepdim=True)
    p = exps / total
    if not sys.argv[4:]:
        print(p.tolist())
        return
    for value in (x, w1, w2, b1, g, h, hidden, i, logits, j, k, exps, total, p):
        least, mean, most = (s.item() for s in (value.min(), value.mean(), value.max()))
        print(f"{tuple(value.shape)} min {least} · mean {mean} · max {most}")


if __name__ == "__main__":
    main()
