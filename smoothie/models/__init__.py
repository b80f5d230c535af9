"""Loading pretrained models: complete, or refused."""
