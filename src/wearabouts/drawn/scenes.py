"""Streets and rooms, drawn anew each time: each fills a stage, ground and all."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.palette import darker, lighter, mixed
from wearabouts.drawn.stage import Stage, car, passers, paving, tiles, trees, windows


def brick_wall(s: Stage) -> None:
    """A wall of bricks and a pavement."""
    colour = mixed((162, 88, 66), (206, 190, 172), s.some(0, 0.9))
    tiles(s, 0, 0.84, s.some(0.08, 0.13), s.some(0.03, 0.045), colour, lighter(darker(colour, 0.25), 0.2))
    paving(s, 0.84, s.grey(120, 180))
    if s.rng.random() < 0.5:
        x = s.some(-0.1, 0.8)
        s.box(x, 0.30, x + 0.26, 0.84, s.paint("bottle green", "navy", "burgundy", "chocolate"))


def park(s: Stage) -> None:
    """Trees, grass, a path."""
    s.fill((188, 214, 236), (226, 234, 232), 0, 0.6)
    trees(s, 0.58, 9)
    s.fill((126, 152, 82), (98, 132, 66), 0.57, 1)
    s.shape((206, 194, 168), (0.42, 0.6), (0.56, 0.6), (1.1, 1.0), (0.1, 1.0))
    passers(s, 0.6, int(s.rng.integers(0, 3)))


def shop_front(s: Stage) -> None:
    """A shop's window under an awning."""
    s.fill(s.paint("stone", "oat", "sage", "charcoal", "teal"), s.grey(90, 160), 0, 0.85)
    s.box(0.04, 0.22, 0.62, 0.74, (120, 140, 150))
    for _ in range(9):
        x, y = s.some(0.06, 0.55), s.some(0.35, 0.7)
        s.box(x, y, x + s.some(0.03, 0.1), 0.74, s.paint())
    s.box(0.68, 0.2, 0.94, 0.85, s.paint("navy", "bottle green", "black", "cherry"))
    awning = s.paint("cherry", "cobalt", "bottle green", "mustard")
    for step in range(12):
        s.shape(
            awning if step % 2 else (244, 242, 236),
            (step / 12, 0.08),
            ((step + 1) / 12, 0.08),
            ((step + 1) / 12, 0.2),
            (step / 12, 0.2),
        )
    paving(s, 0.85, s.grey(130, 185))


def living_room(s: Stage) -> None:
    """A wall, a sofa, a lamp, a picture, floor boards."""
    s.fill(s.paint("oat", "chalk", "sage", "blush", "sky"), s.paint("oat", "stone", "chalk"), 0, 0.78)
    s.fill((176, 132, 92), (140, 98, 64), 0.78, 1)
    sofa = s.paint("olive", "teal", "steel", "rust", "mustard", "navy")
    x = s.some(-0.2, 0.4)
    s.box(x, 0.5, x + 0.7, 0.84, sofa)
    s.box(x + 0.03, 0.44, x + 0.67, 0.62, lighter(sofa, 0.12))
    px = s.some(0.0, 0.7)
    s.box(px, 0.08, px + 0.26, 0.32, s.grey(30, 90))
    s.box(px + 0.015, 0.09, px + 0.245, 0.31, s.paint())
    lamp = s.some(0.05, 0.95)
    s.beam((60, 56, 52), 0.012, (lamp, 0.3), (lamp, 0.85))
    s.shape((250, 232, 190), (lamp - 0.05, 0.2), (lamp + 0.05, 0.2), (lamp + 0.09, 0.32), (lamp - 0.09, 0.32))


def crosswalk(s: Stage) -> None:
    """Houses, cars, a striped crossing."""
    s.fill((196, 212, 226), (222, 226, 226), 0, 0.5)
    x = -0.1
    while x < 1:
        wide, high = s.some(0.18, 0.38), s.some(0.05, 0.3)
        s.box(x, high, x + wide, 0.64, s.paint("brick", "stone", "sand", "steel", "camel", "light grey"))
        windows(s, x, high, x + wide, 0.58, 4, 6, (110, 130, 146))
        x += wide
    s.fill(s.grey(86, 120), s.grey(70, 100), 0.63, 1)
    for _ in range(2):
        car(s, s.some(-0.3, 0.9), 0.68, s.some(0.3, 0.5))
    for step in range(6):
        s.shape(
            (226, 226, 220),
            (step * 0.2 - 0.1, 0.8),
            (step * 0.2, 0.8),
            (step * 0.22 - 0.02, 1.0),
            (step * 0.22 - 0.15, 1.0),
        )


