"""The units of a plan, by what its settings cost on this machine."""

from collections.abc import Mapping, Sequence

from ids.run.costs import Costs, measured_costs
from ids.run.cut import Bounds, Traits, cut
from ids.run.experiment import Experiment
from ids.run.plan import Part
from ids.run.unit import Unit


def cut_plan(
    parts: Sequence[Part], experiments: Mapping[int, Experiment], bounds: Bounds
) -> list[Unit]:
    """Units that share a backbone and a data set, which gives their images about one size."""
    doable = [part for part in parts if part.todo and not part.unsupported]
    costs = costs_here(doable, experiments)

    def traits(part: Part) -> Traits:
        experiment = experiments[part.setting]
        dataset, engine = experiment.dataset, experiment.session.engine
        group = part.key.backbone_key, dataset.name, dataset.place, dataset.view
        size = engine.most_at_once(engine.find_device())
        return Traits(
            group,
            costs.seconds(part),
            size,
            shares=engine.anchors == "shared",
            nfe=costs.nfe(part),
        )

    return cut(doable, traits, bounds)


def costs_here(parts: Sequence[Part], experiments: Mapping[int, Experiment]) -> Costs:
    """Costs as measured on this device; reads nothing where nothing is to be done."""
    if not any(part.todo for part in parts):
        return Costs()
    first = experiments[parts[0].setting]
    return measured_costs(parts, first.store, device_name(first))


def device_name(experiment: Experiment) -> str:
    """The device of this machine, as measurements name it."""
    engine = experiment.session.engine
    return str(engine.describe(engine.find_device())["device"])
