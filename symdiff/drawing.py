"""A drawing of a graph as SVG: inputs and constants below, results above, arrows along the computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 132, 40, 24, 46, 20
_FILL = {"input": "#dbeafe", "constant": "#f1f5f9", "size": "#f1f5f9"}


def draw(roots: Sequence[Node], names: Mapping[Node, str]) -> str:
    """The SVG text. Leaves are rounded and filled by kind; operations are plain boxes; results have a thick border."""
    order = topological(roots)
    place = _places(order)
    columns = 1 + max(x for x, _ in place.values())
    rows = 1 + max(y for _, y in place.values())
    width, height = 2 * _MARGIN + columns * (_WIDTH + _GAP_X), 2 * _MARGIN + rows * (_HEIGHT + _GAP_Y)
    corner = {
        node: (_MARGIN + x * (_WIDTH + _GAP_X), height - _MARGIN - (y + 1) * (_HEIGHT + _GAP_Y) + _GAP_Y)
        for node, (x, y) in place.items()
    }
    arrows = [_arrow(corner[operand], corner[node]) for node in order for operand in node.args]
    boxes = [_box(node, corner[node], names.get(node), node in roots) for node in order]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>',
        *arrows, *boxes, "</svg>", "",
    ])  # fmt: skip


def _places(order: Sequence[Node]) -> dict[Node, tuple[float, int]]:
    """Column and row of each node: the row is its longest way from a leaf, the column near that of its operands."""
    row: dict[Node, int] = {}
    for node in order:
        row[node] = 1 + max((row[operand] for operand in node.args), default=-1)
    place: dict[Node, tuple[float, int]] = {}
    for level in range(max(row.values()) + 1):
        members = [node for node in order if row[node] == level]
        wanted = {
            node: sum(place[a][0] for a in node.args) / len(node.args) if node.args else i
            for i, node in enumerate(members)
        }
        at = -1.0
        for node in sorted(members, key=wanted.__getitem__):
            at = max(at + 1, round(wanted[node] * 2) / 2)
            place[node] = (at, level)
    return place


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + _WIDTH / 2, start[1]
    x2, y2 = end[0] + _WIDTH / 2, end[1] + _HEIGHT
    bend = (y1 - y2) / 2
    return (
        f'<path d="M{x1:g} {y1:g}C{x1:g} {y1 - bend:g} {x2:g} {y2 + bend:g} {x2:g} {y2:g}" '
        'fill="none" stroke="#94a3b8" marker-end="url(#tip)"/>'
    )


def _box(node: Node, corner: tuple[float, float], name: str | None, is_result: bool) -> str:
    x, y = corner
    leaf = node.op in LEAVES
    label = str(node.attributes[0]) if leaf else _einsum(node) if node.op == "contract" else node.op
    label = f"{name} = {label}" if name else label
    shape = "(" + ", ".join(map(str, node.shape)) + ")" if node.shape else "scalar"
    detail = node.op if node.op in ("constant", "size") else f"{'input ' if leaf else ''}{shape}"
    style = f'rx="{18 if leaf else 3}" fill="{_FILL.get(node.op, "#ffffff")}" stroke="#334155"'
    style += f' stroke-width="{2.5 if is_result else 1}"'
    middle = x + _WIDTH / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" {style}/>'
        f'<text x="{middle:g}" y="{y + 17:g}" text-anchor="middle">{escape(label[:20])}</text>'
        f'<text x="{middle:g}" y="{y + 32:g}" text-anchor="middle" fill="#64748b" font-size="10">{escape(detail)}</text>'
    )


def _einsum(node: Node) -> str:
    """A contraction as a person writes it: ij,jk -> ik."""
    axes, out, _ = node.attributes
    operands, result = ",".join(_letters(labels) for labels in axes), _letters(out)
    return f"{operands} -> {result}" if result else f"sum {operands}"


def _letters(labels: Sequence[int]) -> str:
    return "".join(chr(ord("i") + label) if label < 18 else "?" for label in labels)
