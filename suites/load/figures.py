"""What a load run's samples say: figures by name, pictures, and the generator's view of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.ratio import Ratio, ratio
from suites.oracles.verdict import Judgement, all_of, listing, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fixtures.load.samples import Block, Samples
    from suites.oracles.budgets import Budget, Budgets

BUSY = 0.85
"""Share of a processor from which the generator may be what is measured: locust warns at 0.9."""

LATE = 200e6
"""ns by which 99% of idle users may be woken late at most. What is judged counts from the actual
start; but where even waiting is that far off, nothing of the machine's can be trusted."""

FAILED = "failed share"


def kept_up(samples: Samples) -> Judgement:
    """Judge whether the generator was fast enough for what it saw to be the target's doing."""
    busiest = max((g.load for g in samples.generators.values()), default=0.0)
    late = samples.late.quantile(99)
    figures = {"generator load": busiest, "late p99 ms": late / 1e6}
    if not samples.late.count:
        return undecided("the generator made no attempt in time")
    if busiest > BUSY:
        return undecided(
            f"the generator used {busiest:.0%} of a processor, so it may be the bottleneck",
            figures=figures,
        )
    if late > LATE:
        return undecided(
            f"the generator woke 1% of its idle users {late / 1e6:.0f} ms late or later: the "
            "machine has no time for it",
            figures=figures,
        )
    return right(
        f"the generator kept its schedule: 99% of attempts at most {late / 1e6:.1f} ms late, "
        f"{busiest:.0%} of a processor",
        figures=figures,
    )


def delivered(samples: Samples, arm: str, identities: Collection[str]) -> Judgement:
    """Judge that only these backends answered an arm's attempts."""
    total = samples.total(arm)
    strangers = sorted(set(total.backends) - set(identities))
    if strangers:
        return wrong(f"{arm}: {listing(strangers, 'and')} answered, which is no endpoint of it")
    if not total.backends:
        return undecided(f"{arm}: nobody answered")
    return right(f"{arm}: {total.backends.total()} answers of its own endpoints")


def failed_share(block: Block) -> float:
    """Return the share of attempts that failed."""
    return block.failed.total() / block.sent if block.sent else 0.0


def measured(samples: Samples, metric: str, arm: str, over: str) -> Ratio | None:
    """Return the ratio of a metric, as "connect p50", of one arm to another's, round by round."""
    kind, _, percent = metric.partition(" p")
    other = dict(samples.rounds(over))
    pairs = []
    for number, block in samples.rounds(arm):
        if number not in other or kind not in block.times or kind not in other[number].times:
            continue
        theirs = other[number].times[kind].quantile(float(percent))
        pairs.append((block.times[kind].quantile(float(percent)), theirs))
    return ratio(pairs)


def judge(samples: Samples, budgets: Budgets, load: str, arm: str = "service") -> Judgement:
    """Judge a load's budgets; of metrics like "kept p50" it is the arm that the word names."""
    judgements = [kept_up(samples)]
    for budget in budgets.of(load):
        if budget.metric == FAILED:
            judgements.append(_failures(samples, budget, arm))
        elif budget.relative:
            judgements.append(budget.judge(_relative(samples, budget, arm)))
        elif budget.unit == "ms":
            judgements.append(budget.judge(_absolute(samples, budget, arm)))
    return all_of(*judgements)


def _absolute(samples: Samples, budget: Budget, arm: str) -> float | None:
    """Return a percentile of an arm's times in ms, None where there is none."""
    metric, arm = _meant(budget.metric, arm)
    kind, _, percent = metric.partition(" p")
    times = samples.total(arm).times.get(kind)
    return times.quantile(float(percent)) / 1e6 if times and times.count else None


def _relative(samples: Samples, budget: Budget, arm: str) -> Ratio | None:
    metric, arm = _meant(budget.metric, arm)
    return measured(samples, metric, arm, budget.over)


def _meant(metric: str, arm: str) -> tuple[str, str]:
    """Return what is measured of which arm: "kept p50" is the service time of kept connections."""
    if metric.startswith("kept "):
        return metric.replace("kept", "service"), f"kept-{arm}"
    return metric, arm


def _failures(samples: Samples, budget: Budget, arm: str) -> Judgement:
    total = samples.total(arm)
    if not total.sent:
        return undecided(f"{arm}: no attempt was made")
    direct = samples.total("direct")
    if direct.failed:
        first = next(iter(direct.failed))
        return undecided(
            f"{direct.failed.total()} of {direct.sent} attempts failed without a Service, too "
            f"({first}), so the testbed loses them"
        )
    judgement = budget.judge(failed_share(total))
    if judgement.ok is False:
        how = listing([f"{name} ({count})" for name, count in total.failed.most_common()], "and")
        return wrong(
            f"{total.failed.total()} of {total.sent} attempts through the Service failed: {how}",
            figures=judgement.figures,
        )
    return judgement


def percentiles(samples: Samples) -> list[dict[str, object]]:
    """Return a row for each arm: attempts, failures, and percentiles in microseconds."""
    rows: list[dict[str, object]] = []
    for arm in samples.targets:
        total = samples.total(arm)
        for kind, histogram in total.times.items():
            rows.append(
                {
                    "arm": arm,
                    "time": kind,
                    "attempts": total.sent,
                    "failed": total.failed.total(),
                    **{
                        f"p{percent:g} µs": round(histogram.quantile(percent) / 1e3)
                        for percent in (50, 90, 99, 99.9)
                    },
                }
            )
    return rows


def distribution(samples: Samples, kind: str = "service") -> Mapping[str, object]:
    """Return the picture of an arm's percentiles, for the report."""
    series = {
        arm: samples.total(arm).times[kind].curve()
        for arm in samples.targets
        if kind in samples.total(arm).times
    }
    return {"series": series, "x": "percentile", "y": f"{kind} time, ms", "log": "y"}


def ratios(
    samples: Samples, budgets: Budgets, load: str, arm: str = "service"
) -> dict[str, Ratio | None]:
    """Return the figure of each relative budget, by its name."""
    return {
        f"{budget.metric} / {budget.over}": _relative(samples, budget, arm)
        for budget in budgets.of(load)
        if budget.relative
    }
