"""How does Grafana want a board written? Its JSON, schema version 41, laid out left to right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rungwise.lab.boards.panels import Board, Panel, Query, Row, Step, Variable

__all__ = ["drawn"]

Json: TypeAlias = dict[str, object]
"""What Grafana reads."""

_WIDE = 24
_SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def drawn(board: Board) -> str:
    """The file's text."""
    told: Json = {
        "uid": board.uid,
        "title": board.title,
        "description": board.told,
        "tags": ["rungwise"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [_links()],
        "annotations": {"list": [_alarms()]},
        "templating": {"list": [_datasource(), *map(_variable, board.variables)]},
        "panels": list(_laid_out(board.rows)),
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _links() -> Json:
    """To the other boards, at the same time."""
    return {
        "type": "dashboards",
        "title": "rungwise",
        "tags": ["rungwise"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "icon": "external link",
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }


def _alarms() -> Json:
    """Lines across every panel while an alert rule fires."""
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Rungwise.*",alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "step": "60s",
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def _variable(variable: Variable) -> Json:
    values = f"label_values({variable.metric}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.title,
        "type": "query",
        "datasource": _SOURCE,
        "definition": values,
        "query": {"qryType": 1, "query": values, "refId": "Variable"},
        "current": {"text": ["All"], "value": ["$__all"]},
        "allValue": ".*",
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "options": [],
        "refresh": 2,
        "regex": "",
        "sort": 1,
    }


def _laid_out(rows: Sequence[Row]) -> Iterator[Json]:
    top, number = 0, 0
    for row in rows:
        number += 1
        head = _row(row, number, top)
        top += 1
        panels: list[Json] = []
        left = deepest = 0
        for panel in row.panels:
            if left + panel.width > _WIDE:
                top, left, deepest = top + deepest, 0, 0
            number += 1
            place: Json = {"h": panel.height, "w": panel.width, "x": left, "y": top}
            panels.append(_panel(panel, number, place))
            left, deepest = left + panel.width, max(deepest, panel.height)
        yield {**head, "panels": panels if row.folded else []}
        if row.folded:
            continue
        top += deepest
        yield from panels


def _row(row: Row, number: int, top: int) -> Json:
    place = {"h": 1, "w": _WIDE, "x": 0, "y": top}
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": row.folded,
        "gridPos": place,
    }


def _panel(panel: Panel, number: int, place: Json) -> Json:
    return {
        "id": number,
        "title": panel.title,
        "description": panel.told,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _field(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        "transformations": _transformations(panel),
        "targets": [_target(panel, *named) for named in zip(_LETTERS, panel.queries, strict=False)],
    }


def _target(panel: Panel, letter: str, query: Query) -> Json:
    told: Json = {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
    }
    format = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
    return told | {"format": format}


def _field(panel: Panel) -> Json:
    told: Json = {"unit": panel.unit, "thresholds": _thresholds(panel.steps)}
    told["color"] = {"mode": "thresholds" if _by_thresholds(panel) else "palette-classic"}
    for name, value in (("min", panel.least), ("max", panel.most), ("decimals", panel.decimals)):
        if value is not None:
            told[name] = value
    if panel.kind == "timeseries":
        told["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 25 if panel.stacked else 0,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
        }
    elif panel.kind == "state-timeline":
        told["custom"] = {"lineWidth": 0, "fillOpacity": 80}
    return told


def _by_thresholds(panel: Panel) -> bool:
    return panel.kind in ("gauge", "state-timeline") or (panel.kind == "stat" and bool(panel.steps))


def _thresholds(steps: Sequence[Step]) -> Json:
    told = [{"value": step.value, "color": step.colour} for step in steps]
    return {"mode": "absolute", "steps": told or [{"value": None, "color": "green"}]}


def _overrides(panel: Panel) -> list[Json]:
    """A table's columns: each query's values come as `Value #A`."""
    return [
        {
            "matcher": {"id": "byName", "options": lane.title},
            "properties": [{"id": "unit", "value": lane.unit}],
        }
        for lane in panel.lanes
    ]


def _options(panel: Panel) -> Json:
    last: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.kind:
        case "timeseries":
            legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "stat":
            mode = "value_and_name" if len(panel.queries) > 1 or _by_label(panel) else "value"
            return {
                "reduceOptions": last,
                "colorMode": "value",
                "graphMode": "none" if panel.queries[0].instant else "area",
                "textMode": mode,
            }
        case "gauge":
            return {"reduceOptions": last, "showThresholdMarkers": True}
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case "heatmap":
            return {
                "calculate": False,
                "yAxis": {"unit": panel.unit, "axisPlacement": "left"},
                "color": {"mode": "scheme", "scheme": "Blues", "steps": 64},
                "cellGap": 1,
                "tooltip": {"mode": "single"},
            }
        case _:
            return {"showValue": "never", "mergeValues": True, "rowHeight": 0.9}


def _by_label(panel: Panel) -> bool:
    return any("{{" in query.legend for query in panel.queries)


def _transformations(panel: Panel) -> list[Json]:
    if panel.kind != "table":
        return []
    renamed = {
        f"Value #{letter}": lane.title for letter, lane in zip(_LETTERS, panel.lanes, strict=False)
    }
    if len(panel.lanes) == 1:
        renamed = {"Value": panel.lanes[0].title}
    merge: Json = {"id": "merge", "options": {}}
    organize: Json = {
        "id": "organize",
        "options": {"excludeByName": {"Time": True}, "renameByName": renamed},
    }
    return [merge, organize]
