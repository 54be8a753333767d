"""The stages of preset `base`: content, vae, ldm, vocoder."""
