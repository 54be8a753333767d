"""Seeds that follow from a run's seed, so that no random state needs to be saved."""

import hashlib


def step_seed(seed: int, step: int, purpose: str) -> int:
    """A seed for each step and purpose.

    Args:
        seed: Of the run.
        step: From 0.
        purpose: A name; other purposes get other seeds.
    """
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1  # 63 bits: every torch generator takes them