def metro(s: Stage) -> None:
    """Tiles, a platform, a line's colour, posters."""
    tiles(s, 0, 0.76, 0.07, 0.035, s.grey(205, 235), s.grey(170, 190), 0.06)
    s.box(0, 0.16, 1, 0.21, s.paint("cherry", "cobalt", "emerald", "mustard"))
    for _ in range(2):
        x = s.some(0, 0.75)
        s.box(x, 0.28, x + 0.24, 0.6, s.paint())
        s.box(x + 0.03, 0.31, x + 0.21, 0.45, s.paint())
    s.fill(s.grey(120, 150), s.grey(90, 120), 0.76, 1)
    s.box(0, 0.9, 1, 0.925, (226, 196, 60))
    passers(s, 0.78, int(s.rng.integers(0, 4)))


def harbour(s: Stage) -> None:
    """Water, boats, a quay."""
    s.fill((170, 204, 232), (232, 230, 220), 0, 0.45)
    s.fill((92, 134, 158), (58, 98, 122), 0.45, 0.74)
    for _ in range(4):
        x, y = s.some(0, 1), s.some(0.46, 0.66)
        s.shape(
            s.paint("white", "navy", "cherry", "teal"),
            (x - 0.12, y),
            (x + 0.14, y),
            (x + 0.09, y + 0.05),
            (x - 0.08, y + 0.05),
        )
        s.beam((240, 240, 236), 0.01, (x, y), (x, y - s.some(0.2, 0.4)))
    paving(s, 0.74, (176, 164, 146))


def hallway(s: Stage) -> None:
    """A corridor with doors."""
    s.fill(s.paint("chalk", "butter", "mint", "light grey"), s.grey(170, 215), 0, 0.82)
    for x in (-0.12, 0.3, 0.74):
        door = s.paint("cognac", "white", "steel", "teal")
        s.box(x, 0.14, x + 0.3, 0.82, darker(door, 0.2))
        s.box(x + 0.02, 0.16, x + 0.28, 0.82, door)
        s.blob(x + 0.25, 0.52, 0.012, (220, 200, 130))
    paving(s, 0.82, s.grey(110, 170, 20))


def cafe(s: Stage) -> None:
    """A terrace: tables, parasols, a menu board, people."""
    s.fill(s.paint("butter", "stone", "brick", "sky"), s.grey(150, 190), 0, 0.72)
    s.box(0.1, 0.1, 0.48, 0.6, (96, 82, 70))
    windows(s, 0.1, 0.1, 0.48, 0.6, 3, 3, (140, 120, 90))
    s.box(0.62, 0.3, 0.82, 0.66, (38, 42, 40))
    for step in range(5):
        s.beam((214, 214, 206), 0.006, (0.65, 0.36 + step * 0.05), (0.65 + s.some(0.06, 0.14), 0.36 + step * 0.05))
    paving(s, 0.72, (178, 150, 124))
    for _ in range(3):
        x, y = s.some(-0.1, 1), s.some(0.72, 0.84)
        s.beam((70, 62, 56), 0.012, (x, y), (x, y + 0.12))
        s.blob(x, y, 0.11, s.paint("white", "camel", "teal", "cherry"), 0.28)
    cover = s.paint("cherry", "ivory", "emerald", "mustard")
    x = s.some(0, 1)
    s.shape(cover, (x - 0.4, 0.16), (x, 0.03), (x + 0.4, 0.16))
    s.shape(darker(cover, 0.2), (x - 0.12, 0.16), (x, 0.03), (x + 0.12, 0.16))
    passers(s, 0.74, int(s.rng.integers(1, 4)))


