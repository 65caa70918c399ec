"""LoRAs that a model carries before any is added here: kept at work beside those, and left as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class _State(NamedTuple):
    """Of one layer: what is active, each one's scale, whether all are switched off, which parameters are trained."""

    active: list[str]
    scales: dict[str, float]
    off: bool
    trained: list[Any]


class Carried:
    """How the layers of some networks stand, for `restore`.

    parts   networks that may have adapters of peft
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self._layers = [
            (
                layer,
                _State(
                    list(layer.active_adapters),
                    dict(layer.scaling),
                    bool(layer.disable_adapters),
                    [one for one in layer.parameters() if one.requires_grad],
                ),
            )
            for part in parts
            for layer in adapted_layers(part)
        ]

    def beside(self, names: Sequence[str], weights: Sequence[float]) -> None:
        """Makes what was active active again, together with others of some weights."""
        for layer, state in self._layers:
            own = [] if state.off else state.active
            here = [name for name in names if name in layer.scaling]
            layer.enable_adapters(bool(own or here))
            layer.set_adapter([*own, *here], inference_mode=True)
            for name, weight in zip(names, weights, strict=True):
                if name in here:
                    layer.set_scale(name, weight)
            layer.scaling.update({name: state.scales[name] for name in own if name in state.scales})

    def restore(self) -> None:
        """Puts every layer back as it was; what was added must have been taken off."""
        for layer, state in self._layers:
            layer.set_adapter(state.active, inference_mode=True)
            layer.enable_adapters(not state.off)
            layer.scaling.update(state.scales)
            for parameter in layer.parameters():
                parameter.requires_grad_(False)
            for parameter in state.trained:
                parameter.requires_grad_(True)


def adapted_layers(part: Any) -> Iterator[Any]:
    """The layers of a network that carry adapters of peft, if there are any."""
    if not getattr(part, "peft_config", None):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in part.modules():
        if isinstance(module, BaseTunerLayer) and hasattr(module, "scaling"):
            yield module
