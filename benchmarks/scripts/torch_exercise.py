"""examples/exercise.gc by hand: `X Y Z [table]`."""

import sys

import numpy as np
import torch


def main() -> None:
    """Print the mean, or with `table` the statistics of every tensor."""
    x, y, z = (torch.from_numpy(np.load(path)) for path in sys.argv[1:4])
    q = x @ y
    f = z * q
    mean_f = f.mean()
    if sys.argv[4:]:
        for name, value in {"x": x, "y": y, "z": z, "q": q, "f": f}.items():
            least, mean, most = (s.item() for s in (value.min(), value.mean(), value.max()))
            print(f"{name} {tuple(value.shape)} min {least} · mean {mean} · max {most}")
    print(mean_f.item())


if __name__ == "__main__":
    main()