def plaza(s: Stage) -> None:
    """Glass towers, steps, a wide square with people."""
    s.fill((150, 190, 228), (220, 230, 236), 0, 0.55)
    x = -0.05
    while x < 1:
        wide, high = s.some(0.14, 0.28), s.some(-0.1, 0.3)
        tower = mixed((96, 132, 156), (196, 196, 190), s.some(0, 1))
        s.box(x, max(high, 0), x + wide, 0.62, tower)
        for step in np.arange(max(high, 0) + 0.02, 0.6, 0.035):
            s.box(
                x + 0.01, float(step), x + wide - 0.01, float(step) + 0.02, mixed(tower, (40, 70, 96), s.some(0.3, 0.6))
            )
        x += wide + s.some(0, 0.06)
    for step in range(3):
        s.box(0, 0.6 + step * 0.025, 1, 0.7, s.grey(150 + step * 14, 170 + step * 14, 3))
    paving(s, 0.675, s.grey(168, 205))
    passers(s, 0.68, int(s.rng.integers(1, 6)))


def bedroom(s: Stage) -> None:
    """A room for a mirror photo: bed, shelves, curtains."""
    s.fill(s.paint("lilac", "mint", "ivory", "rose", "light denim"), s.paint("chalk", "oat"), 0, 0.75)
    s.fill((196, 176, 152), (160, 138, 114), 0.75, 1)
    curtain = s.paint()
    for step in range(5):
        s.box(0.02 + step * 0.045, 0, 0.05 + step * 0.045, 0.76, darker(curtain, 0.2 * (step % 2)))
    s.box(0.5, 0.52, 1.1, 0.86, s.paint("white", "teal", "blush", "navy"))
    s.box(0.55, 0.47, 0.75, 0.58, (244, 242, 238))
    for level in (0.12, 0.26):
        s.box(0.5, level + 0.1, 0.95, level + 0.112, (150, 110, 74))
        x = 0.52
        while x < 0.92:
            wide = s.some(0.015, 0.05)
            s.box(x, level + s.some(0, 0.06), x + wide, level + 0.1, s.paint())
            x += wide + 0.004
    s.blob(s.some(0.3, 0.7), 0.9, 0.3, s.paint(), 0.3)


def graffiti(s: Stage) -> None:
    """A painted wall."""
    s.fill(s.grey(120, 190), s.grey(110, 160), 0, 0.84)
    for _ in range(14):
        x, y, colour = (
            s.some(-0.1, 1),
            s.some(0.05, 0.75),
            s.paint("fuchsia", "cobalt", "lemon", "emerald", "tangerine", "violet", "sky", "black", "white"),
        )
        if s.rng.random() < 0.5:
            s.blob(x, y, s.some(0.05, 0.2), colour, s.some(0.5, 1.2))
        else:
            s.beam(
                colour,
                s.some(0.02, 0.07),
                (x, y),
                (x + s.some(-0.3, 0.3), y + s.some(-0.2, 0.2)),
                (x + s.some(-0.3, 0.3), y + s.some(-0.2, 0.2)),
            )
    paving(s, 0.84, s.grey(96, 150))


def station(s: Stage) -> None:
    """A hall with a clock, boards and a train."""
    s.fill((210, 208, 200), (176, 172, 166), 0, 0.5)
    for x in (0.08, 0.42, 0.78):
        s.box(x, 0, x + 0.06, 0.76, s.grey(120, 150))
    s.box(0.16, 0.08, 0.7, 0.22, (28, 34, 44))
    for step in range(4):
        s.beam((240, 200, 90), 0.008, (0.19, 0.1 + step * 0.03), (0.19 + s.some(0.1, 0.45), 0.1 + step * 0.03))
    train = s.paint("cherry", "cobalt", "emerald", "white", "steel")
    s.box(0, 0.4, 1, 0.72, train)
    for step in range(5):
        s.box(step * 0.22 + 0.02, 0.45, step * 0.22 + 0.17, 0.57, (70, 88, 102))
    s.box(0, 0.63, 1, 0.66, lighter(train, 0.5))
    paving(s, 0.74, s.grey(130, 165))
    passers(s, 0.75, int(s.rng.integers(1, 5)))
