"""Folders that keep the finished parts of long work, so that a stopped run goes on."""
