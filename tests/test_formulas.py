"""Real formulas, as they are written in PyTorch and Python: the same text runs in both.

A program is executed by Python on torch's tensors and by graphcalc on either backend; every name
that it assigns must come to the same shape and numbers.
"""

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import graphcalc as gc

# name: (inputs as shapes, numbers or lists; the program)
TORCH = {
    "attention": (
        {"q": (2, 3, 5, 4), "k": (2, 3, 5, 4), "v": (2, 3, 5, 4)},
        """
        d_k = q.size(-1)
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(d_k)
        mask = torch.tril(torch.ones(5, 5))
        scores = torch.where(mask == 0, -1e9, scores)
        p_attn = F.softmax(scores, dim=-1)
        out = torch.matmul(p_attn, v)
        """,
    ),
    "multi_head_attention": (
        {"x": (2, 5, 8), "w_qkv": (8, 24), "w_o": (8, 8)},
        """
        B, T, C = x.shape
        q, k, v = (x @ w_qkv).split(8, dim=2)
        q = q.view(B, T, 2, C // 2).transpose(1, 2)
        k = k.view(B, T, 2, C // 2).transpose(1, 2)
        v = v.view(B, T, 2, C // 2).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = y.transpose(1, 2).contiguous().view(B, T, C) @ w_o
        """,
    ),
    "lstm_cell": (
        {"x": (3, 4), "h": (3, 5), "c": (3, 5), "w_ih": (20, 4), "w_hh": (20, 5), "b": (20,)},
        """
        gates = F.linear(x, w_ih, b) + F.linear(h, w_hh)
        i, f, g, o = gates.chunk(4, 1)
        c_next = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h_next = torch.sigmoid(o) * torch.tanh(c_next)
        """,
    ),
    "gru_cell": (
        {"x": (3, 4), "h": (3, 5), "w_ih": (15, 4), "w_hh": (15, 5), "b_ih": (15,), "b_hh": (15,)},
        """
        gi = torch.mm(x, w_ih.t()) + b_ih
        gh = torch.mm(h, w_hh.t()) + b_hh
        i_r, i_z, i_n = gi.chunk(3, 1)
        h_r, h_z, h_n = gh.chunk(3, 1)
        r = torch.sigmoid(i_r + h_r)
        z = torch.sigmoid(i_z + h_z)
        n = torch.tanh(i_n + r * h_n)
        h_next = n + z * (h - n)
        """,
    ),
    "layer_norm": (
        {"x": (2, 3, 6), "gamma_": (6,), "beta_": (6,)},
        """
        mean = x.mean(-1, keepdim=True)
        var = x.var(-1, keepdim=True, unbiased=False)
        y = gamma_ * (x - mean) / torch.sqrt(var + 1e-5) + beta_
        same = F.layer_norm(x, (6,), gamma_, beta_, eps=1e-5)
        """,
    ),
    "batch_norm_eval": (
        {"x": (4, 3, 2, 2), "mu": (3,), "sigma2": [0.5, 1.0, 2.0], "w": (3,), "b": (3,)},
        """
        y = F.batch_norm(x, mu, sigma2, w, b, training=False, eps=1e-5)
        by_hand = (x - mu[None, :, None, None]) / torch.sqrt(sigma2[None, :, None, None] + 1e-5)
        """,
    ),
    "focal_loss": (
        {"logits": (6,), "target": [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]},
        """
        alpha, gamma_ = 0.25, 2.0
        p = torch.sigmoid(logits)
        ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        p_t = p * target + (1 - p) * (1 - target)
        alpha_t = alpha * target + (1 - alpha) * (1 - target)
        loss = (alpha_t * ce * ((1 - p_t) ** gamma_)).mean()
        """,
    ),
    "triplet_loss": (
        {"anchor": (4, 3), "positive": (4, 3), "negative": (4, 3)},
        """
        d_ap = (anchor - positive).pow(2).sum(1)
        d_an = (anchor - negative).pow(2).sum(1)
        loss = torch.clamp(d_ap - d_an + 0.2, min=0.0).mean()
        built_in = F.triplet_margin_loss(anchor, positive, negative, margin=1.0)
        """,
    ),
    "info_nce": (
        {"z1": (5, 4), "z2": (5, 4)},
        """
        z1 = F.normalize(z1, dim=1)
        z2 = F.normalize(z2, dim=1)
        logits = z1 @ z2.T / 0.07
        labels = torch.arange(z1.shape[0])
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        """,
    ),
    "vae_kl": (
        {"mu": (4, 3), "logvar": (4, 3)},
        "kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())",
    ),
    "rope": (
        {"x": (2, 4, 6), "cos_": (4, 6), "sin_": (4, 6)},
        """
        x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
        rotated = torch.cat((-x2, x1), dim=-1)
        y = x * cos_ + rotated * sin_
        inv_freq = 1.0 / (10000 ** (torch.arange(0, 6, 2).double() / 6))
        """,
    ),
    "gelu_tanh": (
        {"x": (7,)},
        """
        y = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
        same = F.gelu(x, approximate="tanh")
        exact = F.gelu(x)
        """,
    ),
    "huber": (
        {"y": (9,), "y_hat": (9,)},
        """
        error = (y - y_hat).abs()
        loss = torch.where(error < 1.0, 0.5 * error ** 2, 1.0 * (error - 0.5)).mean()
        same = F.huber_loss(y_hat, y)
        smooth = F.smooth_l1_loss(y_hat, y, beta=0.5)
        """,
    ),
    "cosine_similarity": (
        {"a": (4, 6), "b": (4, 6)},
        """
        s = (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))
        same = F.cosine_similarity(a, b)
        pairs = F.normalize(a) @ F.normalize(b).T
        """,
    ),
    "softmax_temperature": (
        {"logits": (2, 5)},
        """
        p = F.softmax(logits / 0.7, dim=-1)
        entropy = -(p * torch.log(p)).sum(-1)
        best = p.argmax(dim=-1)
        """,
    ),
    "label_smoothing": (
        {"logits": (4, 5)},
        """
        target = torch.tensor([0, 4, 2, 2])
        log_p = F.log_softmax(logits, dim=-1)
        nll = -log_p.gather(dim=-1, index=target.unsqueeze(1)).squeeze(1)
        smooth = -log_p.mean(dim=-1)
        loss = (0.9 * nll + 0.1 * smooth).mean()
        same = F.cross_entropy(logits, target, label_smoothing=0.1)
        """,
    ),
    "rmsd": (
        {"p": (7, 3), "q": (7, 3)},
        """
        p = p - p.mean(dim=0)
        q = q - q.mean(dim=0)
        rmsd = torch.sqrt(((p - q) ** 2).sum(dim=1).mean())
        """,
    ),
    "k_means": (
        {"x": (10, 3), "centers": (4, 3)},
        """
        d2 = ((x[:, None, :] - centers[None, :, :]) ** 2).sum(-1)
        nearest = d2.argmin(dim=1)
        one_hot = F.one_hot(nearest, 4).float()
        counts = one_hot.sum(dim=0)
        inertia = d2.min(dim=1).values.sum()
        fast = (x * x).sum(1, keepdim=True) - 2 * x @ centers.T + (centers * centers).sum(1)
        """,
    ),
    "kalman_update": (
        {"x": (2,), "P": [[1.0, 0.2], [0.2, 2.0]], "z": 0.7, "H": [[1.0, 0.5]], "R": 0.3},
        """
        S = (H @ P @ H.T)[0, 0] + R
        K = P @ H.T / S
        x_new = x + K[:, 0] * (z - (H @ x)[0])
        P_new = (torch.eye(2) - K @ H) @ P
        """,
    ),
    "ridge": (
        {"X": (8, 2), "y": (8,)},
        """
        A = X.T @ X + 0.1 * torch.eye(2)
        det = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
        A_inv = torch.stack([torch.stack([A[1, 1], -A[0, 1]]), torch.stack([-A[1, 0], A[0, 0]])])
        w = A_inv / det @ X.T @ y
        residual = ((X @ w - y) ** 2).sum()
        """,
    ),
    "rosenbrock": (
        {"x": (6,)},
        "f = torch.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)",
    ),
    "ackley": (
        {"x": (5,)},
        """
        first = -20.0 * torch.exp(-0.2 * torch.sqrt(torch.mean(x ** 2)))
        f = first - torch.exp(torch.mean(torch.cos(2 * math.pi * x))) + 20 + math.e
        """,
    ),
    "lennard_jones": (
        {"r": (5, 3)},
        """
        diff = r[:, None, :] - r[None, :, :]
        d2 = (diff ** 2).sum(-1) + torch.eye(5)
        s6 = (1.1 ** 2 / d2) ** 3
        energy = (4 * 0.8 * (s6 ** 2 - s6) * (1 - torch.eye(5))).sum() / 2
        """,
    ),
    "quaternion_product": (
        {"p": (3, 4), "q": (3, 4)},
        """
        w1, x1, y1, z1 = p.unbind(dim=-1)
        w2, x2, y2, z2 = q.unbind(dim=-1)
        w = w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2
        x = w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2
        y = w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2
        z = w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2
        product = torch.stack([w, x, y, z], dim=-1)
        """,
    ),
    "mlp": (
        {"x": (6, 4), "w1": (4, 8), "b1": (8,), "w2": (8, 3), "b2": (3,)},
        """
        target = torch.tensor([0, 2, 1, 1, 0, 2])
        hidden = torch.relu(x @ w1 + b1)
        logits = hidden @ w2 + b2
        loss = F.cross_entropy(logits, target)
        accuracy = (logits.argmax(dim=1) == target).double().mean()
        """,
    ),
    "convnet": (
        {"x": (2, 1, 8, 8), "k1": (4, 1, 3, 3), "b1": (4,), "k2": (5, 4, 3, 3), "w": (3, 20)},
        """
        h = F.max_pool2d(F.relu(F.conv2d(x, k1, b1, padding=1)), 2)
        h = F.avg_pool2d(F.relu(F.conv2d(h, k2, stride=1)), kernel_size=1)
        logits = F.linear(torch.flatten(h, 1)[:, :20], w)
        p = logits.softmax(dim=1)
        """,
    ),
    "rbf_kernel": (
        {"x": (4, 3), "y": (5, 3)},
        """
        cross = torch.einsum("id,jd->ij", x, y)
        d2 = (x ** 2).sum(1)[:, None] + (y ** 2).sum(1)[None, :] - 2 * cross
        K = torch.exp(-0.5 * d2)
        """,
    ),
}

