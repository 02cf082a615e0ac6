"""The units of a plan, by what its settings cost on this machine."""

from collections.abc import Mapping, Sequence

from ids.run.costs import measured_costs
from ids.run.cut import Bounds, Traits, cut
from ids.run.experiment import Experiment
from ids.run.plan import Part
from ids.run.unit import Unit


def cut_plan(
    parts: Sequence[Part], experiments: Mapping[int, Experiment], bounds: Bounds
) -> list[Unit]:
    """Units that share a backbone and a data set, which gives their images about one size."""
    doable = [part for part in parts if part.todo and not part.unsupported]
    if not doable:
        return []
    first = experiments[doable[0].setting]
    engine = first.session.engine
    device = str(engine.describe(engine.find_device())["device"])
    costs = measured_costs(doable, first.store, device)

    def traits(part: Part) -> Traits:
        experiment = experiments[part.setting]
        dataset, size = experiment.dataset, experiment.session.engine.batch_size
        group = part.key.backbone_key, dataset.name, dataset.place, dataset.view
        return Traits(group, costs.seconds(part), size)

    return cut(doable, traits, bounds)
