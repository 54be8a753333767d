"""A listening test after ITU-R BS.1534 (MUSHRA): its sounds, its page, and the results of its listeners."""
