"""Segmentation networks of transformers, small and with random weights, against the library's own ways."""

import numpy as np
import pytest
import torch
from PIL import Image

from vertumnus.errors import VertumnusError
from vertumnus.models import load_model

NAMES = {0: "background", 1: "tabby, tabby cat", 2: "dining-table"}
PICTURE = np.random.default_rng(0).random((24, 40, 3)).astype(np.float32)
BYTES = np.clip(PICTURE * 255 + 0.5, 0, 255).astype(np.uint8)


def saved(network, processor, folder):
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def deeplab(tmp_path_factory):
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation, MobileNetV2ImageProcessorPil

    torch.manual_seed(1)
    config = MobileNetV2Config(image_size=32, depth_multiplier=0.25, id2label=NAMES, initializer_range=0.4)
    processor = MobileNetV2ImageProcessorPil(size={"shortest_edge": 32}, do_center_crop=False)
    network = MobileNetV2ForSemanticSegmentation(config)
    torch.nn.init.normal_(network.segmentation_head.classifier.convolution.bias)
    return saved(network, processor, tmp_path_factory.mktemp("deeplab"))


@pytest.fixture(scope="module")
def mask2former(tmp_path_factory):
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig
    from transformers.models.mask2former.image_processing_pil_mask2former import Mask2FormerImageProcessorPil

    torch.manual_seed(2)
    stages = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
    swin = SwinConfig(image_size=64, embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=4, **stages)
    config = Mask2FormerConfig(
        backbone_config=swin, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=6, id2label=NAMES,
    )  # fmt: skip
    processor = Mask2FormerImageProcessorPil(size={"height": 64, "width": 64}, ignore_index=255)
    network = Mask2FormerForUniversalSegmentation(config)
    torch.nn.init.normal_(network.class_predictor.weight, std=2)
    return saved(network, processor, tmp_path_factory.mktemp("mask2former"))


@pytest.fixture(scope="module")
def sam(tmp_path_factory):
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    torch.manual_seed(3)
    vision = SamVisionConfig(
        hidden_size=16, output_channels=8, num_hidden_layers=1, num_attention_heads=2, image_size=64, patch_size=8,
        window_size=4, global_attn_indexes=[0], num_pos_feats=4, mlp_dim=16,
    )  # fmt: skip
    decoder = SamMaskDecoderConfig(
        hidden_size=8, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=8, iou_head_depth=2
    )
    prompts = SamPromptEncoderConfig(hidden_size=8, image_size=64, patch_size=8, mask_input_channels=4)
    parts = {"vision_config": vision, "mask_decoder_config": decoder, "prompt_encoder_config": prompts}
    network = SamModel(SamConfig(**{name: part.to_dict() for name, part in parts.items()}))
    size = {"longest_edge": 64}
    processor = SamImageProcessorPil(size=size, pad_size={"height": 64, "width": 64}, mask_size={"longest_edge": 16})
    return saved(network, processor, tmp_path_factory.mktemp("sam"))


def test_classes_are_those_of_the_library_s_own_way(deeplab):
    model = load_model(deeplab, "segmentation")
    parts = model.segments(PICTURE)
    ready = model.processor(Image.fromarray(BYTES), return_tensors="pt")
    with torch.no_grad():
        answer = model.network(**ready)
    drawn = model.processor.post_process_semantic_segmentation(answer, target_sizes=[BYTES.shape[:2]])[0].numpy()
    wanted = {1: "tabby", 2: "dining table"}
    assert {part.label for part in parts} == {wanted[n] for n in np.unique(drawn).tolist() if n}
    assert len(parts) > 0
    for part in parts:
        own = drawn == next(n for n, label in wanted.items() if label == part.label)
        assert (part.mask[own] == 1).all()
        assert (part.mask[~own] < 1).all()
        assert not part.whole


def test_instances_are_those_of_the_library_s_own_way(mask2former):
    model = load_model(mask2former, "segmentation")
    model.certain = 0.1
    parts = model.segments(PICTURE)
    assert len(parts) > 0
    assert all(
        part.whole and part.score >= 0.1 and part.label in ("tabby", "dining table", "background") for part in parts
    )
    together = sum(part.mask for part in parts)
    assert together.max() == 1  # no pixel is of two
    left = model.segments(PICTURE, (0.0, 0.0, 0.5, 1.0))
    middles = [np.average(np.arange(40) + 0.5, weights=part.mask.sum(0)) for part in parts]
    assert len(left) == sum(middle <= 20 for middle in middles)


def test_sam_in_a_box_and_at_points(sam):
    model = load_model(sam, "segmentation")
    (part,) = model.segments(PICTURE, (0.1, 0.2, 0.7, 0.9))
    ready = model.processor(Image.fromarray(BYTES), return_tensors="pt")
    box = torch.tensor([[[0.1 * 64, 0.2 * 38, 0.7 * 64, 0.9 * 38]]])  # 24 x 40 as 38 x 64
    with torch.no_grad():
        answer = model.network(pixel_values=ready["pixel_values"], input_boxes=box)
    masks = model.processor.post_process_masks(
        answer.pred_masks, ready["original_sizes"], ready["reshaped_input_sizes"]
    )
    best = int(answer.iou_scores[0, 0].argmax())
    np.testing.assert_array_equal(part.mask > 0, masks[0][0, best].numpy())
    model.certain, model.stable, model.offset = -10.0, 0.0, 0.0
    parts = model.segments(PICTURE)
    assert len(parts) > 1
    assert [part.score for part in parts] == sorted((part.score for part in parts), reverse=True)
    for n, one in enumerate(parts):
        for other in parts[:n]:
            a, b = one.mask > 0, other.mask > 0
            assert (a & b).sum() <= 0.7 * (a | b).sum()


def test_what_is_refused(deeplab, tmp_path):
    with pytest.raises(VertumnusError, match="is a segmentation model, and a clip model is wanted"):
        load_model(deeplab, "clip")
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in deeplab.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(VertumnusError, match="cannot be loaded") as error:
        load_model(broken, "segmentation")
    assert "\n" not in str(error.value)
