"""Models with branches, models within and shared layers; and where the parts of a diagram ended up."""

import re
from xml.etree import ElementTree

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"


def twins(engine):
    """Two inputs go through one encoder, whose layer "shared" is called on its own output; two heads follow."""
    layers = engine.layers
    encoder = engine.Sequential(
        [engine.Input((12, 12, 3)), layers.Conv2D(4, 3, name="eye"), layers.Flatten(name="flat")], name="encoder"
    )
    inner = engine.Input((6,), name="entry")
    deep = layers.Dense(5, name="deep")(inner)
    heads = engine.Model(inner, [layers.Dense(4, name="one")(deep), layers.Dense(3, name="two")(inner)], name="heads")
    left, right = engine.Input((12, 12, 3), name="left"), engine.Input((12, 12, 3), name="right")
    shared, small = layers.Dense(400, name="shared"), layers.Dense(6, name="small")
    x, y = shared(shared(encoder(left))), shared(encoder(right))
    both = layers.Concatenate(name="both")([x, y])
    one, two = heads(small(layers.Add(name="sum")([both, both])))
    end = layers.Concatenate(name="end")([one, two, x])
    return engine.Model([left, right], [layers.Dense(2, name="out")(end), two], name="twins")


def nested(engine):
    """Stacks within a functional model within a stack, and a layer that stands in a circle: a, b, a, b."""
    layers = engine.layers
    stack = engine.Sequential(
        [
            engine.Input((8,)),
            engine.Sequential([engine.Input((8,)), layers.Dense(8, name="low")], name="inmost"),
            layers.Dense(8, name="high"),
        ],
        name="stack",
    )
    entry = engine.Input((8,), name="entry")
    a, b = layers.Dense(8, name="a"), layers.Dense(8, name="b")
    x = b(a(b(a(entry))))
    inner = engine.Model(entry, layers.Add(name="sum")([x, stack(entry)]), name="inner")
    return engine.Sequential([engine.Input((8,)), layers.Dense(8, name="first"), inner, layers.Dense(1, name="last")])


def segments(figure):
    """Each line of a diagram as points close to each other, in points of the page."""
    from matplotlib.patches import PathPatch

    for patch in figure.axes[0].patches:
        if type(patch) is PathPatch:
            yield patch.get_path().to_polygons(closed_only=False)[0]


def boxes(figure):
    """The (x, y, width, height) of solid boxes and of dashed frames."""
    from matplotlib.patches import Rectangle

    found = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return [
        np.array([(*p.get_xy(), p.get_width(), p.get_height()) for p in found if (p.get_linestyle() == "--") == dashed])
        for dashed in (False, True)
    ]


def extent(path):
    """What an SVG shows, (width, height), and the corners of all that is drawn: (x0, y0, x1, y1), as it stands."""
    root = ElementTree.parse(path).getroot()
    x, y, width, height = map(float, root.attrib["viewBox"].split())
    assert (x, y) == (0, 0)
    assert [float(root.attrib[name].removesuffix("pt")) for name in ("width", "height")] == [width, height]
    points = []
    for each in root.iter(f"{SVG}path"):
        if "defs" in "".join(parent.tag for parent in root.iter() if each in list(parent)):
            continue  # a letter, moved to its place where it is used
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", each.attrib["d"])]
        points += zip(numbers[::2], numbers[1::2], strict=True)
    for each in root.iter(f"{SVG}g"):
        moved = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", each.attrib.get("transform", ""))
        points += [tuple(map(float, moved.groups()))] if moved else []
    corners = np.array(points)
    return (width, height), (*corners.min(axis=0), *corners.max(axis=0))