MATH = {
    "black_scholes_greeks": (
        {"S": 100.0, "K": 95.0, "T": 0.5, "r": 0.03, "sigma": 0.2},
        """
        d1 = (math.log(S / K) + (r + sigma ** 2 / 2) * T) / (sigma * math.sqrt(T))
        d2 = d1 - sigma * math.sqrt(T)
        N1 = (1 + math.erf(d1 / math.sqrt(2))) / 2
        N2 = (1 + math.erf(d2 / math.sqrt(2))) / 2
        call = S * N1 - K * math.exp(-r * T) * N2
        density = math.exp(-d1 ** 2 / 2) / math.sqrt(2 * math.pi)
        delta = N1
        gamma_ = density / (S * sigma * math.sqrt(T))
        vega = S * density * math.sqrt(T)
        theta = -S * density * sigma / (2 * math.sqrt(T)) - r * K * math.exp(-r * T) * N2
        rho = K * T * math.exp(-r * T) * N2
        """,
    ),
    "haversine": (
        {"lat1": 52.52, "lon1": 13.405, "lat2": 48.8566, "lon2": 2.3522},
        """
        phi1, phi2 = math.radians(lat1), math.radians(lat2)
        half = math.sin((phi2 - phi1) / 2) ** 2
        a = half + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
        km = 2 * 6371 * math.asin(math.sqrt(a))
        """,
    ),
    "van_der_waals": (
        {"n": 1.0, "V": 0.0224, "T": 273.15, "a": 0.364, "b": 4.267e-5},
        "P = n * 8.314462618 * T / (V - n * b) - a * n ** 2 / V ** 2",
    ),
    "nernst": (
        {"z": 1.0, "T": 310.0, "c_out": 5.0, "c_in": 140.0},
        "E = 8.314462618 * T / (z * 96485.33212) * math.log(c_out / c_in)",
    ),
    "planck": (
        {"wavelength": 5e-7, "T": 5778.0},
        """
        h, c, k = 6.62607015e-34, 299792458.0, 1.380649e-23
        B = 2 * h * c ** 2 / wavelength ** 5 / math.expm1(h * c / (wavelength * k * T))
        """,
    ),
    "logistic_map": (
        {"r": 3.7, "x": 0.4},
        """
        x = r * x * (1 - x)
        x = r * x * (1 - x)
        x = r * x * (1 - x)
        """,
    ),
    "compound_interest": (
        {"P": 1000.0, "rate": 0.05, "n": 12.0, "t": 10.0},
        "A = P * (1 + rate / n) ** (n * t)",
    ),
    "sir_step": (
        {"S": 990.0, "I": 10.0, "R": 0.0, "beta": 0.3, "recovery": 0.1, "dt": 0.5},
        """
        N = S + I + R
        new = beta * S * I / N * dt
        healed = recovery * I * dt
        S, I, R = S - new, I + new - healed, R + healed
        """,
    ),
    "michaelis_menten": (
        {"v_max": 2.5, "s": 3.0, "k_m": 1.2},
        "v = v_max * s / (k_m + s)",
    ),
    "elo": (
        {"a": 1613.0, "b": 1609.0},
        "expected = 1 / (1 + 10 ** ((b - a) / 400)); updated = a + 32 * (1 - expected)",
    ),
    "bayes": (
        {"prior": 0.01, "sensitivity": 0.95, "false_positive": 0.05},
        """
        evidence = sensitivity * prior + false_positive * (1 - prior)
        posterior = sensitivity * prior / evidence
        """,
    ),
}


