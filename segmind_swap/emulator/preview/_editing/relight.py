"""Moves the new character's colours part of the way towards the colours around it in the scene."""

import numpy as np

from .._arrays import Colours, Mask, Plane

_SHARE = 0.35
"""The share of the way. With all the way, a red coat at dusk would not be red any more."""

_LIMITS = np.array([12.0, 6.0, 6.0], np.float32)
"""The largest change of lightness, and of the two colour axes (CIE L*a*b*)."""

_CONTRAST = (0.8, 1.25)

_GREY = 2.0
"""A scene with a smaller mean distance from grey is monochrome."""

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_WHITE = _TO_XYZ.sum(axis=1)


def relight(colours: Colours, alpha: Plane, scene: Colours, ring: Mask) -> Colours:
    """The character's colours (where ``alpha`` says) moved towards those of the scene's ``ring``.

    Means and spreads of L*a*b* are matched (Reinhard et al., 2001), with bounds. In a monochrome scene the
    character is monochrome.
    """
    # Every fifth pixel is enough for a mean.
    around = _lab(scene[ring][::5])
    own = _lab(colours[alpha > 0.5][::5])
    lab = _lab(colours)
    mean, goal = own.mean(axis=0), around.mean(axis=0)
    contrast = np.clip(around.std(axis=0) / np.maximum(own.std(axis=0), 1e-3), *_CONTRAST)
    # Only the contrast of lightness is matched: the contrast of colours belongs to the character.
    contrast = 1.0 + _SHARE * (np.array([contrast[0], 1.0, 1.0], np.float32) - 1.0)
    shift = np.clip(_SHARE * (goal - mean), -_LIMITS, _LIMITS)
    lab = (lab - mean) * contrast + mean + shift
    if float(np.abs(_lab(scene[::4, ::4])[..., 1:]).mean()) < _GREY:
        lab[..., 1:] = 0.0
    return _rgb(lab.astype(np.float32))


def _lab(rgb: Colours) -> Colours:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )
    return lab.astype(np.float32)


def _rgb(lab: Colours) -> Colours:
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0.0, 1.0)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(rgb, 0.0, 1.0), np.float32)
