"""Storage on disk: files written whole, caches, the lock file of downloads."""
