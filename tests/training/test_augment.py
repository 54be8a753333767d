"""What is done to recordings in training: notes stay in place, levels and colours move, as described and as before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support import degradation as single

from stylebox.core.evaluation.metrics.content import pitch_contour
from stylebox.core.training import augment
from stylebox.core.training.augment import EFFECTS, bend, degrade, draw
from stylebox.core.training.lossy import encode_and_decode

RATE = 22_050
LEAD = RATE // 2
MANY = 150


def plucked(seconds: float = 1.0) -> np.ndarray:
    """Struck tones with partials over a soft floor, louder than full scale."""
    t = np.arange(int(seconds * RATE)) / RATE
    since = t % 0.5
    partials = sum(np.sin(2 * np.pi * 220 * h * since) / h for h in range(1, 40))
    floor = 1e-3 * np.random.default_rng(0).standard_normal(len(t))
    return (0.8 * np.exp(-6 * since) * partials + floor).astype(np.float32)


def only(name: str, count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Every example has one effect, with numbers as drawn, and no other one."""
    rng = np.random.default_rng(seed)
    drawn = draw(rng, count, affected=np.zeros(count, bool))
    low, high = np.array(EFFECTS[name].ranges).T
    drawn[name] = torch.from_numpy(rng.uniform(low, high, (count, len(low))).astype(np.float32))
    drawn[f"{name}.rows"] = torch.arange(count)
    return drawn


def after(name: str, audio: np.ndarray, count: int) -> np.ndarray:
    """A recording after one effect, so many times; silence before it."""
    batch = torch.nn.functional.pad(torch.from_numpy(audio).expand(count, -1), (LEAD, 0)).contiguous()
    return degrade(batch, only(name, count), RATE, LEAD).numpy()


def test_an_effect_is_drawn_for_its_share_and_from_its_ranges() -> None:
    count = 4000
    drawn = draw(np.random.default_rng(0), count)
    for name, effect in EFFECTS.items():
        rows, numbers = drawn[f"{name}.rows"], drawn[name].numpy()
        assert len(rows) / count == pytest.approx(effect.share, abs=0.03)
        low, high = np.array(effect.ranges).T
        assert (numbers >= low.astype(np.float32)).all()
        assert (numbers <= high.astype(np.float32)).all()
        np.testing.assert_allclose(numbers.mean(0), (low + high) / 2, atol=0.05 * (high - low).max())
    untouched = draw(np.random.default_rng(0), 50, affected=np.arange(50) % 2 == 0)
    assert all((rows % 2 == 0).all() for name, rows in untouched.items() if name.endswith("rows"))


def test_the_parts_of_a_batch_are_drawn_as_the_whole() -> None:
    """Each process computes its share: together they have the batch of one process.

    The transforms of PyTorch 2.4 differ in their last bit with the number of rows. Where a codec rounds, a coefficient
    may be rounded the other way: 6e-4 for the length of a frame.
    """
    audio = torch.from_numpy(plucked()).expand(8, -1)
    whole = degrade(audio.clone(), draw(np.random.default_rng(5), 8), RATE, LEAD)
    for share in (slice(0, 3), slice(3, 8)):
        part = degrade(audio[share].clone(), draw(np.random.default_rng(5), 8, share), RATE, LEAD)
        different = (part - whole[share]).abs() > 1e-5 + 1e-4 * whole[share].abs()
        assert different.float().mean() < 0.02
        torch.testing.assert_close(part, whole[share], rtol=1e-4, atol=2e-3)
    assert not torch.allclose(whole, degrade(audio.clone(), draw(np.random.default_rng(6), 8), RATE, LEAD))


def test_nothing_drawn_is_nothing_done() -> None:
    audio = torch.from_numpy(plucked()).expand(3, -1).clone()
    drawn = draw(np.random.default_rng(0), 3, affected=np.zeros(3, bool))
    torch.testing.assert_close(degrade(audio.clone(), drawn, RATE, LEAD), audio[:, LEAD:], rtol=0, atol=1e-5)


