"""The command `demo`: swap bundled pairs on a local emulator, and show the progress."""
