"""What threads work out once and share, as long as it is needed and no more of it than fits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Values by key. Each is a function of its key alone, so that it makes no difference whether it is still here.

    most   bytes of finished values that are kept; the ones not asked for the longest go first
    size   bytes of a value
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self.most, self.size = most, size
        self.bytes = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}

    def get(self, key: Hashable, make: Callable[..., T], *arguments: Any) -> T:
        """The value of a key: the one held, or ``make(*arguments)``; who asks meanwhile waits for it."""
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            else:
                mine: Future[T] = Future()
                self._values[key] = mine
        if found is not None:
            return found.result()
        try:
            value = make(*arguments)
        except BaseException as error:
            mine.set_exception(error)
            self.drop(key)
            raise
        mine.set_result(value)
        with self._lock:
            if self._values.get(key) is mine:
                self._sizes[key] = self.size(value)
                self.bytes += self._sizes[key]
                for old in [other for other in self._values if other in self._sizes and other != key]:
                    if self.bytes <= self.most:
                        break
                    self._forget(old)
        return value

    def drop(self, key: Hashable) -> None:
        """Forgets a value that will not be asked for again."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: Hashable) -> None:
        self._values.pop(key, None)
        self.bytes -= self._sizes.pop(key, 0)

    def __len__(self) -> int:
        return len(self._values)