def ratio_db(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Energy ratio of each row."""
    ratio: np.ndarray = 10 * np.log10((above**2).sum(-1) / ((below**2).sum(-1) + 1e-20) + 1e-20)
    return ratio


def tilt(audio: np.ndarray) -> np.ndarray:
    """Level of the highest octave beside that of the lower ones."""
    spectrum = np.abs(np.fft.rfft(audio))
    return ratio_db(spectrum[..., spectrum.shape[-1] // 2 :], spectrum[..., : spectrum.shape[-1] // 2])


AUDIO = plucked()
IMPULSE = np.zeros(RATE, np.float32)
IMPULSE[0] = 1.0
LATER = slice(RATE // 10, RATE // 2)  # what a room gives back a tenth of a second later and on
STATISTICS: list[tuple[str, np.ndarray, Callable[..., Any], Callable[[np.ndarray], np.ndarray], float]] = [
    ("equaliser", AUDIO, single.equalise, tilt, 2.0),
    ("room", IMPULSE, lambda x, rng: single.reverberate(x, RATE, rng), lambda y: ratio_db(y[..., LATER], IMPULSE), 4.0),
    ("compression", AUDIO, single.compress, lambda y: ratio_db(y, AUDIO), 0.2),
    ("noise", AUDIO, single.add_noise, lambda y: ratio_db(y - AUDIO, AUDIO), 4.0),
    ("noise", AUDIO, single.add_noise, lambda y: tilt(y - AUDIO), 4.0),
    ("codec", AUDIO, lambda x, rng: single.transcode(x, RATE, rng), lambda y: ratio_db(y - AUDIO, AUDIO), 5.0),
]


@pytest.mark.parametrize(("name", "audio", "one", "statistic", "tolerance"), STATISTICS)
def test_a_batch_is_degraded_as_one_recording_at_a_time(
    name: str,
    audio: np.ndarray,
    one: Callable[..., Any],
    statistic: Callable[[np.ndarray], np.ndarray],
    tolerance: float,
) -> None:
    """Quartiles, in dB, of what an effect does: the same as with one recording after the other, and real codecs."""
    count = 40 if name == "codec" else MANY
    rng = np.random.default_rng(1)
    singly = statistic(np.stack([one(audio, rng) for _ in range(count)]))
    batched = statistic(after(name, audio, MANY))
    quartiles = [np.quantile(x, [0.25, 0.5, 0.75]) for x in (singly, batched)]
    np.testing.assert_allclose(quartiles[1], quartiles[0], atol=tolerance)
    assert singly.std() > 0.05  # the statistic sees the effect


@pytest.mark.parametrize("loss", [0.0, 0.5, 1.0])
def test_a_codec_keeps_place_and_level_but_not_every_sample(loss: float) -> None:
    audio = plucked()
    coded = encode_and_decode(torch.from_numpy(audio)[None], torch.tensor([loss]), RATE)[0].numpy()
    assert coded.shape == audio.shape
    spectrum = np.fft.rfft(coded, 2 * len(audio)) * np.fft.rfft(audio, 2 * len(audio)).conj()
    assert np.argmax(np.fft.irfft(spectrum)) == 0
    error_db = 10 * np.log10(np.square(coded - audio).sum() / np.square(audio).sum())
    assert -60 < error_db < -10


def test_a_codec_without_rounding_gives_everything_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "round", lambda blocks: blocks)
    audio = torch.randn(2, 3001, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(encode_and_decode(audio, torch.ones(2), RATE), audio, rtol=0, atol=1e-4)


def test_codecs_leave_silence_silent() -> None:
    assert not encode_and_decode(torch.zeros(2, RATE), torch.tensor([0.0, 1.0]), RATE).any()


def test_a_room_still_holds_what_was_played_before_the_crop() -> None:
    """What sounded in the lead is heard in the crop, after the lead it is not heard twice."""
    drawn = only("room", 1)
    log_seconds, gap = np.log(2.5), 0.02
    drawn["room"] = torch.tensor([[log_seconds, gap, 0.6, 0.3]])
    audio = torch.zeros(1, 2 * LEAD)
    audio[0, LEAD // 2] = 1.0
    heard = degrade(audio.clone(), drawn, RATE, LEAD)[0]
    assert heard[: LEAD // 4].square().mean() > 1e-7
    assert heard[LEAD // 2 + 1 :].abs().max() < 1e-5  # the room is not longer than the lead


def test_vibrato_sways_about_the_pitch_and_keeps_time() -> None:
    t = np.arange(2 * RATE) / RATE
    audio = torch.from_numpy((0.3 * np.sin(2 * np.pi * 440 * t) * (t > 1.0)).astype(np.float32)).expand(2, -1)
    drawn = only("vibrato", 2)
    drawn["vibrato"] = torch.tensor([[5.0, 7.0, 0.0], [40.0, 4.0, 2.0]])
    swayed = bend(audio, torch.ones(2), drawn, RATE, fixed=0, margin=0).numpy()
    for one, widest in zip(swayed, (5, 40), strict=True):
        hz = pitch_contour(one, RATE)[round(1.2 * RATE / 512) : -8]
        cents = 1200 * np.log2(hz / 440)
        assert abs(cents.mean()) < 5
        assert cents.max() - cents.min() == pytest.approx(2 * widest, abs=0.25 * widest + 4)
        assert abs(int(np.flatnonzero(np.abs(one) > 0.05)[0]) - RATE) < 0.003 * RATE


def test_another_speed_is_another_pitch_about_a_fixed_sample() -> None:
    t = torch.arange(RATE) / RATE
    audio = torch.sin(2 * torch.pi * 440 * t)[None]
    margin, fixed = 400, 5000
    still = draw(np.random.default_rng(0), 1, affected=np.zeros(1, bool))
    bent = bend(audio, torch.tensor([1.01]), still, RATE, fixed=fixed, margin=margin)[0]
    assert len(bent) == RATE - 2 * margin
    place = torch.arange(len(bent)) - fixed
    wanted = torch.sin(2 * torch.pi * 440 * (margin + fixed + 1.01 * place) / RATE)
    torch.testing.assert_close(bent, wanted, rtol=0, atol=5e-3)  # linear interpolation


def test_noise_is_the_same_in_every_process() -> None:
    colour, place = torch.tensor([0.0, 1.0]), torch.tensor([0.999, 0.999])
    first = augment._noise(RATE, colour, place, 5000)  # noqa: SLF001
    augment._noise_table.cache_clear()  # noqa: SLF001
    torch.testing.assert_close(augment._noise(RATE, colour, place, 5000), first, rtol=0, atol=0)  # noqa: SLF001
    assert tilt(first[0].numpy()) > tilt(first[1].numpy()) + 10
