"""The engine compiled to WebAssembly, for a page that trains in the browser."""
