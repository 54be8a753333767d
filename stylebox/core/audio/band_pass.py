"""A band-pass from 20 Hz to 18 kHz: rumble, wind, drift and ultrasound cannot be heard and must not count as loudness.

Ours, since importing scipy's filters takes longer than a short transfer.

Reference:
    Oppenheim & Schafer, Discrete-Time Signal Processing: bilinear transform of a Butterworth filter, parallel form.
"""

import numpy as np

LOWEST_HZ = 20.0  # the lowest note of a piano, 27.5 Hz, loses 0.03 dB
HIGHEST_HZ = 18_000.0  # few adults hear more; a pilot tone of 19 kHz in a file of 44.1 kHz loses 22 dB
_ORDER = 8  # of each side; even; a rumble of 8 Hz loses 60 dB
_HIGH_RATE, _HIGH_RATE_ORDER = 50_000, 24  # in Hz; from it on, of the upper side, which half the rate makes less steep
_CHUNK = 64  # samples that are filtered at once, by matrices
_GROUP = 32  # chunks whose states are found at once
_BLOCK_SAMPLES = 1 << 14  # filtered at once: few enough for the processor's cache


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
        poles = _poles(LOWEST_HZ, sample_rate, _ORDER)
        gain = np.prod((1 + poles) / 2).real  # of the high-pass: 1 at half the sample rate
        zeros = np.ones(_ORDER)
        if sample_rate > 2 * HIGHEST_HZ:
            upper_poles = _poles(HIGHEST_HZ, sample_rate, _ORDER if sample_rate < _HIGH_RATE else _HIGH_RATE_ORDER)
            gain *= np.prod((1 - upper_poles) / 2).real  # of the low-pass: 1 at 0 Hz
            poles, zeros = np.append(poles, upper_poles), np.append(zeros, -np.ones(len(upper_poles)))
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
        decay = powers[-1]  # of a state, over a chunk
        self._poles, self._group_decay = poles, decay**_GROUP  # of a state, over a sample and over a group
        self._fading = decay ** np.arange(_GROUP)[:, None]  # of a state before a group, until each chunk
        ago = np.arange(_GROUP + 1) - np.arange(_GROUP)[:, None] - 1  # chunks between one and the states before another
        self._carry = np.where(ago < 0, 0, decay[:, None, None] ** np.maximum(ago, 0))
        self._response = np.where(later < 0, 0, response[later])  # samples of a chunk to its results
        self._gather = np.ascontiguousarray(powers[-2::-1]).view(float)  # samples to what they add to the states
        self._ringing = (residues * powers[1:]).conj().view(float).T  # states before a chunk to its results
        self._states: np.ndarray | None = None  # of each channel and pole

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Filter the next block.

        Shape:
            ``(S, C)`` -> the same, float64.
        """
        result = np.empty(block.shape)
        for start in range(0, len(block), _BLOCK_SAMPLES):
            piece = slice(start, start + _BLOCK_SAMPLES)
            result[piece] = self._filtered(block[piece]).T
        return result

    def _filtered(self, block: np.ndarray) -> np.ndarray:
        """The next samples, ``(S, C)`` -> ``(C, S)``."""
        length, channels = block.shape
        if self._states is None:
            self._states = block[0, :, None] / (1 - self._poles)
        missing = -length % _CHUNK
        padded = np.zeros((channels, length + missing))
        padded[:, :length] = block.T
        chunks = padded.reshape(channels, -1, _CHUNK)
        before = self._states_before((chunks @ self._gather).view(complex), self._states)
        self._states = before[:, -1] / self._poles**missing
        out = chunks @ self._response
        out += np.ascontiguousarray(before[:, :-1]).view(float) @ self._ringing
        filtered: np.ndarray = out.reshape(channels, -1)[:, :length]
        return filtered

    def _states_before(self, added: np.ndarray, states: np.ndarray) -> np.ndarray:
        """The states before each chunk and after the last, ``(C, K + 1, P)``, from what chunks add, ``(C, K, P)``."""
        channels, count, poles = added.shape
        groups = np.pad(added, ((0, 0), (0, -count % _GROUP), (0, 0))).reshape(channels, -1, _GROUP, poles)
        within = np.moveaxis(np.moveaxis(groups, 3, 0) @ self._carry[:, None], 0, 3)  # of what this group has added
        first = np.empty_like(within[:, :, 0])
        for number in range(groups.shape[1]):
            first[:, number] = states
            states = self._group_decay * states + within[:, number, _GROUP]
        before = within[:, :, :_GROUP] + first[:, :, None] * self._fading
        return np.concatenate([before.reshape(channels, -1, poles), states[:, None]], 1)[:, : count + 1]


def _poles(hz: float, sample_rate: int, order: int) -> np.ndarray:
    """Poles of a Butterworth filter with this limit, of a high-pass or a low-pass; the order is even."""
    angles = np.pi * (2 * np.arange(order) + order + 1) / (2 * order)
    analogue = np.tan(np.pi * hz / sample_rate) * np.exp(1j * angles)
    poles: np.ndarray = (1 + analogue) / (1 - analogue)
    return poles
