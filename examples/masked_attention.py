# Attention in which no position sees those after it.
import math

import torch
import torch.nn.functional as F


def attend(q, k, v, mask=None, dropout_p=0.0):
    """Weighted sums of the values, by how well queries and keys fit."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, float("-inf"))
    weights = F.softmax(scores, dim=-1)
    if dropout_p > 0:
        weights = F.dropout(weights, dropout_p)
    return weights @ v, weights


x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
mask = torch.tril(torch.ones(3, 3))
out, weights = attend(x, x, x, mask)