def text_of(program):
    """A program without the indentation of this file."""
    return "\n".join(line.strip() for line in program.strip().split("\n"))


def tensor(given, make):
    """An input as torch's tensor: random numbers of a shape, or those that are given."""
    if isinstance(given, tuple):
        return torch.randn(given, generator=make, dtype=torch.float64)
    return torch.tensor(given, dtype=torch.float64)


def by_python(text, inputs, **names):
    """What Python's own execution of the text assigns."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = {**inputs, **names}
        exec(text, {"torch": torch, "F": F, "math": math}, found)
    finally:
        torch.set_default_dtype(default)
    return found


def compare(text, inputs, expected, backend):
    """Every name of the text has Python's value: shape and numbers, to 1e-10."""
    compiled = gc.compile(text, backend=backend, keep=())
    result = compiled(inputs)
    compared = 0
    for record in result.trace:
        if record.name not in expected or record.value is None:
            continue
        wanted = torch.as_tensor(expected[record.name], dtype=torch.float64)
        found = torch.tensor(record.value, dtype=torch.float64)
        assert found.shape == wanted.shape, f"{record.name}: {found.shape} and {wanted.shape}"
        assert torch.allclose(found, wanted, rtol=1e-10, atol=1e-12), record.name
        compared += record.role != "input"
    return compared


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("name", TORCH)
def test_torch_code_gives_torchs_numbers(name, backend):
    """A network's formula, pasted from PyTorch code, gives what PyTorch gives."""
    given, program = TORCH[name]
    make = torch.Generator().manual_seed(0)
    inputs = {key: tensor(value, make) for key, value in given.items()}
    text = text_of(program)
    expected = by_python(text, {k: v.clone() for k, v in inputs.items()})
    listed = {k: v.tolist() for k, v in inputs.items()}
    assert compare(text, listed, expected, backend)


