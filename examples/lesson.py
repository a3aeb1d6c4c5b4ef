# Forward and backward propagation, as the lesson has it in PyTorch.
import torch

a = torch.tensor([2.0], requires_grad=True)
b = torch.tensor([-4.0], requires_grad=True)
c = torch.tensor([-2.0], requires_grad=True)
d = torch.tensor([2.0], requires_grad=True)

e = a + b
f = c * d
g = e * f
print(e, f, g)

g.backward()
print(a.grad, b.grad, c.grad, d.grad)
