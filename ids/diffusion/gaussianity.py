"""Is a tensor still white Gaussian noise? Two statistics per row."""

from ids.core.tensors import Latent, PerRow


def lag1(eps: Latent) -> PerRow:
    """Correlation of neighbouring pixels, averaged over both directions: 0 for white noise."""
    eps = _standard(eps)
    rows = (eps[..., 1:, :] * eps[..., :-1, :]).mean((1, 2, 3))
    columns = (eps[..., 1:] * eps[..., :-1]).mean((1, 2, 3))
    return (rows + columns) / 2


def kurtosis(eps: Latent) -> PerRow:
    """Fourth standardized moment: 3 for a Gaussian."""
    return _standard(eps).pow(4).mean((1, 2, 3))


def _standard(eps: Latent) -> Latent:
    centred = eps - eps.mean((1, 2, 3), keepdim=True)
    return centred / centred.square().mean((1, 2, 3), keepdim=True).sqrt()
