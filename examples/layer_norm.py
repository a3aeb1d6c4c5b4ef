# Layer normalisation, written out.
import torch


def layer_norm(x, weight=None, bias=None, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    var = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    y = (x - mean) / torch.sqrt(var + eps)
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y


x = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]])
y = layer_norm(x, weight=torch.tensor([1.0, 2.0, 3.0]), bias=torch.tensor([0.0, 0.5, 0.0]))
