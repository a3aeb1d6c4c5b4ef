# The loss of a policy gradient: returns from the last reward back, then their weighted sum.
import torch

rewards = [1.0, 0.0, 2.0]
log_probs = torch.tensor([-0.5, -1.0, -0.2], requires_grad=True)
gamma = 0.9

returns = []
total = 0.0
for reward in reversed(rewards):
    total = reward + gamma * total
    returns.insert(0, total)

returns = torch.tensor(returns)
returns = (returns - returns.mean()) / (returns.std() + 1e-8)
loss = 0.0
for log_prob, value in zip(log_probs, returns):
    loss -= log_prob * value
loss.backward()
