"""`Search`: an optimiser, the population it leads, and the best layout they came by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vertumnus.composing.initial import best_start
from vertumnus.composing.objective import JointLoss
from vertumnus.composing.options import ComposeOptions
from vertumnus.composing.population import compete, mutate, write_members
from vertumnus.composing.scene import Scene
from vertumnus.composing.start import random_layout
from vertumnus.optimise.checkpoint import State
from vertumnus.optimise.loop import Optimiser, read_groups
from vertumnus.render.placements import Placements

Jump = Callable[[Optimiser], NDArray[np.intp]]


class Search:
    """Iterated, it takes a step of all members and lets them compete now and then; its optimiser ends as the best.

    optimiser   of the run's own layout
    members     of the others
    jump        makes for a member, of its generator, what pieces do beside following the gradient
    anew        whether members begin with layouts of their own, and not with mutations of the optimiser's
    """

    def __init__(
        self,
        optimiser: Optimiser,
        scene: Scene,
        options: ComposeOptions,
        jump: Callable[[np.random.Generator], Jump],
        anew: bool,
    ) -> None:
        self.optimiser, self.scene, self.options, self.jump, self.anew = optimiser, scene, options, jump, anew
        self.members: list[Optimiser] = []
        self._best: tuple[float, Placements | None] = (-np.inf, None)

    def __iter__(self) -> Iterator[None]:
        self._begin()
        self._populate()
        others = [iter(member) for member in self.members]
        for _ in self.optimiser:
            for member in others:
                next(member, None)
            if self.optimiser.iteration == self.optimiser.total:
                self.settle()
            elif self.members and self.optimiser.iteration % self.options.evolution_interval == 0:
                together = [self.optimiser, *self.members]
                compete(
                    together, self.options.evolution, self.scene, self.optimiser.rng, len(self.scene.elements) > 1
                )
            yield

    def _begin(self) -> None:
        """The best of several random layouts, where pieces may begin anywhere."""
        o, count = self.optimiser, self.options.initial_search - 1
        joint = o.stages[0].guidance
        if count and self.anew and o.iteration == 0 and isinstance(joint, JointLoss):
            steps = min(self.options.initial_search_steps, o.total - 1)
            best_start(o, (self._elsewhere(o.rng) for _ in range(count)), steps, joint, o.rng)

    def _elsewhere(self, rng: np.random.Generator) -> Placements:
        """The pieces in other random places."""
        start, free = self.optimiser.placements.copy(), self.optimiser.freedom.movable
        anew = random_layout(start.which, self.scene.longer, self.scene.size, rng)
        start["pose"][:, free] = anew["pose"][:, free]
        return start

    def _populate(self) -> None:
        if len(self.members) == self.options.population - 1:
            return
        o = self.optimiser
        self.members = []
        for _ in range(self.options.population - 1):
            rng = np.random.default_rng(o.rng.integers(2**63))
            # After a search all begin with what it found, as in CLIP-CLOP.
            anywhere = self.anew and o.iteration == 0 and self.options.initial_search == 1
            start = self._elsewhere(rng) if anywhere else o.placements.copy()
            jump = self.jump(rng)
            member = Optimiser(start, o.unit.copy(), o.stages, o.freedom, rng, noise=o.noise, jump=jump)
            member.iteration = o.iteration
            mutate(member, self.scene, rng, swapping=False)
            self.members.append(member)

    def settle(self) -> None:
        """Ends the population: the best member becomes the optimiser."""
        if self.members:
            best = min(self.members, key=lambda member: member.loss)
            if best.loss < self.optimiser.loss:
                self.optimiser.become(best)
            self.members = []

    def remember(self, likeness: float) -> None:
        """Keeps the layout if it is the best so far: like what is wanted, without lying on itself."""
        canvas = self.optimiser.canvas
        if canvas is None:
            return
        covered = canvas[..., 4]
        over = float(np.maximum(covered - 1, 0).sum() / max(float(covered.sum()), 1e-9))
        if likeness - over > self._best[0]:
            self._best = likeness - over, self.optimiser.placements.copy()

    def recall(self) -> None:
        """Goes back to the best layout of the pieces there are, for a run that ends early."""
        placements = self._best[1]
        if placements is not None:
            fixed = ~self.optimiser.freedom.movable
            for name, found in placements.groups.items():
                found[:, fixed] = self.optimiser.placements[name][:, fixed]
            self.optimiser.placements = placements

    def forget(self) -> None:
        """Leaves the best layout: what a person put somewhere does not jump back."""
        self._best = -np.inf, None

    def write(self) -> dict[str, Any]:
        """Members and the best layout, for a state."""
        score, best = self._best
        return {
            "best_score": score,
            **({f"best.{name}": values.copy() for name, values in best.groups.items()} if best else {}),
            **write_members(self.members),
        }

    def read(self, state: State) -> None:
        """Goes back to what `write` wrote; the optimiser has gone back before."""
        best = state.part("best")
        if best:
            placements = self.optimiser.placements.copy()
            placements.groups = read_groups(best, len(placements))
            if placements.groups.keys() != self.optimiser.placements.groups.keys():
                raise best.refuse("pose", "is not of the parameters of this run")
            self._best = float(state["best_score"]), placements
        if "member0.iteration" in state:
            self._populate()
            units = np.array([element.unit for element in self.scene.elements])
            for n, member in enumerate(self.members):
                kept = state.part(f"member{n}")
                which = kept.array("which", (len(self.optimiser.placements),), "i")
                member.restore(State({**kept, "unit": units[which]}, kept.source))
                member.loss = float(kept["loss"][0])
            self.optimiser.rng.bit_generator.state = state["rng"]
