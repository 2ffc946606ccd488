"""A web page in which networks train: the engine, compiled to WebAssembly, and the page around it."""

from fastmlp.lab.playground.page import write_playground

__all__ = ["write_playground"]
