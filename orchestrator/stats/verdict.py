"""What the measured seeds say about a claim."""

from dataclasses import dataclass
from typing import Literal

MOST_NEEDED = 1000  # larger estimates of the seeds needed are not reported

Decision = Literal["supported", "contradicted", "undecided", "not run", "cannot be judged"]


@dataclass(frozen=True)
class Verdict:
    """The verdict of the measured seeds on a claim.

    Args:
        claim: the paper's sentence.
        verdict: `supported` or `contradicted` where `p_holm` is at most 0.05; `cannot be judged` where a run
            behind it diverged or collapsed, and at a scale that judges nothing.
        estimate: the mean of `a - b`, or of `a` for a claim about one cell.
        low, high: its confidence interval at the level of the test, so that a bound lies outside exactly
            where the claim is decided: 95 %, of equivalence 90 %, corrected for looks and for the claims
            that Holm's procedure tests beside it; equal to the estimate for computed cells.
        n: the number of seeds that all cells of the claim have; 0 for computed cells.
        p, p_holm: of all looks together, before and after Holm's correction.
        seeds_needed: total number of seeds that would decide an undecided claim with a power of 80 %, taking
            the mean and standard deviation of these seeds and the level that Holm's procedure now assigns.
            None where the claim is decided, nothing can be computed, or it takes more than 1,000 seeds.
        effect: what is compared, the estimate and its interval, in words; or why there is none.
        sentence: all of this in words.
        confidence: of the interval before the correction, in percent.
        factor: by which Holm's procedure divides the level for this claim.
        looks: after how many seeds it was tested.
        max_seeds: at how many the level of its tests is used up.
    """

    claim: str
    verdict: Decision
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    p: float | None
    p_holm: float | None
    seeds_needed: int | None
    sentence: str
    confidence: int = 95
    factor: int = 1
    looks: tuple[int, ...] = ()
    max_seeds: int = 0
    effect: str = ""