@pytest.mark.parametrize("backend", ["python", "torch"])
@pytest.mark.parametrize("name", MATH)
def test_science_gives_pythons_numbers(name, backend):
    """A formula of physics, finance or biology gives what Python's own arithmetic gives."""
    given, program = MATH[name]
    text = text_of(program)
    expected = by_python(text, given)
    assert compare(text, given, expected, backend)


OWN = """
npv(flows, rate=0.05) = sum(flows / (1 + rate)^arange(len(flows)))
annuity(payment, rate=0.05, years=10) = payment * (1 - (1 + rate)^-years) / rate
sigmoid2(x, k=1) = 1 / (1 + exp(-k*x))
layer(x, w, b=0) = sigmoid2(x @ w + b, k=2)
value = npv([-1000, 300, 420, 680], rate=0.1)
loan = annuity(100, years=5)
out = layer([1, 2], [[0.5, -1], [0.25, 1]], b=0.1)
"""


@pytest.mark.parametrize("backend", ["python", "torch"])
def test_functions_of_ones_own(backend):
    """Discounted cash flows and layers, as functions with defaults that call each other."""
    result = gc.run(OWN, backend=backend)
    assert math.isclose(
        float(result["value"]), sum(c / 1.1**i for i, c in enumerate([-1000, 300, 420, 680]))
    )
    assert math.isclose(float(result["loan"]), 100 * (1 - 1.05**-5) / 0.05)
    wanted = [1 / (1 + math.exp(-2 * v)) for v in (1.1, 1.1)]
    assert result["out"].tolist() == pytest.approx(wanted, rel=1e-12)


def test_there_are_enough_formulas():
    """At least thirty real formulas are held here."""
    assert len(TORCH) + len(MATH) + 1 >= 30
