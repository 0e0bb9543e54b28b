"""Measurements on the stand-ins: speed, requests and memory of entering bills."""
