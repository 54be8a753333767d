"""A band-pass from 20 Hz to 18 kHz: rumble, wind, drift and ultrasound cannot be heard and must not count as loudness.

Ours, since importing scipy's filters takes longer than a short transfer.

Reference:
    Oppenheim & Schafer, Discrete-Time Signal Processing: bilinear transform of a Butterworth filter, parallel form.
"""

import numpy as np

LOWEST_HZ = 20.0  # the lowest note of a piano, 27.5 Hz, loses 0.03 dB
HIGHEST_HZ = 18_000.0  # few adults hear more; a pilot tone of 19 kHz in a file of 44.1 kHz loses 22 dB
_ORDER = 8  # of each side; even; a rumble of 8 Hz loses 60 dB
_CHUNK = 256  # samples that are filtered at once, by matrices


class BandPass:
    """The filter for a sound that arrives in blocks of any length. Before its beginning the sound is constant.

    At sample rates of up to 36 kHz it is the high-pass alone.

    Args:
        sample_rate: In Hz.

    >>> band_pass = BandPass(8000)
    >>> float(np.abs(band_pass.apply(np.full((500, 1), 0.7))).max()) < 1e-9
    True
    """

    def __init__(self, sample_rate: int) -> None:
        poles = _poles(LOWEST_HZ, sample_rate)
        gain = np.prod((1 + poles) / 2).real  # of the high-pass: 1 at half the sample rate
        zeros = np.ones(_ORDER)
        if sample_rate > 2 * HIGHEST_HZ:
            upper_poles = _poles(HIGHEST_HZ, sample_rate)
            gain *= np.prod((1 - upper_poles) / 2).real  # of the low-pass: 1 at 0 Hz
            poles, zeros = np.append(poles, upper_poles), np.append(zeros, -np.ones(_ORDER))
        others = 1 - poles / poles[:, None]  # each pole's distance from the others, as factors of its residue
        np.fill_diagonal(others, 1)
        residues = gain * ((1 - zeros / poles[:, None]) / others).prod(1)
        upper = poles.imag > 0  # their conjugates add the same real part once more
        direct = gain / np.prod(poles).real
        poles, residues = poles[upper], 2 * residues[upper]
        powers = poles ** np.arange(_CHUNK + 1)[:, None]
        response = (powers[:-1] @ residues).real
        response[0] += direct
        later = np.arange(_CHUNK) - np.arange(_CHUNK)[:, None]  # than each sample, each result
        self._poles, self._decay = poles, powers[-1]  # of a state, over a sample and over a chunk
        self._response = np.where(later < 0, 0, response[later])  # samples of a chunk to its results
        self._gather = np.ascontiguousarray(powers[-2::-1]).view(float)  # samples to what they add to the states
        self._ringing = (residues * powers[1:]).conj().view(float).T  # states before a chunk to its results
        self._states: np.ndarray | None = None  # of each channel and pole

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Filter the next block.

        Shape:
            ``(S, C)`` -> the same, float64.
        """
        length, channels = block.shape
        if not length:
            return np.zeros(block.shape)
        if self._states is None:
            self._states = block[0, :, None] / (1 - self._poles)
        missing = -length % _CHUNK
        chunks = np.pad(block.T.astype(np.float64), ((0, 0), (0, missing))).reshape(channels, -1, _CHUNK)
        added = (chunks @ self._gather).view(complex)
        before = np.empty_like(added)
        states = self._states
        for number in range(chunks.shape[1]):
            before[:, number] = states
            states = self._decay * states + added[:, number]
        self._states = states / self._poles**missing
        out = chunks @ self._response + before.view(float) @ self._ringing
        return np.ascontiguousarray(out.reshape(channels, -1)[:, :length].T)


def _poles(hz: float, sample_rate: int) -> np.ndarray:
    """Poles of a Butterworth filter with this limit, of a high-pass or a low-pass."""
    angles = np.pi * (2 * np.arange(_ORDER) + _ORDER + 1) / (2 * _ORDER)
    analogue = np.tan(np.pi * hz / sample_rate) * np.exp(1j * angles)
    poles: np.ndarray = (1 + analogue) / (1 - analogue)
    return poles
