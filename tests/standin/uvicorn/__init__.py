"""What the start script of an image asks of uvicorn; only in images of the stand-in."""
