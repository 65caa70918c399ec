"""Several collages of one job side by side, as particles of one network that share its student (VSD, eq. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vertumnus.composing.compose import ComposeJob, Watcher, run
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.run import Composition
from vertumnus.guidance.particle import Judge, Particle, ParticlePrior, ask


class SharedPrior:
    """A network whose guidances are particles of one judge."""

    def __init__(self, prior: ParticlePrior) -> None:
        self.name, self.resolution, self.iterations = prior.name, prior.resolution, prior.iterations
        self.render_weight = prior.render_weight
        self.prior = prior
        self.judge: Judge | None = None
        self.particles: list[Particle] = []

    def guidance(
        self, prompt: str, options: ComposeOptions, shape: tuple[int, int], rng: np.random.Generator
    ) -> Particle:
        """One more particle."""
        if self.judge is None:
            self.judge = self.prior.network(prompt, options, rng)
        self.particles.append(Particle(self.judge, options.every, options.agreement))
        return self.particles[-1]


def run_together(job: ComposeJob, seeds: Sequence[int], watch: Watcher | None = None) -> list[Composition]:
    """Runs a job from several seeds to the end. A network judges all at every step, and has one student of all; other
    priors judge one after the other.

    watch   called with every composition after each of its steps, as by `vertumnus.composing.compose.run`
    """
    if len(seeds) == 1 or not isinstance(job.prior, ParticlePrior):
        return [run(job, seed, watch) for seed in seeds]
    shared = SharedPrior(job.prior)
    compositions = [job.composition(seed, shared) for seed in seeds]
    under_way = {n: iter(composition) for n, composition in enumerate(compositions)}
    try:
        while under_way:
            ahead = [c for c in compositions if c.phase == "arrange" and c.done < c.total and not c.hurry]
            if len(ahead) == len(compositions) and not shared.particles[0].left:
                ask(shared.particles, [c.look() for c in compositions], compositions[0].optimiser.progress)
            for n in list(under_way):
                if next(under_way[n], None) is None:
                    del under_way[n]
                elif watch is not None:
                    watch(compositions[n])
    finally:
        for particle in shared.particles[:1]:
            particle.close()
    return compositions
