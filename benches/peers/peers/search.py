"""Fine-grained beam search with the two models: expand, merge, score, retain."""

from dataclasses import dataclass

from .answer import ENDS_EXPANSION, Answer
from .models import Beam


@dataclass
class Candidate:
    """A distinct expansion."""

    beam: Beam
    count: int
    reward: float = 0.0


def merge(expansions, parent_steps):
    """Distinct expansions that completed a step."""
    distinct = {}
    for beam in expansions:
        steps = beam.answer.steps[parent_steps:]
        if not beam.answer.valid or not any(step[0] in ENDS_EXPANSION for step in steps):
            continue
        known = distinct.setdefault(beam.answer.key(), Candidate(beam, 0))
        known.count += 1
    return list(distinct.values())


def search(policy, reward_model, messages, tools, num_beams, expansions_per_beam, temperature, rounds):
    """The finished answers, best first: (reward, calls, steps)."""
    policy_session = policy.begin(messages, tools)
    reward_session = reward_model.begin(messages, tools)
    beams, pool = [Beam(Answer())], []
    expansions = num_beams * expansions_per_beam
    for _ in range(rounds):
        grown = policy.expand(policy_session, beams, expansions, temperature)
        candidates = []
        for beam, children in zip(beams, grown):
            found = merge(children, len(beam.answer.steps))
            candidates += [(len(beam.answer.steps), candidate) for candidate in found]
        if not candidates:
            break
        rewards = reward_model.rewards(reward_session, [c.beam.answer.steps for _, c in candidates])
        for (parent_steps, candidate), reward in zip(candidates, rewards):
            candidate.reward = min(reward[parent_steps:])
        ranked = [candidate for _, candidate in candidates]
        ranked.sort(key=lambda c: (-c.reward, -c.count, -c.beam.log_probability))
        pool += [c for c in ranked if c.beam.answer.complete]
        beams = [c.beam for c in ranked if not c.beam.answer.complete][:num_beams]
        expansions = expansions_per_beam
        if not beams or len(pool) >= num_beams:
            break
    pool.sort(key=lambda c: -c.reward)
    return [(c.reward, c.beam.answer.calls(), c.beam.answer.steps) for c in pool]


def greedy(policy, messages, tools):
    """The greedy answer's calls, or None if it is not complete."""
    session = policy.begin(messages, tools)
    [[beam]] = policy.expand(session, [Beam(Answer())], 1, 0.0, to_end=True)
    return beam.answer.calls() if beam.answer.complete else None
