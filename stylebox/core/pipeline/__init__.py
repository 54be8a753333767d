"""From a recording and a style to audio: content, draft, diffusion, vocoder."""
