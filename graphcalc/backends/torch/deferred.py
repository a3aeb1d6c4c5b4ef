"""Values handed to an observer without a wait for the device at each."""

from __future__ import annotations

import torch

from graphcalc.backends.base import KEEP, Observer
from graphcalc.backends.torch.devices import is_host
from graphcalc.backends.torch.statistics import as_summary, summarize_on_device


class DeferredObserver:
    """An observer's deputy on a device.

    On the host the observer receives every value when it is computed. Elsewhere small values, and
    the statistics of large ones, are collected on the device and copied over together at the end.
    """

    def __init__(self, observer: Observer, device: torch.device) -> None:
        self._observer = observer
        self._waits = not is_host(device) and not observer.needs_values
        self._small: list[tuple[int, torch.Tensor]] = []
        self._large: list[tuple[int, torch.Tensor]] = []

    def observe(self, position: int, value: torch.Tensor) -> None:
        """Hand on or collect a value, whose memory may be used again when this returns."""
        if not self._waits:
            self._observer.observe(position, value)
        elif value.numel() <= KEEP:
            # Its memory may be written over before the end.
            self._small.append((position, value.detach().clone()))
        elif self._observer.wants(position):
            self._large.append((position, summarize_on_device(value)))

    def finish(self) -> None:
        """Hand on what was collected."""
        for dtype in {value.dtype for _, value in self._small}:
            same = [(p, value) for p, value in self._small if value.dtype == dtype]
            flat = torch.cat([value.reshape(-1) for _, value in same]).cpu()
            for (p, value), part in zip(same, torch.split(flat, [v.numel() for _, v in same])):
                self._observer.observe(p, part.view(value.shape))
        if self._large:
            found = torch.stack([vector for _, vector in self._large]).cpu().tolist()
            for (p, _), numbers in zip(self._large, found):
                self._observer.observe_summary(p, as_summary(numbers))
