"""Tests of "picked at random, evenly", with a stated probability of a false alarm.

Only for what is random by design: kube-proxy's iptables mode (`-m statistic --mode random`) and
nftables mode (`numgen random`), each an independent even pick per new connection
(writeServiceToEndpointRules in pkg/proxy/{iptables,nftables}/proxier.go of Kubernetes). IPVS
schedulers have exact models instead.

`alpha` is always the probability that a fair proxy is called unfair by that one call; a run of T
tests at alpha = 1e-6 / T raises a false alarm less than once in a million runs (Bonferroni, which
needs no independence of the tests).
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from scipy import special

from suites.oracles.verdict import Judgement, right, table, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# From here on the chi-square distribution is a sound stand-in for that of Pearson's X2 even far
# out in its tail; below, a bound that holds for every sample size is used.
_TRUST_CHI_SQUARE = 1000

# The chance of missing the skew that `uniform` says would have shown.
_BETA = 1e-3


def uniform(counts: Mapping[str, int], *, alpha: float) -> Judgement:
    """Judge whether connections were spread as evenly as independent random picks are.

    `counts` must name every backend, those never seen with 0. Three tests, whose false alarms add
    up to at most `alpha`:

    - diffuse skew, alpha/4: Pearson's X2 against its upper chi-square tail if each backend expects
      at least 1000, else the likelihood ratio against the bound of Agrawal 2020 (Finite-Sample
      Concentration of the Multinomial in Relative Entropy), valid for every size;
    - counts too even to be random, alpha/4: see `evenness_bound`;
    - one backend off, alpha/2: Chernoff's bound N * KL(share || 1/n) >= ln(4n / alpha) for the 2n
      ways to be off, valid for every size.

    Power: `samples_needed` connections catch one backend off by a given share with probability
    1 - beta. Undecided if there is a single backend, or too few connections to notice even one that
    is never picked.
    """
    n, total = len(counts), sum(counts.values())
    if n < 2 or total == 0:
        return undecided(f"{total} connections over {n} backends show no distribution")
    expected = total / n
    pearson = math.fsum((seen - expected) ** 2 for seen in counts.values()) / expected
    figures = {
        "connections": float(total),
        "chi_square": pearson,
        "p_uneven": _uneven(counts, expected, pearson),
        "p_even": evenness_bound(n, total, pearson),
        "visible_skew": visible_skew(n, total, alpha, _BETA),
        "worst_divergence": max(total * _divergence(c / total, 1 / n) for c in counts.values()),
    }
    details = table(
        ("backend", "expected", "seen"),
        [(name, f"{expected:.1f}", str(seen)) for name, seen in sorted(counts.items())],
    )
    worst = max(counts, key=lambda name: _divergence(counts[name] / total, 1 / n))
    if figures["worst_divergence"] >= math.log(4 * n / alpha):
        off = 100 * (counts[worst] / expected - 1)
        reason = (
            f"{worst} got {counts[worst]} of {total} connections, {off:+.1f}% off its even "
            f"share of {expected:.1f}"
        )
    elif figures["p_uneven"] < alpha / 4:
        reason = f"{total} connections were spread over {n} backends more unevenly than chance does"
    elif figures["p_even"] < alpha / 4:
        reason = f"{total} connections were spread over {n} backends too evenly to be random"
    elif total < never_chosen_samples(n, alpha / 4):
        sentence = f"{total} connections over {n} backends are too few to judge their spread"
        return undecided(sentence, details, figures)
    else:
        sentence = (
            f"{total} connections were spread evenly over {n} backends; one off its share by "
            f"{100 * figures['visible_skew']:.0f}% would have shown"
        )
        return right(sentence, details, figures)
    sentence = f"{reason} (false alarm in at most {alpha:g} of runs)"
    return wrong(sentence, details, figures)


def evenness_bound(n: int, total: int, pearson: float) -> float:
    """Bound from above the probability that a fair proxy's X2 is as small as `pearson` or smaller.

    The chi-square's lower tail must not be used here: counts are whole numbers, so a perfectly even
    split of a fair proxy has a probability (1e-2 for 2 backends and 10000 connections, 2e-7 for 4
    and 28000) that the continuous distribution calls 0. Instead: the most probable split's exact
    probability, times a bound on the number of splits within that distance of even. The splits are
    points of the lattice A(n-1), whose cells have the volume sqrt(n) and lie within the covering
    radius sqrt(floor(n/2) * ceil(n/2) / n) of their point (Conway and Sloane, Sphere Packings,
    chapter 4), so a ball larger by that radius holds the cells of all of them.
    """
    low, extra = divmod(total, n)
    most_probable = (
        special.gammaln(total + 1)
        - (n - extra) * special.gammaln(low + 1)
        - extra * special.gammaln(low + 2)
        - total * math.log(n)
    )
    radius = math.sqrt(pearson * total / n) + math.sqrt((n // 2) * (n - n // 2) / n)
    dimension = n - 1
    volume = (
        dimension / 2 * math.log(math.pi)
        + dimension * math.log(radius)
        - special.gammaln(dimension / 2 + 1)
    )
    return math.exp(min(0.0, float(most_probable + volume - math.log(n) / 2)))


def independent_order(sequence: Sequence[str], n: int, alpha: float) -> Judgement:
    """Judge whether each pick forgot the one before.

    Catches what poses as random with perfectly even counts: round robin (never a repeat), a hash
    or stickiness (mostly repeats). `sequence` is the backends that one client reached, in the order
    of its connections, no two at the same time. The number of repeats of a fair proxy is
    binomial(N-1, 1/n); exact, two-sided, alpha/2 each. Power: a strict cycle is always caught from
    1 + ln(alpha/2) / ln(1 - 1/n) connections on (76 for n = 4 and alpha = 1e-9); shorter sequences
    with nothing wrong are undecided.
    """
    pairs = len(sequence) - 1
    too_few = f"{len(sequence)} connections to {n} backends are too few to judge their order"
    if n < 2 or pairs < 1:
        return undecided(too_few)
    repeats = sum(a == b for a, b in pairwise(sequence))
    fewer = float(special.bdtr(repeats, pairs, 1 / n))
    more = float(special.bdtrc(repeats - 1, pairs, 1 / n)) if repeats else 1.0
    figures = {"repeats": float(repeats), "p_fewer": fewer, "p_more": more}
    seen = (
        f"{repeats} of {pairs} connections went to the same backend as the one before; "
        f"random picks of {n} make that about {pairs / n:.0f}"
    )
    if min(fewer, more) <= alpha / 2:
        what = "picks avoid" if fewer < more else "picks cling to"
        return wrong(f"{what} the backend before: {seen}", figures=figures)
    if (1 - 1 / n) ** pairs > alpha / 2:
        return undecided(too_few, figures=figures)
    return right(seen, figures=figures)


def independent_of(pairs: Sequence[tuple[str, str]], factor: str, *, alpha: float) -> Judgement:
    """Judge whether the backends that were picked have nothing to do with a factor.

    `pairs` are (backend, the factor's value) of each connection, such as the parity of the source
    port, which a hash looks at and chance does not. Pearson's X2 of the table of counts against its
    upper chi-square tail. Undecided while a cell expects fewer than 1000, where that tail is no
    sound stand-in, or where there is only one value of either.
    """
    table_of = Counter(pairs)
    backends, values = Counter(b for b, _ in pairs), Counter(v for _, v in pairs)
    least = min(backends.values(), default=0) * min(values.values(), default=0)
    if min(len(backends), len(values)) < 2 or least < _TRUST_CHI_SQUARE * len(pairs):
        return undecided(f"{len(pairs)} connections are too few to judge the {factor}'s effect")
    pearson = 0.0
    for backend, picked in backends.items():
        for value, seen in values.items():
            expected = picked * seen / len(pairs)
            pearson += (table_of[backend, value] - expected) ** 2 / expected
    freedom = (len(backends) - 1) * (len(values) - 1)
    chance = float(special.chdtrc(freedom, pearson))
    figures = {"chi_square": pearson, "p": chance}
    details = table(
        ("backend", *sorted(values)),
        [(b, *(str(table_of[b, v]) for v in sorted(values))) for b in sorted(backends)],
    )
    if chance < alpha:
        return wrong(
            f"which backend is picked depends on the {factor} "
            f"(false alarm in at most {alpha:g} of runs)",
            details,
            figures,
        )
    sentence = f"{len(pairs)} connections show no effect of the {factor}"
    return right(sentence, details, figures)


def samples_needed(n: int, relative_skew: float, alpha: float, beta: float) -> int:
    """Count the connections that `uniform` at `alpha` needs to catch one skewed backend.

    It is off its even share by `relative_skew` (0.1 is 10%), the others share the difference, and
    it is missed with probability `beta` at most. By the non-central chi-square of X2 at alpha/4,
    with noncentrality N * skew^2 / (n - 1) (Cohen, Statistical Power Analysis, chapter 7). Grows as
    the square of n, so look for skew with 2 to 4 backends: 10% at alpha = 1e-9 and beta = 1e-3
    takes 29 249 for n = 4.
    """
    return math.ceil((visible_skew(n, 1, alpha, beta) / relative_skew) ** 2)


def visible_skew(n: int, connections: int, alpha: float, beta: float) -> float:
    """Give the relative skew of one backend for which `samples_needed` is this many connections.

    As a share of 1, so 0.1 is 10%; above 1 even a backend with twice its share might be missed.
    """
    critical = special.chdtri(n - 1, alpha / 4)
    noncentrality = float(special.chndtrinc(critical, n - 1, beta))
    return math.sqrt(noncentrality * (n - 1) / connections)


def never_chosen_samples(n: int, alpha: float) -> int:
    """Count the connections after which a backend never seen is a backend never picked.

    A fair proxy has then left out any of `n` backends with probability `alpha` at most, by the
    union bound n * (1 - 1/n)^N: 77 connections for n = 4 and alpha = 1e-9.
    """
    if n < 2:
        return 1
    return math.ceil(math.log(alpha / n) / math.log1p(-1 / n))


def upper_rate(failures: int, tries: int, alpha: float) -> float:
    """Bound the true rate of failures from above with confidence 1 - alpha.

    Clopper and Pearson 1934, one-sided, exact; without failures it is about -ln(alpha) / tries.
    No tries bound nothing: 1.
    """
    if tries == 0 or failures >= tries:
        return 1.0
    return float(special.betainccinv(failures + 1, tries - failures, alpha))


def _divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of two coins, in nats."""
    return float(special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q))


def _uneven(counts: Mapping[str, int], expected: float, pearson: float) -> float:
    """Probability, or a bound on it, that a fair proxy is at least as uneven."""
    freedom = len(counts) - 1
    if expected >= _TRUST_CHI_SQUARE:
        return float(special.chdtrc(freedom, pearson))
    ratio = math.fsum(special.xlogy(seen, seen / expected) for seen in counts.values())
    if ratio <= freedom:
        return 1.0
    return math.exp(-ratio + freedom * (1 + math.log(ratio / freedom)))
