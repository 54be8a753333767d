"""A high-pass at 20 Hz: what cannot be heard, such as rumble, wind and drift, must not count as loudness.

Ours, since importing scipy's filters takes longer than a short transfer.

Reference:
    Oppenheim & Schafer, Discrete-Time Signal Processing: bilinear transform of a Butterworth filter, parallel form.
"""

import numpy as np

LOWEST_HZ = 20.0  # the lowest note of a piano, 27.5 Hz, loses 0.03 dB
_ORDER = 8  # even; a rumble of 8 Hz loses 60 dB
_CHUNKS_PER_SECOND = 40  # a pole fades by a factor of 20 in a chunk, so that dividing by it loses nothing


class HighPass:
    """The filter for a sound that arrives in blocks of any length. Before its beginning the sound is constant.

    Args:
        sample_rate: In Hz.

    >>> high_pass = HighPass(8000)
    >>> float(np.abs(high_pass.apply(np.full((500, 1), 0.7))).max()) < 1e-9
    True
    """

    def __init__(self, sample_rate: int) -> None:
        angles = np.pi * (2 * np.arange(_ORDER) + _ORDER + 1) / (2 * _ORDER)
        analogue = np.tan(np.pi * LOWEST_HZ / sample_rate) * np.exp(1j * angles)
        poles = (1 + analogue) / (1 - analogue)
        gain = np.prod((1 + poles) / 2).real
        others = 1 - poles / poles[:, None]  # each pole's distance from the others, as factors of its residue
        np.fill_diagonal(others, 1)
        residues = gain * (1 - 1 / poles) ** _ORDER / others.prod(1)
        upper = poles.imag > 0  # their conjugates add the same real part once more
        self._poles, self._residues = poles[upper], 2 * residues[upper]
        self._direct = gain / np.prod(poles).real
        self._chunk = max(1, sample_rate // _CHUNKS_PER_SECOND)
        self._powers = self._poles[:, None, None] ** np.arange(self._chunk)[:, None]
        self._state: np.ndarray | None = None  # of each pole and channel

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Filter the next block.

        Shape:
            ``(S, C)`` -> the same, float64.
        """
        out = np.empty(block.shape)
        if self._state is None and len(block):
            self._state = block[0].astype(complex) / (1 - self._poles[:, None])
        for start in range(0, len(block), self._chunk):
            wide = block[start : start + self._chunk].astype(np.float64)
            powers = self._powers[:, : len(wide)]
            sums = np.cumsum(wide / powers, axis=1) + (self._poles[:, None] * self._state)[:, None]
            found = powers * sums
            self._state = found[:, -1]
            out[start : start + len(wide)] = self._direct * wide + np.einsum("p,psc->sc", self._residues, found).real
        return out
