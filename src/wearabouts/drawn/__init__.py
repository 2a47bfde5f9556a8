"""The drawn shop: a generator of a fashion shop, its products, its clean photos and its customers' street photos.

`wearabouts.drawn.shop.DrawnShop` is the door. Everything is decided by numbers (seed, part, product, view), never by
the order of calls, and the cuts, motifs, figures, poses, scenes and lights of one part are never used in another.
"""
