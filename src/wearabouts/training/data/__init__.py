"""What the papers' models learn from: any catalog's photos with products, sides, labels, tags and landmarks.

`supervision.read` makes of a catalog what a training loop can index by row, `sampling` says which rows a step sees,
`augmenting` what is done to them before they are seen, and `validation` measures vectors and labels on held-out rows.
"""
