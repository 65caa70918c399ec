"""Tiny diffusion networks with random weights, and predictors whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.nn.functional import interpolate

torch.set_num_threads(1)  # networks as small as these wait for their threads longer than they compute


class Schedule:
    """What every prior here shares: a device and a schedule. ``shape`` is what noise is added to."""

    device = torch.device("cpu")
    name = "tiny"

    def __init__(self, shape, steps=1000):
        self.shape = shape
        self.alphas_cumprod = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, steps) ** 2, 0)
        self.unet = torch.nn.Identity()

    def encode_text(self, prompts):
        return prompts

    def encode_negative(self, prompts=""):
        return self.encode_text(prompts)

    def encode(self, image):
        size = self.shape[-2:]
        if image.shape[-2:] != size:
            image = interpolate(image, size, mode="bilinear", antialias=True)
        return image * 2 - 1

    def decode(self, x_0):
        return (x_0 + 1) / 2

    def levels(self, t, like):
        abar = self.alphas_cumprod[t].to(like).view(-1, 1, 1, 1)
        return abar.sqrt(), (1 - abar).sqrt()

    def add_noise(self, x_0, noise, t):
        signal, level = self.levels(t, x_0)
        return signal * x_0 + level * noise


class Scripted(Schedule):
    """A pixel prior that says what ``script(x_t, t)`` says, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, script, shape=(3, 8, 8)):
        super().__init__(shape)
        self.script = script
        self.asked = []

    def predict_noise(self, x_t, t, text, guidance=1.0, negative=None):
        self.asked.append(SimpleNamespace(x_t=x_t, t=t, text=text, guidance=guidance, negative=negative))
        return self.script(x_t, t)


class Gaussian(Scripted):
    """The exact noise predictor of independent Gaussians: eps = sigma (x_t - a m) / (a^2 s^2 + sigma^2)."""

    def __init__(self, mean, variance, shape=(3, 8, 8)):
        super().__init__(self.noise_in, shape)
        self.mean, self.variance = mean, variance

    def noise_in(self, x_t, t):
        a, sigma = self.levels(t, x_t)
        return sigma * (x_t - a * self.mean) / (a**2 * self.variance + sigma**2)


class FittedGaussian:
    """A student that knows the mean and the variance of the particles exactly: closed-form eq. (7)."""

    def __init__(self, prior, mean, variance):
        self.predictor = Gaussian(mean, variance, prior.shape)

    def predict_noise(self, x_t, t):
        return self.predictor.noise_in(x_t, t)

    def learn(self, x_0):
        self.predictor.mean = x_0.mean(0)
        self.predictor.variance = x_0.var()  # one for all pixels, about its mean of all
        return 0.0

    def state(self):
        return {}

    def restore(self, state):
        pass

    def close(self):
        pass


class Tiny(Schedule):
    """A random network behind the interface of a prior, written as plainly as can be.

    family   sd: latents, cross-attention; sd-v: the same, predicting velocity; if: pixels, six channels out,
             attention with added keys and values
    """

    def __init__(self, family="sd", text_width=32, seed=0):
        from transformers import CLIPTextConfig, CLIPTextModel

        from tiny import deepfloyd_unet, stable_diffusion_unet, vae

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.velocity = family == "sd-v"
            self.vae = None
            if family == "if":
                super().__init__((3, 16, 16))
                self.unet = deepfloyd_unet()
            else:
                super().__init__((4, 8, 8))
                self.unet = stable_diffusion_unet()
                self.vae = vae().requires_grad_(False)
            config = CLIPTextConfig(
                vocab_size=300,
                hidden_size=text_width,
                intermediate_size=37,
                num_attention_heads=4,
                num_hidden_layers=2,
                max_position_embeddings=16,
                bos_token_id=256,
                eos_token_id=257,
                pad_token_id=258,
            )
            self.tower = CLIPTextModel(config)
        for part in (self.unet, self.tower):
            part.requires_grad_(False).eval()
        self.name = f"tiny-{family}"

    @torch.no_grad()
    def encode_text(self, prompts):
        letters = [256, *prompts.encode()[:14], 257]
        return self.tower(torch.tensor([letters + [258] * (16 - len(letters))])).last_hidden_state

    def encode(self, image):
        if self.vae is None:
            return super().encode(image)
        if image.shape[-2:] != (16, 16):
            image = interpolate(image, (16, 16), mode="bilinear", antialias=True)
        return self.vae.encode(image * 2 - 1).latent_dist.mode() * 0.5

    def network(self, x_t, t, states):
        """What the network itself says, as noise."""
        x = x_t.to(self.unet.dtype)
        said = self.unet(x, t, states.expand(len(x), -1, -1).to(x)).sample[:, : self.shape[0]].to(x_t)
        if self.velocity:
            a, sigma = self.levels(t, x_t)
            return a * said + sigma * x_t
        return said

    def predict_noise(self, x_t, t, text, guidance=1.0, negative=None):
        along = self.network(x_t, t, text)
        if guidance == 1.0:
            return along
        without = self.network(x_t, t, negative)
        return without + guidance * (along - without)
