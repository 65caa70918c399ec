"""Networks of transformers that say which pixels belong to what: DeepLabV3, Mask2Former, SAM and their like.

A checkpoint of ``...ForSemanticSegmentation`` (DeepLabV3+ on MobileNetV2, SegFormer, ...) gives every pixel a class;
one of ``...ForUniversalSegmentation`` or ``...ForInstanceSegmentation`` (Mask2Former, MaskFormer) tells one thing of
a class from the next; SAM (Kirillov et al., 2023) outlines what lies under points or in a box, and names nothing.
Pictures are made ready by the checkpoint's own processor, without torchvision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from vertumnus.errors import VertumnusError
from vertumnus.models.checkpoint import Checkpoint
from vertumnus.models.device import Threads, choose_device, quiet

Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]
SIDE = 1024  # pixels of the longer side of what is segmented, at most
NOT_THINGS = frozenset({"background", "unlabeled", "unlabelled", "void", "other", "n/a"})
CERTAIN = 0.5  # score of an instance that counts
# SAM's own ways (segment_anything, automatic_mask_generator), but for fewer points.
POINTS = 16  # along each side of a grid
AT_ONCE = 64  # points in a batch
IOU, STABLE, OFFSET, SAME = 0.88, 0.95, 1.0, 0.7


class Segment(NamedTuple):
    """A part of a picture.

    mask    h x w, how much each pixel belongs to it, 0 to 1
    label   what the network calls it; empty where it names nothing
    score   how sure it is, 0 to 1
    whole   whether it is one thing, though it lie in several pieces, or a class that many things may be of
    """

    mask: Floats
    label: str
    score: float
    whole: bool


class Segmenter:
    """A segmentation network; see `vertumnus.models.load_model` with kind ``segmentation``.

    certain   the score that an instance has to have, or a mask of SAM's by its own estimate
    stable    of SAM: the least share that is left of a mask when its threshold goes from -offset to offset
    """

    def __init__(self, name: str, family: str, network: Any, processor: Any, device: torch.device) -> None:
        self.name, self.family, self.processor, self.device = name, family, processor, device
        self.network = network.to(device).requires_grad_(False).eval()
        self.labels = {int(n): str(label) for n, label in network.config.id2label.items()}
        self.certain = IOU if family == "prompted" else CERTAIN
        self.stable, self.offset = STABLE, OFFSET
        self._threads = Threads(network, device)

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str | None = None) -> Segmenter:
        """The network in a folder. Raises `VertumnusError` if its parts cannot be read or do not fit together."""
        import transformers
        from transformers import AutoConfig, AutoImageProcessor

        try:
            with quiet():
                config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
                kind = getattr(transformers, config.architectures[0])
                network, info = kind.from_pretrained(
                    checkpoint.path,
                    config=config,
                    local_files_only=True,
                    use_safetensors=True,
                    output_loading_info=True,
                )
                processor = AutoImageProcessor.from_pretrained(checkpoint.path, local_files_only=True, backend="pil")
        except Exception as error:  # transformers raises whatever its parts raise
            line = " ".join(str(error).split())
            raise VertumnusError(f"{checkpoint.name}: cannot be loaded ({line[:200]})") from None
        missing = [*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])]
        if missing:
            raise VertumnusError(f"{checkpoint.name}: lacks weights, as {sorted(missing)[0]}")
        return cls(checkpoint.name, checkpoint.family, network, processor, choose_device(device))

    def segments(self, picture: Floats, box: Box | None = None) -> list[Segment]:
        """What a picture is made of, the surest first.

        picture   h x w x 3, 0 to 1
        box       left, top, right, bottom as shares: SAM is asked for what lies in it; of others' parts
                  those whose centre does are given

        Raises `VertumnusError` for an answer that is none.
        """
        bytes_ = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
        find = {"semantic": self._semantic, "instance": self._instances}.get(self.family)
        try:
            with self._threads(), torch.no_grad():
                found = find(bytes_) if find is not None else self._prompted(bytes_, box)
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            line = " ".join(str(error).split())
            raise VertumnusError(f"{self.name}: cannot be run ({line[:200]})") from None
        if box is not None and find is not None:
            found = [part for part in found if _within(part.mask, box)]
        return sorted(found, key=lambda part: -part.score)

    def _ready(self, picture: NDArray[np.uint8]) -> Any:
        return self.processor(picture, return_tensors="pt", input_data_format="channels_last").to(self.device)

    def _semantic(self, picture: NDArray[np.uint8]) -> list[Segment]:
        """Every class's share of each pixel, where it is the likeliest."""
        logits = self.network(self._ready(picture)["pixel_values"]).logits
        large = functional.interpolate(logits, picture.shape[:2], mode="bilinear", align_corners=False)
        chance = large[0].softmax(0).cpu().numpy()
        first = chance.argmax(0)
        found = []
        for n in np.unique(first).tolist():
            own = first == n
            # Beyond its own pixels its chance goes on where it is still half of what wins: a soft edge.
            soft = np.clip(2 * chance[n] / np.maximum(chance.max(0), 1e-9) - 1, 0, 1).astype(np.float32)
            found.append(Segment(soft, self._label(n), float(chance[n][own].mean()), False))
        return [part for part in found if part.label.lower() not in NOT_THINGS]

    def _instances(self, picture: NDArray[np.uint8]) -> list[Segment]:
        answer = self.network(**self._ready(picture))
        told = self.processor.post_process_instance_segmentation(
            answer, threshold=self.certain, target_sizes=[picture.shape[:2]]
        )[0]
        drawn = np.asarray(torch.as_tensor(told["segmentation"]).cpu())
        parts = [(drawn == part["id"], part) for part in told["segments_info"]]
        return [
            Segment(mask.astype(np.float32), self._label(part["label_id"]), float(part["score"]), True)
            for mask, part in parts
            if mask.any()
        ]

    def _prompted(self, picture: NDArray[np.uint8], box: Box | None) -> list[Segment]:
        """SAM's best mask in a box; or all that it is sure of at a grid of points, the same ones once."""
        ready = self._ready(picture)
        sizes = ready["original_sizes"], ready["reshaped_input_sizes"]
        down, across = (float(side) for side in sizes[1][0])  # of the picture as SAM sees it
        seen = self.network.get_image_embeddings(ready["pixel_values"])
        if box is not None:
            corners = torch.tensor([[[box[0] * across, box[1] * down, box[2] * across, box[3] * down]]])
            answer = self.network(image_embeddings=seen, input_boxes=corners.to(self.device), multimask_output=True)
            masks, scores = self._masks(answer, sizes)
            best = int(scores[0].argmax())
            return [Segment((masks[0, best] > 0).astype(np.float32), "", float(scores[0, best].clip(0, 1)), True)]
        ticks = (np.arange(POINTS) + 0.5) / POINTS
        points = np.stack(np.meshgrid(ticks * across, ticks * down), -1).reshape(-1, 2).astype(np.float32)
        found: list[tuple[float, NDArray[np.bool_]]] = []
        for first in range(0, len(points), AT_ONCE):
            asked = torch.from_numpy(points[first : first + AT_ONCE])[None, :, None].to(self.device)
            answer = self.network(image_embeddings=seen, input_points=asked, multimask_output=True)
            masks, scores = self._masks(answer, sizes)
            inner, outer = (masks > self.offset).sum((-1, -2)), (masks > -self.offset).sum((-1, -2))
            sure = (scores > self.certain) & (inner >= self.stable * outer) & (inner > 0)
            found += [(float(scores[n, m]), masks[n, m] > 0) for n, m in np.argwhere(sure)]
        found.sort(key=lambda part: -part[0])
        kept: list[tuple[float, NDArray[np.bool_]]] = []
        for score, mask in found:
            if all((mask & other).sum() <= SAME * (mask | other).sum() for _, other in kept):
                kept.append((score, mask))
        return [Segment(mask.astype(np.float32), "", min(score, 1.0), True) for score, mask in kept]

    def _masks(self, answer: Any, sizes: tuple[Any, Any]) -> tuple[Floats, Floats]:
        """Logits of points x 3 masks at the picture's size, and what SAM thinks of each."""
        whole = self.processor.post_process_masks(
            answer.pred_masks.cpu(), *(size.cpu() for size in sizes), binarize=False
        )
        masks, scores = whole[0].float().numpy(), answer.iou_scores[0].float().cpu().numpy()
        if not (np.isfinite(masks).all() and np.isfinite(scores).all()):
            raise ValueError("its answer is not finite")
        return masks, scores

    def _label(self, number: int) -> str:
        """``n02123045 tabby, tabby cat`` and ``dining-table`` as a person says them."""
        label = self.labels.get(int(number), "").split(",")[0].split(";")[0]
        return "" if label.startswith("LABEL_") else label.replace("-", " ").replace("_", " ").strip()


def _within(mask: Floats, box: Box) -> bool:
    """Whether the centre of a mask lies in a box."""
    total = max(float(mask.sum()), 1e-9)
    y, x = (float((mask.sum(1 - axis) * (np.arange(mask.shape[axis]) + 0.5)).sum()) / total for axis in (0, 1))
    return box[0] <= x / mask.shape[1] <= box[2] and box[1] <= y / mask.shape[0] <= box[3]
