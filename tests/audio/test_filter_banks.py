"""Filter banks, against librosa's."""

import subprocess
import sys

import librosa
import numpy as np
import pytest

from stylebox.core.audio.filter_banks import chroma_filters, mel_filters, mel_frequencies


@pytest.mark.parametrize(("sample_rate", "n_fft", "n_mels"), [(22050, 1024, 128), (44100, 2048, 160), (16000, 512, 40)])
def test_banks_are_librosas_to_the_bit(sample_rate: int, n_fft: int, n_mels: int) -> None:
    wanted = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_array_equal(mel_filters(sample_rate, n_fft, n_mels), wanted)
    edges = librosa.mel_frequencies(n_mels + 2, fmin=0.0, fmax=sample_rate / 2)
    np.testing.assert_array_equal(mel_frequencies(n_mels + 2, sample_rate / 2), edges)
    chroma = librosa.filters.chroma(sr=sample_rate, n_fft=n_fft, tuning=0.0)
    np.testing.assert_array_equal(chroma_filters(sample_rate, n_fft), chroma)


def test_a_transfer_loads_nothing_that_needs_a_cache_of_compiled_code() -> None:
    """Numba refuses to import code it can't store: in a read-only installation without a home, for example."""
    modules = "stylebox.core.pipeline.pipeline, stylebox.core.jobs.transfer, stylebox.core.data.build"
    code = f"import {modules}, stylebox.core.evaluation.evaluate, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numba", "librosa"} & set(loaded)
