"""Tiny checkpoints of every family, with random weights, written to a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    IFPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    SiglipConfig,
    SiglipModel,
    SiglipTextConfig,
    SiglipVisionConfig,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def tokenizer(length: int = 77) -> CLIPTokenizer:
    """Spells everything out."""
    pieces = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=[], model_max_length=length)


def text_config(act: str = "quick_gelu") -> CLIPTextConfig:
    words = tokenizer()
    return CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=32,
        hidden_act=act,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        scaling_factor=0.5,
    )


def stable_diffusion_unet(second: bool = False) -> UNet2DConditionModel:
    """Of SD 1.x, or of 2.x with its linear projections."""
    return UNet2DConditionModel(
        block_out_channels=(8, 16),
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=(2, 4) if second else 4,
        use_linear_projection=second,
    )


def schedule(**kwargs: object) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, **kwargs
    )


def stable_diffusion(folder: Path, prediction: str = "epsilon") -> Path:
    """SD 1.x with ``epsilon``; SD 2.x, with its linear projections and activation, with ``v_prediction``."""
    torch.manual_seed(0)
    second = prediction == "v_prediction"
    StableDiffusionPipeline(
        vae(),
        CLIPTextModel(text_config("gelu" if second else "quick_gelu")),
        tokenizer(),
        stable_diffusion_unet(second),
        schedule(prediction_type=prediction),
        None,
        None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def stable_diffusion_xl(folder: Path) -> Path:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=6 * 8 + 32,
        cross_attention_dim=64,
        norm_num_groups=4,
        layers_per_block=1,
    )
    StableDiffusionXLPipeline(
        vae(),
        CLIPTextModel(text_config()),
        CLIPTextModelWithProjection(text_config("gelu")),
        tokenizer(),
        tokenizer(),
        unet,
        schedule(),
    ).save_pretrained(folder)
    return folder


def t5_tokenizer() -> T5Tokenizer:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    return T5Tokenizer(vocab=pieces, extra_ids=0)


def deepfloyd_unet() -> UNet2DConditionModel:
    """A network of IF's first stage, 16 x 16."""
    return UNet2DConditionModel(
        sample_size=16,
        layers_per_block=1,
        block_out_channels=(16, 32),
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        in_channels=3,
        out_channels=6,
        cross_attention_dim=32,
        encoder_hid_dim=32,
        encoder_hid_dim_type="text_proj",
        attention_head_dim=8,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        cross_attention_norm="group_norm",
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        norm_num_groups=8,
    )


def deepfloyd(folder: Path) -> Path:
    """IF's first stage: pixels, T5, six channels out, attention with added keys and values."""
    torch.manual_seed(0)
    unet = deepfloyd_unet()
    words = t5_tokenizer()
    encoder = T5EncoderModel(
        T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)
    )
    scheduler = DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        thresholding=True,
        dynamic_thresholding_ratio=0.95,
        sample_max_value=1.0,
        prediction_type="epsilon",
        variance_type="learned_range",
    )
    IFPipeline(words, encoder, unet, scheduler, None, None, None, requires_safety_checker=False).save_pretrained(
        folder
    )
    return folder


def clip(folder: Path) -> Path:
    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
    )
    CLIPModel(
        CLIPConfig(text_config=text_config().to_dict(), vision_config=vision.to_dict(), projection_dim=24)
    ).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def siglip(folder: Path) -> Path:
    torch.manual_seed(0)
    vision = SiglipVisionConfig(
        hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8
    )
    words = SiglipTextConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=16,
        projection_size=32,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=1,
    )
    SiglipModel(SiglipConfig(text_config=words.to_dict(), vision_config=vision.to_dict())).save_pretrained(folder)
    t5_tokenizer().save_pretrained(folder)
    return folder
