"""Sound in and out of files, under one name. Reading lives in audio_in, writing in audio_out."""

from stylebox.core.sound.audio_in import AudioInfo, load_audio, probe, resample
from stylebox.core.sound.audio_out import FORMATS, check_format, encode_audio, write_audio

__all__ = ["FORMATS", "AudioInfo", "check_format", "encode_audio", "load_audio", "probe", "resample", "write_audio"]
