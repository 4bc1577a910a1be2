"""A flow that is walked many times."""

from __future__ import annotations

from typing import Any

from sprints.flow import Flow

__all__ = ["BatchFlow"]


class BatchFlow(Flow):
    """A flow whose prep returns a list of params: it is walked once with each, beside its own, one after the other."""

    def _run(self, shared: Any) -> Any:
        batch = self.prep(shared) or []
        for params in batch:
            self._orch(shared, {**self.params, **params})
        return self.post(shared, batch, None)
