"""Files as streams of bytes: opened, unpacked, and written whole or not at all."""
