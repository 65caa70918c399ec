"""mini's autoencoder: stock `AutoencoderKL` whose first and last levels are pixel unshuffles.

Two cores cannot carry convolutions at full resolution. So the picture's 4 x 4 blocks of pixels become channels
before the first convolution and are laid out again after the last. Everything else is the stock class, and so
are the files on disk.
"""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, ModelMixin
from diffusers.configuration_utils import FrozenDict, register_to_config
from torch import nn

UNSHUFFLED = 2  # levels, of a factor of two each

# Pipelines look for the base class in the module that ``model_index.json`` names.
__all__ = ["ModelMixin", "UnshuffleAutoencoderKL"]


class UnshuffleAutoencoderKL(AutoencoderKL):  # type: ignore[misc]
    """`AutoencoderKL` with its first two levels replaced by unshuffling pixels into channels.

    The levels' widths, ``block_out_channels``, are those of the whole: 12 and 48 channels of pixels, then the
    widths of the convolutional levels. So pipelines work out the right factor, 8, from four levels.
    Other parameters are `AutoencoderKL`'s.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        block_out_channels: tuple[int, ...] = (12, 48, 64, 128),
        layers_per_block: int = 1,
        act_fn: str = "silu",
        latent_channels: int = 4,
        norm_num_groups: int = 32,
        sample_size: int = 128,
        scaling_factor: float = 1.0,
        shift_factor: float | None = None,
        latents_mean: tuple[float, ...] | None = None,
        latents_std: tuple[float, ...] | None = None,
        force_upcast: bool = False,
        use_quant_conv: bool = True,
        use_post_quant_conv: bool = True,
        mid_block_add_attention: bool = False,
    ) -> None:
        whole: dict[str, Any] = dict(self.config)
        levels = len(block_out_channels) - UNSHUFFLED
        super().__init__(
            in_channels=in_channels,
            out_channels=out_channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(block_out_channels[UNSHUFFLED:]),
            layers_per_block=layers_per_block,
            act_fn=act_fn,
            latent_channels=latent_channels,
            norm_num_groups=norm_num_groups,
            sample_size=sample_size,
            scaling_factor=scaling_factor,
            shift_factor=shift_factor,
            force_upcast=force_upcast,
            use_quant_conv=use_quant_conv,
            use_post_quant_conv=use_post_quant_conv,
            mid_block_add_attention=mid_block_add_attention,
        )
        self._internal_dict = FrozenDict(whole)  # the base class has written down its own view of it
        factor = 2**UNSHUFFLED
        first, last = block_out_channels[UNSHUFFLED], out_channels * factor**2
        enter = nn.Conv2d(in_channels * factor**2, first, 3, padding=1)
        leave = nn.Conv2d(first, last, 3, padding=1)
        self.encoder.conv_in = nn.Sequential(nn.PixelUnshuffle(factor), enter)
        self.decoder.conv_out = nn.Sequential(leave, nn.PixelShuffle(factor))
