"""From the bytes of a photo to what the network says of it. Knows nothing of databases, queues or the web."""
