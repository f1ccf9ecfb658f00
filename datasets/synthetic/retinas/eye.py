"""Samples eyes: generated maculae from an almost dry one to a severe diabetic oedema."""

import numpy as np

from datasets.synthetic.retinas.anatomy import INL, ONL, OS, Eye, Pocket, Swelling

_SEPTUM_MM = 0.035  # of tissue between two cysts that lie side by side


def sample_eye(rng: np.random.Generator, oedema: float) -> Eye:
    """A subject. `oedema` scales the number and the size of pockets; 0 is a healthy eye."""
    severity = oedema * rng.uniform(0.55, 1.0)
    fovea = (rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4))
    return Eye(
        nasal=int(rng.choice([-1, 1])),
        fovea=fovea,
        stretch=rng.uniform(0.9, 1.15),
        build=tuple(rng.normal(1, 0.06, 7).clip(0.85, 1.15)),
        tilt=rng.uniform(-30, 30),
        curvature=rng.uniform(2, 7),
        pockets=_pockets(rng, fovea, severity),
        swellings=tuple(_swelling(rng, fovea, severity) for _ in range(1 + rng.binomial(1, 0.5))),
    )


def _pockets(rng: np.random.Generator, fovea: tuple[float, float], severity: float) -> tuple[Pocket, ...]:
    clusters = [_cluster(rng, fovea, severity, ONL) for _ in range(rng.poisson(6 * severity))]
    clusters += [_cluster(rng, fovea, severity, INL) for _ in range(rng.poisson(14 * severity))]
    if rng.random() < 0.4 * severity:
        clusters.append([_subretinal(rng, fovea, severity)])
    return tuple(pocket for cluster in clusters for pocket in cluster)


def _cluster(
    rng: np.random.Generator, fovea: tuple[float, float], severity: float, layer: int
) -> list[Pocket]:
    """Cysts side by side: few and tall in the outer nuclear layer, many and small in the inner one."""
    tall = layer == ONL
    spread = 0.6 if tall else 1.3  # mm around the fovea
    x, y = fovea + spread * rng.standard_normal(2)
    pockets = []
    for _ in range(rng.integers(1, 5 if tall else 7)):
        rx = rng.uniform(0.10, 0.32) if tall else rng.uniform(0.05, 0.18)
        height = rng.uniform(60, 200) if tall else rng.uniform(25, 75)
        x += rx
        pockets.append(
            Pocket(
                layer,
                x=x,
                y=y + 0.15 * rng.standard_normal(),
                rx=rx,
                ry=rx * rng.uniform(0.9, 2.0),
                height=height * (0.5 + 0.5 * severity),
            )
        )
        x += rx + _SEPTUM_MM * rng.uniform(0.6, 2)
    return pockets


def _subretinal(rng: np.random.Generator, fovea: tuple[float, float], severity: float) -> Pocket:
    x, y = fovea + 0.2 * rng.standard_normal(2)
    return Pocket(OS, x, y, rng.uniform(0.5, 1.0), rng.uniform(0.4, 0.9), severity * rng.uniform(50, 120))


def _swelling(rng: np.random.Generator, fovea: tuple[float, float], severity: float) -> Swelling:
    x, y = fovea + 0.6 * rng.standard_normal(2)
    gain = severity * rng.uniform(0.2, 1.0) * np.array([3, 12, 16, 14, 75, 0, 0])
    return Swelling(x, y, radius=rng.uniform(0.6, 1.3), gain=tuple(gain))
